package riverqueue_test

import (
	"bytes"
	"context"
	"database/sql"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestMain is also that of the processes that the tests start: see child_test.go
// and worker_test.go.
func TestMain(m *testing.M) {
	if config := os.Getenv(childWorker); config != "" {
		childWork(config)
		return
	}
	if address := os.Getenv(childAddress); address != "" {
		child(address, os.Getenv(childFolder))
		return
	}
	pgtest.Main(m)
}

func task(id string) jobs.Task { return jobs.Task{Kind: jobs.TaskExport, JobID: id} }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// log is where a logger of several goroutines writes to.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// open connects to a database with a pool of its own, as another process would.
func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// newQueue makes a queue as a process of its own would. Config has defaults for
// what tests need.
func newQueue(t *testing.T, address string, c riverqueue.Config) *riverqueue.Queue {
	t.Helper()
	if c.DB == nil {
		c.DB = open(t, address)
	}
	c.ListenURL = address
	if c.Logger == nil {
		c.Logger = quiet()
	}
	q, err := riverqueue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// migrated makes a queue in a new database, and returns the database's address.
func migrated(t *testing.T, c riverqueue.Config) (*riverqueue.Queue, string) {
	t.Helper()
	address := pgtest.Database(t)
	q := newQueue(t, address, c)
	if err := q.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return q, address
}

func dispatch(t *testing.T, q *riverqueue.Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := q.Dispatch(t.Context(), task(id)); err != nil {
			t.Fatal(err)
		}
	}
}

// start runs a queue until stop is called, which returns what Run has returned.
func start(t *testing.T, q *riverqueue.Queue, work func(context.Context, jobs.Task) error) (stop func(cause error) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() { result <- q.Run(ctx, work) }()
	return func(cause error) error {
		cancel(cause)
		return <-result
	}
}

// receive waits for what is to happen.
func receive[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		t.Fatalf("%s: not in a minute", what)
		panic("not reached")
	}
}

// eventually waits for a number in the database.
func eventually(t *testing.T, db *sql.DB, want int64, query string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for {
		n := number(t, db, query)
		if n == want {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s gives %d, want %d", query, n, want)
		}
	}
}

// number runs a query that returns one.
func number(t *testing.T, db *sql.DB, query string) int64 {
	t.Helper()
	var n int64
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const (
	countWaiting = "SELECT count(*) FROM river_job WHERE state = 'available'"
	countRunning = "SELECT count(*) FROM river_job WHERE state = 'running'"
	countRows    = "SELECT count(*) FROM river_job"
)
