//go:build unix

package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestWalk runs the commands of the README under "Serve it" as they stand there,
// against a server that was started as it says.
func TestWalk(t *testing.T) {
	needTools(t, "curl", "sh", "sed", "grep")
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(readme), "\n<!-- walk -->\n```sh\n")
	walk, _, closed := strings.Cut(rest, "\n```\n")
	if !ok || !closed {
		t.Fatal("the README has no block of commands behind <!-- walk -->")
	}
	dir := t.TempDir()
	s := serveDemo(t, dir)
	_, path, _ := strings.Cut(s.url, "/dashboard/")
	for _, text := range []string{"\ngo run ./httpapi/exportd serve\n", "\nKEY=csb_…", "\nURL=http://127.0.0.1:8080/dashboard/" + path + "\n"} {
		if !strings.Contains(before, text) {
			t.Errorf("%q is not in the README before the walk", text)
		}
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-eu")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(walk)
	cmd.Env = append(os.Environ(), "KEY="+s.key, "URL="+s.url, "PATH="+goRun(t)+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	archives, err := filepath.Glob(filepath.Join(dir, "export-acme-foods-*.zip"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives are %q, %v\n%s", archives, err, out)
	}
	for _, text := range []string{`"status":"completed"`, filepath.Base(archives[0]) + " is whole: 365 files, "} {
		if !strings.Contains(string(out), text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
	watch(t, s, string(readme), status(t, string(out[:bytes.IndexByte(out, '\n')])).JobID)
	s.stop(t)
}

// watch runs the command of the README that shows the events of an export. The
// export has ended, and so the stream does.
func watch(t *testing.T, s *serving, readme, jobID string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^curl -N .*$`).FindString(readme)
	cmd := exec.CommandContext(t.Context(), "sh", "-euc", line)
	cmd.Env = append(os.Environ(), "KEY="+s.key, "URL="+s.url, "JOB="+jobID)
	out, err := cmd.Output()
	if err != nil || !strings.Contains(string(out), "\nevent: status\nid: ") || strings.Count(string(out), "\ndata: {") != 1 ||
		!strings.Contains(string(out), `"status":"completed"`) {
		t.Errorf("%q: %v\n%s", line, err, out)
	}
}

// goRun returns a folder with a program named go, by which go run
// ./httpapi/exportd is the built exportd: the test does not download archives
// into the checkout.
func goRun(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$1 $2\" = \"run ./httpapi/exportd\" ] || exit 9\nshift 2\nexec '" + exportd(t) + "' \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
