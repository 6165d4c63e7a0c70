package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A function that calls methods by names that it gets, such as the executor of
// text/template, makes the linker keep all methods of the program, which are 10 MB. The
// linker marks such functions.
func TestLinkerDropsMethods(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "exportd"), "github.com/orgexport/orgexport/httpapi/exportd")
	c.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "CGO_ENABLED=0")
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("-> github.com/orgexport/orgexport/httpapi/exportd/internal/cli.Main")) {
		t.Fatalf("go build: %v, %d bytes of output", err, len(out))
	}
	for line := range strings.Lines(string(out)) {
		// Methods of package reflect are there because all are.
		if caller, _, _ := strings.Cut(line, " -> "); strings.HasSuffix(line, " <ReflectMethod>\n") && !strings.Contains(caller, "reflect.") {
			t.Error(line)
		}
	}
}
