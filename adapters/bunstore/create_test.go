package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

var errQuota = errors.New("over the quota")

// createUpTo lets many create jobs at once in several stores on one database, up
// to a limit.
func createUpTo(t *testing.T, limit int64, stores ...*Store) {
	t.Helper()
	const creators = 16
	var created, refused atomic.Int64
	var wg sync.WaitGroup
	for i, s := range stores {
		for n := range creators {
			wg.Go(func() {
				_, ok, err := s.Create(t.Context(), "org", func(now time.Time, u jobs.Usage) (jobs.Job, error) {
					j := example(strings.Repeat("x", i*creators+n+1), now)
					j.Sections = []string{j.ID}
					if u.InFlight >= limit {
						return j, errQuota
					}
					return j, nil
				})
				switch {
				case ok && err == nil:
					created.Add(1)
				case err == errQuota: //nolint:errorlint // it is returned as it is
					refused.Add(1)
				default:
					t.Errorf("Create gives %t, %v", ok, err)
				}
			})
		}
	}
	wg.Wait()
	if n := number(t, stores[0], "SELECT count(*) FROM orgexport_jobs"); n != limit || created.Load() != limit {
		t.Errorf("%d jobs are there, %d were created and %d refused, want %d", n, created.Load(), refused.Load(), limit)
	}
}

func TestUsageAcrossProcesses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		createUpTo(t, 5, migrated(t, address, Config{}), open(t, address, Config{}), open(t, address, Config{}))
	})
}

// TestUsageIsolation has a default that would not show what others did while one
// waited for them.
func TestUsageIsolation(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			createUpTo(t, 5, migrated(t, isolated(t, level), Config{}))
		})
	}
}

// isolated is the address of a database with that level of isolation.
func isolated(t *testing.T, level string) string {
	t.Helper()
	u, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("default_transaction_isolation", level)
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String()
}

// TestUsageOfHostDatabase has a SQLite database whose transactions do not begin by
// writing, and that has several connections.
func TestUsageOfHostDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, err := New(bun.NewDB(db, sqlitedialect.New()), Config{})
	if err != nil {
		t.Fatal(err)
	}
	migrate(t, s)
	createUpTo(t, 5, s)
}

// TestFailedCreateEndsItsTransaction: nothing waits for it.
func TestFailedCreateEndsItsTransaction(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{AfterWrite: func(context.Context, *sql.Tx, *jobs.Job) error {
			return errors.New("not to be called")
		}})
		for range 20 {
			_, _, err := s.Create(t.Context(), "org", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
				return example("a", now), errQuota
			})
			if err != errQuota { //nolint:errorlint // it is returned as it is
				t.Fatalf("Create gives %v", err)
			}
		}
		for _, found := range []error{export.ErrNotFound, errEnded, access.ErrNotFound} { // which mean something here
			_, _, err := s.Create(t.Context(), "org", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
				return example("a", now), found
			})
			if err != found { //nolint:errorlint // it is returned as it is
				t.Errorf("Create gives %v, want %v", err, found)
			}
		}
		if n := number(t, s, "SELECT count(*) FROM orgexport_jobs"); n != 0 {
			t.Errorf("there are %d jobs", n)
		}
	})
}
