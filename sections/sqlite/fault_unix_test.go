//go:build unix

package sqlite_test

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/orgexport/orgexport/export"
)

const childVariable = "ORGEXPORT_SQLITE_DESCRIPTORS"

// A file that cannot be opened, because the process has no descriptors left, is told apart
// from one that is not there or no database.
func TestFaultOfTheMachine(t *testing.T) {
	path := os.Getenv(childVariable)
	if path != "" {
		withoutDescriptors(t, path)
		return
	}
	path = filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (a)")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("this is a text, and no database at all, whoever reads it"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"not there": path + "-none", "no database": text} {
		if _, err := all(t.Context(), opened(t, path), "SELECT * FROM t"); err == nil || export.MachineFault(err) != "" {
			t.Errorf("%s: %v is the fault %q", name, err, export.MachineFault(err))
		}
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), childVariable+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func withoutDescriptors(t *testing.T, path string) {
	s := opened(t, path)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	var taken []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if errors.Is(err, syscall.EMFILE) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		taken = append(taken, f)
	}
	_, err := all(t.Context(), s, "SELECT * FROM t")
	for _, f := range taken {
		_ = f.Close()
	}
	if export.MachineFault(err) != export.FaultDescriptors {
		t.Errorf("without descriptors %v is the fault %q", err, export.MachineFault(err))
	}
	if _, err := all(t.Context(), s, "SELECT * FROM t"); err != nil {
		t.Errorf("with descriptors again: %v", err)
	}
}

// A file that another program has locked is no fault of the query either: the driver of package
// database/sql says so by its code.
func TestLockedIsAFaultOfTheMachine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	write(t, path, "CREATE TABLE t (a)")
	var conns [2]*sql.Conn
	for i := range conns {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if conns[i], err = db.Conn(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer conns[i].Close()
	}
	if _, err := conns[0].ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	_, err := conns[1].ExecContext(t.Context(), "SELECT * FROM t")
	if export.MachineFault(err) != export.FaultConflict {
		t.Errorf("%v is the fault %q", err, export.MachineFault(err))
	}
}
