package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestInit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := finish(t, command(t, dir, "init"))
	o.want(t, 0)
	if !strings.Contains(o.stdout, " run --config exportd.yaml --organization ID\n") {
		t.Errorf("it says\n%s", o.stdout)
	}
	starter := read(t, filepath.Join(dir, "exportd.yaml"))

	o = finish(t, command(t, dir, "init", "-"))
	o.want(t, 0)
	if o.stdout != starter || !strings.HasPrefix(starter, "# Configuration") {
		t.Errorf("it prints\n%s", o.stdout)
	}
	finish(t, command(t, dir, "init", "my own.yaml")).want(t, 0)
	wantFiles(t, dir, "exportd.yaml", "my own.yaml")

	// What is missing is the database and the folder, and nothing else.
	o = finish(t, command(t, dir, "run", "--config", "my own.yaml", "--organization", acme))
	o.want(t, 2, "my own.yaml:", "there is no database file catalog.db\n", "there is no folder files\n")
	if strings.Count(o.stderr, "\n") != 2 {
		t.Errorf("it says\n%s", o.stderr)
	}
}

func TestInitFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "mine.yaml"), "mine")
	finish(t, command(t, dir, "init", "mine.yaml")).want(t, 1, "exportd: mine.yaml is already there and was not touched\n")
	finish(t, command(t, dir, "init", "none/a.yaml")).want(t, 1, "no such file or directory\n")
	finish(t, command(t, dir, "init", "a", "b")).want(t, 2, `exportd: "b" is an argument too many: exportd init [FILE]`+"\n")
	wantFiles(t, dir, "mine.yaml")
	if got := read(t, filepath.Join(dir, "mine.yaml")); got != "mine" {
		t.Errorf("the file is %q now", got)
	}
}
