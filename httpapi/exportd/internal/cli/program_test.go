package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/archive/archivetest"
)

// command is the program, to be started in a folder.
func command(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), program(t, args), args...)
	c.Dir = dir
	// The race detector, if there is one, would let each program sleep for a
	// second at its end.
	c.Env = append(os.Environ(), "EXPORTD_RUN_MAIN=1", "GORACE=atexit_sleep_ms=0")
	return c
}

// program returns the program that runs the command: these tests themselves. With the race
// detector a program takes five times as long to start, which is most of what commands take
// that end at once: those are the real program, built without it.
func program(t *testing.T, args []string) string {
	t.Helper()
	if archivetest.RaceDetector && (len(args) == 0 || !slices.Contains([]string{"serve", "worker", "demo", "run"}, args[0])) {
		if plain.once.Do(func() { buildPlain(t.Context()) }); plain.err != nil {
			t.Fatal(plain.err)
		}
		return filepath.Join(plain.dir, "exportd")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return self
}

var plain struct {
	once sync.Once
	dir  string
	err  error
}

func buildPlain(ctx context.Context) {
	if plain.dir, plain.err = os.MkdirTemp("", "exportd-*"); plain.err != nil {
		return
	}
	c := exec.CommandContext(ctx, "go", "build", "-o", plain.dir, "github.com/orgexport/orgexport/httpapi/exportd")
	c.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		plain.err = fmt.Errorf("go build: %w\n%s", err, out)
	}
}

// removePlain removes what buildPlain has made.
func removePlain() {
	if plain.dir != "" {
		_ = os.RemoveAll(plain.dir)
	}
}
