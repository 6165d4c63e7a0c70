package pgtest_test

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/internal/pgtest"
)

const makerPassword = "maker-test-password"

// TestGivenServer runs the other tests with a server that is there, as a user who
// may create databases and nothing else.
func TestGivenServer(t *testing.T) {
	t.Setenv("ORGEXPORT_TEST_POSTGRES", "") // the user of the container may make roles
	boss := connect(t, pgtest.Database(t))
	if _, err := boss.Exec(t.Context(), "CREATE ROLE maker LOGIN CREATEDB PASSWORD '"+makerPassword+"'"); err != nil {
		t.Fatal(err)
	}
	config := boss.Config()
	given := "ORGEXPORT_TEST_POSTGRES=" + (&url.URL{
		Scheme: "postgres", User: url.UserPassword("maker", makerPassword), Path: "/" + config.Database,
		RawQuery: url.Values{"host": {config.Host}, "port": {strconv.Itoa(int(config.Port))}, "sslmode": {"disable"}}.Encode(),
	}).String()
	before := databases(t, boss)
	for _, c := range []struct{ test, require, want string }{
		{"TestDatabase", "1", "--- PASS: TestDatabase"},
		{"TestServer", "", "--- SKIP: TestServer"},
		{"TestServer", "1", "--- FAIL: TestServer"},
	} {
		out, err := child(t, c.test, given, "REQUIRE_DOCKER="+c.require)
		if (err != nil) != strings.Contains(c.want, "FAIL") || !strings.Contains(out, c.want) {
			t.Errorf("%s with REQUIRE_DOCKER=%q: %v, want %q\n%s", c.test, c.require, err, c.want, out)
		}
		if c.test == "TestServer" && !strings.Contains(out, "pgtest: no PostgreSQL container: this test restarts its server: ") {
			t.Errorf("%s does not say why it needs a container\n%s", c.test, out)
		}
	}
	if after := databases(t, boss); !slices.Equal(after, before) {
		t.Errorf("the databases are %q, and were %q before", after, before)
	}
}

func databases(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), "SELECT datname FROM pg_database ORDER BY datname")
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestBadGivenServer: a test that was given a server is never skipped.
func TestBadGivenServer(t *testing.T) {
	const password = "hunter2-hunter2"
	for address, want := range map[string]string{
		"postgres://maker:" + password + "@127.0.0.1:1/db":                     "connect",
		"host=127.0.0.1 password=" + password:                                  "want postgres://",
		"postgres://maker:" + password + "@127.0.0.1:" + password + "/db":      "want postgres://",
		"postgres://maker@127.0.0.1:1/db":                                      "want a password",
		"postgres://maker:hunter2@127.0.0.1:1/db":                              "want a password",
		"postgres://maker-" + password + ":" + password + "@127.0.0.1:1/db":    "want a password",
		"postgres://maker:orgexport_test@127.0.0.1:1/db":                       "want a password",
		"postgres://maker:" + password + "@127.0.0.1:1/db?dbname=production":   "want the database in the path",
		"postgres://maker:" + password + "@127.0.0.1:1/db?connect_timeout=one": "connect_timeout",
	} {
		out, err := child(t, "TestDatabase", "ORGEXPORT_TEST_POSTGRES="+address, "REQUIRE_DOCKER=")
		if err == nil || !strings.Contains(out, "--- FAIL: TestDatabase") || !strings.Contains(out, want) {
			t.Errorf("with %q: %v, want %q\n%s", address, err, want, out)
		}
		if strings.Contains(out, password+"@") || strings.Contains(out, "password="+password) {
			t.Errorf("with %q: the output tells the password\n%s", address, out)
		}
	}
}

// TestLeftConnections: what a test leaves open does not keep its database.
func TestLeftConnections(t *testing.T) {
	var left *pgx.Conn
	t.Run("test", func(t *testing.T) { left = connect(t, pgtest.Database(t)) })
	if left == nil {
		t.Skip("no server")
	}
	if err := left.Ping(t.Context()); err == nil {
		t.Error("the database is still there")
	}
}
