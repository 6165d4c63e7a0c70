//go:build linux

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// TestCheckUnreadable checks as a user who may not read something.
func TestCheckUnreadable(t *testing.T) {
	needTools(t, "sqlite3")
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can check as another user")
	}
	dir := catalogue(t)
	must(t, os.Chmod(filepath.Dir(dir), 0o755)) // others may go through
	must(t, os.Mkdir(filepath.Join(dir, "scratch"), 0o755))
	config, err := os.ReadFile(filepath.Join(dir, "catalog.yaml"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "catalog.yaml"), append([]byte("scratch: scratch\n"), config...), 0o644))
	for _, c := range []struct {
		closed string
		mode   os.FileMode // before
		status int
		want   string
	}{
		{"catalog.yaml", 0o644, 2, "exportd: open catalog.yaml: permission denied\n"},
		{"catalog.db", 0o644, 1, "exportd: catalog.yaml:3: the database does not answer: unable to open database file (14)\n"},
	} {
		path := filepath.Join(dir, c.closed)
		must(t, os.Chmod(filepath.Join(dir, "scratch"), 0o777))
		must(t, os.Chmod(path, 0))
		if status, stderr := checkAs(t, dir, nobody); status != c.status || stderr != c.want {
			t.Errorf("%s: status %d\n%s\nwant %d\n%s", c.closed, status, stderr, c.status, c.want)
		}
		must(t, os.Chmod(path, c.mode))
	}
	must(t, os.Chmod(filepath.Join(dir, "scratch"), 0o755))
	status, stderr := checkAs(t, dir, nobody)
	if status != 2 || !bytes.HasPrefix([]byte(stderr), []byte("exportd: catalog.yaml:1: ")) || !bytes.HasSuffix([]byte(stderr), []byte(": permission denied\n")) {
		t.Errorf("scratch: status %d\n%s", status, stderr)
	}
	must(t, os.Chmod(filepath.Join(dir, "scratch"), 0o777))
	if status, stderr := checkAs(t, dir, nobody); status != 0 || stderr != "" {
		t.Errorf("status %d\n%s", status, stderr)
	}
}

// checkAs runs exportd check as another user.
func checkAs(t *testing.T, dir string, user uint32) (status int, stderr string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exportd(t), "check", "--config", "catalog.yaml")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	var text bytes.Buffer
	cmd.Stderr = &text
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), text.String()
}
