package bunstore

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/orgexport/orgexport/adapters/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// eachDatabase runs a test on SQLite and on PostgreSQL, with the address of an
// empty database.
func eachDatabase(t *testing.T, test func(t *testing.T, address string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "jobs.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, pgtest.Database(t))
	})
}

// open opens a database that may have no tables.
func open(t *testing.T, address string, config Config) *Store {
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
func migrated(t *testing.T, address string, config Config) *Store {
	t.Helper()
	s := open(t, address, config)
	migrate(t, s)
	return s
}

func migrate(t *testing.T, s *Store) {
	t.Helper()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// number runs a query that returns one.
func number(t *testing.T, s *Store, query string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := s.db.NewRaw(query, args...).Scan(context.WithoutCancel(t.Context()), &n); err != nil {
		t.Fatal(err)
	}
	return n
}
