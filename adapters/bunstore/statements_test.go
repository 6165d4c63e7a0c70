package bunstore

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestStatementsAreKept: PostgreSQL parses a look-up once for each connection, unless the
// address asks for something else.
func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	migrated(t, address, Config{})
	for parameter, want := range map[string]int64{"": 1, "&default_query_exec_mode=exec": 0, "&default_query_exec_mode=cache_describe": 0} {
		s := open(t, address+parameter, Config{MaxConns: 1})
		for range 3 {
			if _, err := s.Get(t.Context(), "org", "job"); !errors.Is(err, export.ErrNotFound) {
				t.Errorf("%q: a job that is not there gives %v", parameter, err)
			}
		}
		if n := number(t, s, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%orgexport_jobs%'"); n != want {
			t.Errorf("%q: %d statements are kept, want %d", parameter, n, want)
		}
	}
}

// TestStatementsBehindPooler: where connections are others' after each transaction nothing
// fails, and what cannot be kept is not asked for again.
func TestStatementsBehindPooler(t *testing.T) {
	t.Parallel()
	direct := pgtest.Database(t)
	migrated(t, direct, Config{})
	address := pgtest.Pooler(t, direct, "transaction")
	var all sync.WaitGroup
	for range 3 {
		s := open(t, address, Config{MaxConns: 8})
		for n := range 100 {
			all.Go(func() {
				if _, err := s.Get(t.Context(), "org", fmt.Sprint(n)); !errors.Is(err, export.ErrNotFound) {
					t.Errorf("a job that is not there gives %v", err)
				}
				if _, err := s.Count(t.Context(), fmt.Sprint(n), time.Minute); err != nil {
					t.Error(err)
				}
				if _, err := s.Member(t.Context(), "org", fmt.Sprint(n)); err == nil {
					t.Error("there is a member")
				}
			})
		}
	}
	all.Wait()
}
