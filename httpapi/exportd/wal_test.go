//go:build linux

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWALInReadOnlyFolder exports a database in WAL mode as a user who may read its folder
// and not write it. Its log is there alone, as a careless copy leaves it, or not at all.
func TestWALInReadOnlyFolder(t *testing.T) {
	needTools(t, "sqlite3", "unzip")
	if os.Getuid() != 0 {
		t.Skip("skipped: only root can run the export as another user")
	}
	out := filepath.Join(t.TempDir(), "out")
	must(t, os.Mkdir(out, 0o777))
	must(t, os.Chmod(out, 0o777))
	must(t, os.Chmod(filepath.Dir(out), 0o755))
	must(t, os.Chmod(filepath.Dir(filepath.Dir(out)), 0o755))
	for name, c := range map[string]struct {
		last string // statement, after which the connection is lost
		want string
	}{
		"closed": {"", ""},
		"lost":   {".shell cp app.db-wal kept", "app.db-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, os.Chmod(filepath.Dir(dir), 0o755))
			must(t, os.Chmod(dir, 0o755))
			shell := exec.CommandContext(t.Context(), "sqlite3", "app.db")
			shell.Dir = dir
			shell.Stdin = strings.NewReader("PRAGMA journal_mode = WAL; CREATE TABLE o (id, slug, name); INSERT INTO o VALUES ('o1', 'acme', 'Acme');\n" + c.last + "\n")
			if said, err := shell.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if c.want != "" {
				must(t, os.Rename(filepath.Join(dir, "kept"), filepath.Join(dir, "app.db-wal")))
			}
			must(t, os.WriteFile(filepath.Join(dir, "exportd.yaml"), []byte(`source: {database: "sqlite:app.db"}
organization: {sql: "SELECT id, slug, name FROM o WHERE id = :organization_id"}
sections: [{key: o, records: [{file: o.csv, sql: "SELECT * FROM o WHERE id = :organization_id"}]}]
`), 0o644)) //nolint:gosec // another user reads it
			for _, file := range []string{"app.db", "app.db-wal"} {
				if _, err := os.Stat(filepath.Join(dir, file)); err == nil {
					must(t, os.Chmod(filepath.Join(dir, file), 0o644)) //nolint:gosec // another user reads it
				}
			}
			archive := filepath.Join(out, name+".zip")
			cmd := exec.CommandContext(t.Context(), exportd(t), "run", "--config", filepath.Join(dir, "exportd.yaml"), "--organization", "o1", "--out", archive)
			cmd.Env = append(os.Environ(), "TMPDIR="+out, "HOME="+out)
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			said, err := cmd.CombinedOutput()
			if c.want != "" {
				if err == nil || !strings.Contains(string(said), c.want) || !strings.Contains(string(said), "wal_checkpoint") {
					t.Errorf("%v\n%s", err, said)
				}
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			if got := string(command(t, out, "unzip", "-p", archive, "*/o/o.csv")); got != "id,slug,name\r\no1,acme,Acme\r\n" {
				t.Errorf("it has %q", got)
			}
		})
	}
}
