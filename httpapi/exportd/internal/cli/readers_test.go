//go:build unix

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadableByOthers: a password in a file that others may read draws a warning, which
// has no password, and with --strict is an error.
func TestReadableByOthers(t *testing.T) {
	t.Parallel()
	d := inPostgres(t)
	dir := shop(t, organizationSection)
	configure(t, dir, "jobs: {database: '"+d.source+"'}\n")
	file := filepath.Join(dir, "exportd.yaml")
	must(t, os.Chmod(file, 0o640)) //nolint:gosec // that is the point
	const problem = "exportd.yaml:1: here is a password, and others than the owner may read the file: chmod 600 it, "

	o := finish(t, command(t, dir, "check"))
	o.want(t, 0, "exportd: warning: "+problem)
	strict := finish(t, command(t, dir, "check", "--strict"))
	strict.want(t, 1, "exportd: warning: "+problem, "exportd: there are warnings, and --strict was given\n")
	ran := run(t, dir, "--out", "out")
	ran.want(t, 0, `level=WARN msg="the configuration is not safe" problem="`+problem)
	refused := finish(t, command(t, dir, "serve", "--listen", "127.0.0.1:0", "--strict"))
	refused.want(t, 2, "exportd: "+problem)
	working := finish(t, command(t, dir, "worker", "--strict"))
	working.want(t, 2, "exportd: "+problem)
	s := begin(t, dir, "serve", "--listen", "127.0.0.1:0")
	s.stop(t)
	w := begin(t, dir, "worker")
	w.stop(t)
	for _, text := range []string{s.log.String(), w.log.String()} {
		if strings.Count(text, `level=WARN msg="the configuration is not safe" problem="`+problem) != 1 {
			t.Errorf("the log is\n%s", text)
		}
	}
	for _, text := range []string{o.stderr, strict.stderr, ran.stderr, refused.stderr, working.stderr, s.log.String(), w.log.String()} {
		if strings.Contains(text, ":"+d.secret+"@") {
			t.Errorf("the password is in\n%s", text)
		}
	}

	must(t, os.Chmod(file, 0o600))
	finish(t, command(t, dir, "check", "--strict")).want(t, 0)
}
