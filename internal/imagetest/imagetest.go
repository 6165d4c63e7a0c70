// Package imagetest builds the image of exportd for tests.
package imagetest

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Build makes the image of the Dockerfile in httpapi/exportd/deploy of the repository at top, and
// returns its name and the size of the program in it, in bytes. It does so without an image of Go,
// which may not be there: the program is compiled by the Go of the test, with the command that
// the Dockerfile has. The image is removed when the test is over.
func Build(t testing.TB, top string) (image string, program int64) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "httpapi/exportd/deploy/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	build := regexp.MustCompile(`(?m)^RUN (CGO_ENABLED=0 go build .*)$`).FindSubmatch(text)
	_, final, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if build == nil || !ok {
		t.Fatal("the Dockerfile has not the stages that this test knows")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for _, name := range []string{"tmp", "data"} {
		if err := os.MkdirAll(filepath.Join(out, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(out, "ca-certificates.crt"), "# none is needed here\n")
	compile := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(string(build[1]), "/out/", out+"/"))
	compile.Dir = top
	compile.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off") // no -race, which needs C
	run(t, compile)
	info, err := os.Stat(filepath.Join(out, "exportd"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\n"+strings.ReplaceAll(final, "--from=build ", ""))
	image = "orgexport-test-" + strings.ToLower(rand.Text())
	run(t, exec.CommandContext(t.Context(), "docker", "build", "-q", "-t", image, dir))
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.WithoutCancel(t.Context()), "docker", "rmi", image).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	return image, info.Size()
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}
