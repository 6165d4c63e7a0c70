package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// binary is exportd as users build it, without the race detector, whose
// memory and time are other than theirs. It is built once.
var binary struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binary.dir != "" {
		if err := os.RemoveAll(binary.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// exportd returns the path of the built command.
func exportd(t *testing.T) string {
	t.Helper()
	binary.once.Do(func() {
		//nolint:usetesting // it outlives the test that builds it
		if binary.dir, binary.err = os.MkdirTemp("", "exportd-*"); binary.err != nil {
			return
		}
		// Other users run it too.
		if binary.err = os.Chmod(binary.dir, 0o755); binary.err != nil {
			return
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(binary.dir, "exportd"), ".")
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return filepath.Join(binary.dir, "exportd")
}

// lack skips the test, or fails it where skips are forbidden.
func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatalf("there is no %s, and REQUIRE_TOOLS is 1", what)
	}
	t.Skipf("skipped: there is no %s", what)
}

func needTools(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			lack(t, name)
		}
	}
}

// pythonWithYAML returns a Python that has PyYAML.
func pythonWithYAML(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import yaml").Run() == nil {
			return name
		}
	}
	lack(t, "python3 with PyYAML")
	return ""
}
