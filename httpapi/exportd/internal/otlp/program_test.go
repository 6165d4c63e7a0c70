package otlp_test

import (
	"os/exec"
	"strings"
	"testing"
)

// A new dependency could bring gRPC back unseen, and html/template with it, which keeps the
// linker from leaving out methods: a quarter of the program.
func TestProgramHasNoGRPC(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "github.com/orgexport/orgexport/httpapi/exportd").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(out)) {
		for _, bad := range []string{"google.golang.org/grpc", "golang.org/x/net/trace", "html/template"} {
			if name == bad {
				t.Errorf("the program links %s", bad)
			}
		}
	}
}
