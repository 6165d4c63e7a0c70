package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// firstCommand is the first that the README gives.
func firstCommand(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "\n```sh\n")
	block, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed || strings.Contains(block, "\n") {
		t.Fatalf("the README's first block of commands is %q, want one command", block)
	}
	return strings.Fields(block)
}

// TestFirstCommand runs the first command of the README as it stands there, but
// for the folder of the archive, without settings that a new user has not made.
func TestFirstCommand(t *testing.T) {
	needTools(t, "unzip", "sha256sum")
	dir := t.TempDir()
	first := firstCommand(t)
	if !slices.Equal(first, []string{"go", "run", "./httpapi/exportd", "demo"}) {
		t.Fatalf("the README's first command is %q", first)
	}
	cmd := exec.CommandContext(t.Context(), first[0], append(first[1:], "--out", dir)...)
	cmd.Dir = "../.."
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "GOCACHE", "GOMODCACHE", "GOPATH", "GOROOT", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"} {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, "GOFLAGS=-buildvcs=false")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "export-acme-foods-*.zip"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives are %q, %v", archives, err)
	}
	if text := "\n  go run ./httpapi/exportd list " + archives[0] + "\n"; !strings.Contains(string(out), text) {
		t.Errorf("%q is not in\n%s", text, out)
	}
	command(t, dir, "unzip", "-qt", archives[0])
	command(t, dir, "unzip", "-q", archives[0])
	command(t, strings.TrimSuffix(archives[0], ".zip"), "sha256sum", "--quiet", "-c", "SHA256SUMS")
	command(t, dir, exportd(t), "verify", archives[0])
	listed := command(t, dir, exportd(t), "list", archives[0])
	if n := strings.Count(string(listed), "\n"); n != 365 {
		t.Errorf("%d files are listed, want 365:\n%s", n, listed)
	}
}
