// Package pgtest gives tests a PostgreSQL server: one in a container, by
// testcontainers-go, or one that is there. Programs do not import it.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// and calls [Database] in its tests. One container is started when the first test
// asks for it, and removed after the last. Its image is postgres:18-alpine, or the
// one that ORGEXPORT_TEST_POSTGRES_IMAGE names. Where no container can be started
// the tests are skipped; with REQUIRE_DOCKER=1 they fail.
//
// With ORGEXPORT_TEST_POSTGRES=postgres://user:password@host/database the tests use
// that server and need no container. The user needs the right to create databases
// and no other. Only databases whose names begin with orgexport_test_ are made and
// dropped. A test that restarts its server still has a container of its own: see
// [NewServer].
package pgtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

// server is that of this test binary.
var server struct {
	sync.Mutex
	main      bool // Main is running
	started   bool // or failed to start, with err
	container *postgres.PostgresContainer
	url       string
	err       error
}

// Main runs the tests of a package and removes the container that they have used.
// It is to be the last that TestMain does; there is no need for os.Exit.
func Main(m *testing.M) {
	server.main = true
	m.Run()
	server.Lock()
	defer server.Unlock()
	if server.container == nil {
		return
	}
	if err := testcontainers.TerminateContainer(server.container); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
	}
}

// Database makes an empty database for one test and returns its URL. The user owns
// the database and has a password, which is nowhere else in the URL. The database
// is dropped when the test is over. Without a server the test is skipped, or fails
// with REQUIRE_DOCKER=1. The test fails if ORGEXPORT_TEST_POSTGRES names a server
// that cannot be used.
func Database(t testing.TB) string {
	t.Helper()
	ctx := t.Context()
	address, given, err := serverURL()
	if given && err != nil {
		t.Fatalf("pgtest: %s: %v", givenVariable, err)
	}
	need(t, err)
	name := databasePrefix + strings.ToLower(rand.Text())
	database, err := inServer(address, name)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	// A copy of template1 would have what others have put there.
	if err := execute(ctx, address, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		if err := drop(context.WithoutCancel(ctx), address, name); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	return database
}

// drop drops a database and ends the connections that a test has left open. WITH
// (FORCE) would do that too, but fails while autovacuum is at work there, unless
// the user is a superuser.
func drop(ctx context.Context, address, name string) error {
	return execute(ctx, address,
		"ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"' AND usename = current_user",
		"DROP DATABASE "+name)
}

// need skips a test that has no server, or fails it with REQUIRE_DOCKER=1.
func need(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv("REQUIRE_DOCKER") == "1":
		t.Fatalf("pgtest: no PostgreSQL container: %v", err)
	default:
		t.Skipf("pgtest: no PostgreSQL container: %v", err)
	}
}

// serverURL returns the URL of the server, which it starts if need be, and reports
// whether the server is a given one.
func serverURL() (address string, given bool, err error) {
	if address := os.Getenv(givenVariable); address != "" {
		return address, true, checkGiven(address)
	}
	server.Lock()
	defer server.Unlock()
	if !server.main {
		return "", false, fmt.Errorf("TestMain of this package does not call pgtest.Main")
	}
	if !server.started {
		server.started = true
		server.container, server.url, server.err = start()
	}
	return server.url, false, server.err
}

// inServer returns the URL of a database of the server.
func inServer(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

func execute(ctx context.Context, address string, statements ...string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err = conn.Exec(ctx, statement); err != nil {
			break
		}
	}
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}
