package config_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// TestWarnings: a file is warned of if it has a password and others may read it, in
// whatever way.
func TestWarnings(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has other rights")
	}
	const inBoth = "jobs: {database: 'postgres://me:s3cret@localhost/jobs'}\nsource: {database: 'postgres://me@localhost/shop?password=s3cret'}\n"
	for _, c := range []struct {
		name, databases string
		mode            os.FileMode
		env             string // of the jobs
		lines           []int
	}{
		{name: "others", databases: inBoth, mode: 0o604, lines: []int{2, 1}},
		{name: "the group", databases: inBoth, mode: 0o640, lines: []int{2, 1}},
		{name: "who may write only", databases: inBoth, mode: 0o620, lines: []int{2, 1}},
		{name: "nobody", databases: inBoth, mode: 0o600},
		{name: "from the environment", databases: "jobs: {database: 'sqlite:jobs.db'}\nsource: {database: 'postgres://me@localhost/shop'}\n", mode: 0o644, env: "postgres://me:s3cret@localhost/jobs"},
		{name: "no password", databases: "source: {database: 'postgres://me@localhost/shop?sslmode=disable'}\n", mode: 0o644},
		{name: "no password of SQLite", databases: "source: {database: 'sqlite://me:s3cret@shop.db'}\n", mode: 0o644},
		{name: "a password of a key", databases: "source: {database: 'postgres://me@localhost/shop?sslpassword=s3cret'}\n", mode: 0o644, lines: []int{1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("ORGEXPORT_JOBS_DATABASE", c.env)
			file := filepath.Join(t.TempDir(), "exportd.yaml")
			_, rest, _ := strings.Cut(catalogue, "catalog.db\"}\n")
			if err := os.WriteFile(file, []byte(c.databases+rest), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, c.mode); err != nil {
				t.Fatal(err)
			}
			loaded, err := config.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			warnings := loaded.Warnings()
			if len(warnings) != len(c.lines) {
				t.Fatalf("warnings are %q, want lines %v", warnings, c.lines)
			}
			for i, w := range warnings {
				if w.Line != c.lines[i] || !strings.Contains(w.Message, "here is a password") || strings.Contains(w.String(), "s3cret") {
					t.Errorf("it warns of %q, want line %d", w, c.lines[i])
				}
			}
		})
	}
}
