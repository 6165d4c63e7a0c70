package pgtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDatabase(t *testing.T) {
	one, two := connect(t, pgtest.Database(t)), connect(t, pgtest.Database(t))
	if _, err := one.Exec(t.Context(), "CREATE TABLE things (id int)"); err != nil {
		t.Fatal(err)
	}
	if _, err := two.Exec(t.Context(), "SELECT FROM things"); err == nil {
		t.Error("two databases are the same one")
	}
}

func connect(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	return conn // left open: Database drops what tests leave
}

// TestWithoutContainer runs TestDatabase where the container cannot be started.
func TestWithoutContainer(t *testing.T) {
	for require, want := range map[string]string{"": "--- SKIP: TestDatabase", "1": "--- FAIL: TestDatabase"} {
		out, err := child(t, "TestDatabase", "REQUIRE_DOCKER="+require, "ORGEXPORT_TEST_POSTGRES=")
		if (err == nil) != (require == "") || !strings.Contains(out, want) || !strings.Contains(out, "pgtest: no PostgreSQL container: ") {
			t.Errorf("with REQUIRE_DOCKER=%q: %v, want %q and why\n%s", require, err, want, out)
		}
	}
}

// child runs one of these tests in a process that cannot start a container.
func child(t *testing.T, name string, env ...string) (output string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+name+"$", "-test.v")
	cmd.Env = append(os.Environ(), "ORGEXPORT_TEST_POSTGRES_IMAGE=127.0.0.1:1/no/registry:1")
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
