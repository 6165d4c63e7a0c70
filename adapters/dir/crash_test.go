package dir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
)

// childEnv makes of the test binary a process that writes to the folder that
// it names, as childMode says, until it is killed or its standard input ends.
const (
	childEnv  = "ORGEXPORT_TEST_DIR"
	childMode = "ORGEXPORT_TEST_DIR_MODE"
	childKey  = "org/job/1.zip"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := child(path, os.Getenv(childMode)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var childContent = strings.Repeat("half an archive ", 100_000)

func child(path, mode string) error {
	f, err := openFolder(path)
	if err != nil {
		return err
	}
	wait := func() error {
		fmt.Println("ready")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	}
	if mode == "write" {
		return f.put(context.Background(), childKey, func(w io.Writer) error {
			if _, err := io.WriteString(w, childContent); err != nil {
				return err
			}
			return wait()
		})
	}
	// As Put does, to the point before the file gets its name.
	t, err := f.newTemp()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(t.file, childContent); err != nil {
		return err
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	if err := wait(); err != nil {
		return err
	}
	return f.publish(t, childKey)
}

// process is a child that has come to the point where it waits.
type process struct {
	*exec.Cmd
	in io.Closer
}

func startChild(t *testing.T, path, mode string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path, childMode+"="+mode)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return &process{cmd, in}
}

func temps(t *testing.T, path string) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(path, tempFolder))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func open(t *testing.T, path string) *Destination {
	t.Helper()
	d, err := NewDestination(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func sweep(t *testing.T, f *folder) {
	t.Helper()
	if err := f.Sweep(t.Context()); err != nil {
		t.Errorf("sweep: %v", err)
	}
}

func wantNothing(t *testing.T, d *Destination) {
	t.Helper()
	if _, err := d.Open(t.Context(), childKey); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Open gives %v", err)
	}
	if keys, err := d.List(t.Context(), ""); err != nil || len(keys) > 0 {
		t.Errorf("List gives %v, %v", keys, err)
	}
}

// TestKilled kills a writer at two points; until then it is left alone. What it
// leaves is swept by who opens the folder, and by who has it open.
func TestKilled(t *testing.T) {
	for _, mode := range []string{"write", "rename"} {
		t.Run(mode, func(t *testing.T) {
			path := t.TempDir()
			p := startChild(t, path, mode)
			d := open(t, path)
			wantNothing(t, d)
			if n := temps(t, path); n != 1 {
				t.Fatalf("%d temporary files while the writer lives, want 1", n)
			}
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = p.Wait() // it was killed
			wantNothing(t, d)
			if n := temps(t, path); n != 1 {
				t.Errorf("%d temporary files after the kill, want 1", n)
			}
			wantNothing(t, open(t, path))
			if n := temps(t, path); n != 0 {
				t.Errorf("%d temporary files after the folder was opened, want none", n)
			}
		})
	}
	for _, mode := range []string{"write", "rename"} {
		t.Run(mode+" beside another", func(t *testing.T) {
			path := t.TempDir()
			d := open(t, path)
			living, p := startChild(t, path, mode), startChild(t, path, mode)
			if err := p.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = p.Wait() // it was killed
			for range 2 {
				if err := d.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
				if n := temps(t, path); n != 1 {
					t.Errorf("%d temporary files after the sweep, want that of who lives", n)
				}
			}
			if err := living.in.Close(); err != nil {
				t.Fatal(err)
			}
			if err := living.Wait(); err != nil {
				t.Errorf("the living writer ended with %v", err)
			}
		})
	}
}

// TestSweepLeavesTheLiving opens the folder while another process writes, which
// then goes on.
func TestSweepLeavesTheLiving(t *testing.T) {
	for _, mode := range []string{"write", "rename"} {
		t.Run(mode, func(t *testing.T) {
			path := t.TempDir()
			p := startChild(t, path, mode)
			for range 3 {
				wantNothing(t, open(t, path))
			}
			if err := p.in.Close(); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); err != nil {
				t.Fatalf("the writer ended with %v", err)
			}
			r, err := open(t, path).Open(t.Context(), childKey)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if got, err := io.ReadAll(r); err != nil || string(got) != childContent {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if n := temps(t, path); n != 0 {
				t.Errorf("%d temporary files", n)
			}
		})
	}
}

// TestSweptBeforeLocked has a sweep at the one moment when a new file is not
// locked.
func TestSweptBeforeLocked(t *testing.T) {
	f, err := openFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.root.Close()
	for _, sweeper := range []string{"has removed it", "has it"} {
		file, err := f.root.OpenFile(tempFolder+"/x", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if os.IsNotExist(err) {
			if err = f.root.Mkdir(tempFolder, 0o700); err == nil {
				file, err = f.root.OpenFile(tempFolder+"/x", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		fresh := &temp{folder: f, file: file, name: tempFolder + "/x"}
		if sweeper == "has removed it" {
			sweep(t, f)
		} else {
			other, err := f.root.OpenFile(fresh.name, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := lock(other); err != nil {
				t.Fatal(err)
			}
			defer other.Close()
		}
		if err := fresh.claim(); err == nil {
			t.Errorf("a file is claimed though the sweep %s", sweeper)
		}
		fresh.discard()
	}
}

// TestLockedIsNeverTooOld has an export that takes weeks.
func TestLockedIsNeverTooOld(t *testing.T) {
	path := t.TempDir()
	f, err := openFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.root.Close()
	held, err := f.newTemp()
	if err != nil {
		t.Fatal(err)
	}
	defer held.discard()
	old := time.Now().Add(-2 * maxAge)
	if err := os.Chtimes(filepath.Join(path, filepath.FromSlash(held.name)), old, old); err != nil {
		t.Fatal(err)
	}
	sweep(t, f)
	if n := temps(t, path); n != 1 {
		t.Errorf("a file that is locked was removed for its age")
	}
}
