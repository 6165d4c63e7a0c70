// Package pgtest gives tests a PostgreSQL server in a container, by
// testcontainers-go. Programs do not import it.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// and calls [Database] in its tests. One server is started when the first test
// asks for it, and removed after the last. A test that restarts its server has one
// of its own: see [NewServer].
//
// The image is postgres:18-alpine, or what ORGEXPORT_TEST_POSTGRES_IMAGE names.
// Where no container can be started the tests are skipped; with REQUIRE_DOCKER=1
// they fail.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

const (
	defaultImage = "postgres:18-alpine"
	startTimeout = 3 * time.Minute // an image may have to be pulled
)

// server is that of this test binary.
var server struct {
	sync.Mutex
	main      bool // Main is running
	started   bool // or failed to start, with err
	container *postgres.PostgresContainer
	url       string
	err       error
	databases int
}

// Main runs the tests of a package and removes the server that they have used.
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

// Database makes an empty database for one test and returns its URL, whose user
// is a superuser and has a password. It is dropped when the test is over. Without
// a server the test is skipped, or fails with REQUIRE_DOCKER=1.
func Database(t testing.TB) string {
	t.Helper()
	ctx := t.Context()
	address, name, err := newName()
	need(t, err)
	if err := execute(ctx, address, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	t.Cleanup(func() {
		// Without the connections that a test has left open.
		if err := execute(context.WithoutCancel(ctx), address, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("pgtest: %v", err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	u.Path = "/" + name
	return u.String()
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

// newName returns the URL of the server, which it starts if need be, and a name
// for a database.
func newName() (address, name string, err error) {
	server.Lock()
	defer server.Unlock()
	if !server.main {
		return "", "", fmt.Errorf("TestMain of this package does not call pgtest.Main")
	}
	if !server.started {
		server.started = true
		server.container, server.url, server.err = start()
	}
	server.databases++
	return server.url, fmt.Sprintf("test_%d", server.databases), server.err
}

func start() (container *postgres.PostgresContainer, address string, err error) {
	defer func() {
		// That is how testcontainers tells that there is no Docker.
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	image := os.Getenv("ORGEXPORT_TEST_POSTGRES_IMAGE")
	if image == "" {
		image = defaultImage
	}
	container, err = postgres.Run(ctx, image,
		postgres.WithUsername("orgexport"), postgres.WithPassword("pg-test-password"),
		postgres.BasicWaitStrategies(),
		testcontainers.WithLogger(silent{}),
		testcontainers.WithCmdArgs(
			"-c", "max_connections=300", // tests run in parallel, each with a pool
			"-c", "fsync=off", // no test cuts the power: what a killed server has written is there
		),
	)
	if err == nil {
		address, err = addressOf(ctx, container)
	}
	return container, address, err
}

func addressOf(ctx context.Context, container *postgres.PostgresContainer) (string, error) {
	return container.ConnectionString(ctx, "sslmode=disable")
}

// silent is a logger: what went wrong is in the errors.
type silent struct{}

func (silent) Printf(string, ...any) {}

func execute(ctx context.Context, address, statement string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	if closeErr := conn.Close(ctx); err == nil {
		err = closeErr
	}
	return err
}
