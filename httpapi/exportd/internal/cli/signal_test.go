//go:build unix

package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// eventually waits until it is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	within(t, time.Minute, what, is)
}

// within waits until it is so, and fails the test if that takes longer than limit.
func within(t *testing.T, limit time.Duration, what string, is func() bool) {
	t.Helper()
	deadline := time.After(limit)
	// The machine is for what is waited for: it is asked less and less often.
	for pause := 5 * time.Millisecond; !is(); pause = min(pause*5/4, 100*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-deadline:
			t.Fatalf("after %v: not yet %s", limit, what)
		}
	}
}

func start(t *testing.T, c *exec.Cmd) *bytes.Buffer {
	t.Helper()
	var stderr bytes.Buffer
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return &stderr
}

func TestSignals(t *testing.T) {
	t.Parallel()
	for s, status := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		t.Run(s.String(), func(t *testing.T) {
			dir := shop(t, productsSection, slowSection)
			write(t, filepath.Join(dir, "out/a.zip"), "old")
			c := command(t, dir, runFlags("--out", "out/a.zip")...)
			stderr := start(t, c)
			eventually(t, "writing", func() bool {
				names, err := filepath.Glob(filepath.Join(dir, "out/.a.zip.partial-*"))
				return err == nil && len(names) == 1
			})
			if err := c.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			_ = c.Wait()
			if c.ProcessState.ExitCode() != status || stderr.String() != "exportd: interrupted\n" {
				t.Errorf("status %d, want %d; it says\n%s", c.ProcessState.ExitCode(), status, stderr)
			}
			if read(t, filepath.Join(dir, "out/a.zip")) != "old" {
				t.Error("the old file has changed")
			}
			nothingLeft(t, dir, "out/a.zip")
		})
	}
}

// Nobody opens the pipe, so the program cannot end in good order.
func TestSecondSignalKills(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	if err := syscall.Mkfifo(filepath.Join(dir, "out/pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := command(t, dir, runFlags("--out", "out/pipe")...)
	start(t, c)
	done := make(chan bool, 1)
	go func() {
		_ = c.Wait() // it is killed
		done <- true
	}()
	eventually(t, "ended", func() bool {
		_ = c.Process.Signal(os.Interrupt) // the program may have ended
		return len(done) == 1
	})
	<-done
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGINT {
		t.Errorf("it ended with %v", c.ProcessState)
	}
}

// Programs started with nohup go on.
func TestIgnoredSignal(t *testing.T) {
	t.Parallel()
	dir := shop(t, productsSection, slowSection)
	inner := command(t, dir, runFlags("--out", "out/a.zip")...)
	c := command(t, dir)
	c.Path = "/bin/sh"
	c.Args = append([]string{"sh", "-c", `trap "" HUP && exec "$0" "$@"`}, inner.Args...)
	stderr := start(t, c)
	eventually(t, "writing", func() bool {
		entries, err := os.ReadDir(filepath.Join(dir, "out"))
		return err == nil && len(entries) == 1 && strings.Contains(entries[0].Name(), "partial")
	})
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := c.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	_ = c.Wait()
	if c.ProcessState.ExitCode() != 143 {
		t.Errorf("it ended with %v\n%s", c.ProcessState, stderr)
	}
	nothingLeft(t, dir)
}
