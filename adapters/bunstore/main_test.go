package bunstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestMain is also that of the processes that the tests start: see child_test.go.
func TestMain(m *testing.M) {
	if address := os.Getenv(childAddress); address != "" {
		child(address)
		return
	}
	pgtest.Main(m)
}

// eachDatabase runs a test on SQLite and on PostgreSQL; newAddress makes an empty
// database and returns its address.
func eachDatabase(t *testing.T, test func(t *testing.T, newAddress func(t *testing.T) string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "jobs.db") })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, func(t *testing.T) string { return pgtest.Database(t) })
	})
}

// open opens a database that may have no tables.
func open(t testing.TB, address string, config Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// migrated opens a database and makes its tables.
func migrated(t testing.TB, address string, config Config) *Store {
	t.Helper()
	s := open(t, address, config)
	migrate(t, s)
	return s
}

func migrate(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// number runs a query that returns one.
func number(t *testing.T, s *Store, query string) int64 {
	t.Helper()
	var n int64
	if err := s.db.NewRaw(query).Scan(context.WithoutCancel(t.Context()), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// plan is how the database would do a query.
func plan(t *testing.T, s *Store, query string) string {
	t.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if s.postgres {
		explain = "EXPLAIN "
	}
	rows, err := s.db.QueryContext(t.Context(), explain+query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		to := []any{new(any), new(any), new(any), &line}
		if s.postgres {
			to = to[3:]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// example is a job as it is asked for.
func example(id string, now time.Time) jobs.Job {
	return jobs.Job{
		ID: id, Organization: export.Organization{ID: "org"}, Format: "zip", CreatedAt: now, AsOf: now,
		Status: jobs.Pending, LeaseUntil: now.Add(time.Hour),
	}
}

// making makes the example, for Create.
func making(id string) func(time.Time, jobs.Usage) (jobs.Job, error) {
	return func(now time.Time, _ jobs.Usage) (jobs.Job, error) { return example(id, now), nil }
}

// create stores the example with id a.
func create(t *testing.T, s *Store) jobs.Job {
	t.Helper()
	j, created, err := s.Create(t.Context(), "org", making("a"))
	if err != nil || !created {
		t.Fatalf("Create gives %t, %v", created, err)
	}
	return j
}
