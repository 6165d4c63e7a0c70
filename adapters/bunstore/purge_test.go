package bunstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/audit"
)

// addEntries makes n audit entries that are a day old, and n that are an hour old.
func addEntries(t *testing.T, s *Store, n int) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), fmt.Sprintf(`
		INSERT INTO orgexport_audit (at, action, actor, organization_id, job_id, address, byte_range, bytes, complete)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT %s - age, 'export.linked', 'key:1', 'org', 'job ' || i, '', '', 0, false
		FROM n, (SELECT 3600000 AS age UNION ALL SELECT 86400000) AS ages`, n, s.clock()))
	if err != nil {
		t.Fatal(err)
	}
}

// TestPurge has several processes that purge at once what is more than one takes
// at a time, while another one records; also where PostgreSQL undoes transactions
// that meet.
func TestPurge(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) { purgeAtOnce(t, newAddress(t)) })
	t.Run("serializable", func(t *testing.T) {
		t.Parallel()
		purgeAtOnce(t, isolated(t, "serializable"))
	})
}

func purgeAtOnce(t *testing.T, address string) {
	t.Helper()
	const n = 3000
	s := migrated(t, address, Config{})
	addEntries(t, s, n)
	var purging, recording sync.WaitGroup
	var purged atomic.Int64
	done := make(chan struct{})
	recorded := int64(0)
	recording.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := s.Record(t.Context(), audit.Entry{At: time.Now(), OrganizationID: "org"}); err != nil {
				t.Error(err)
				return
			}
			recorded++
		}
	})
	for range 4 {
		other := open(t, address, Config{})
		purging.Go(func() {
			removed, err := other.Purge(t.Context(), 12*time.Hour)
			if err != nil {
				t.Error(err)
			}
			purged.Add(removed)
		})
	}
	began := time.Now()
	purging.Wait()
	took := time.Since(began)
	close(done)
	recording.Wait()
	t.Logf("it took %v, in which %d entries were recorded", took, recorded)
	left := number(t, s, "SELECT count(*) FROM orgexport_audit")
	if purged.Load() != n || left != n+recorded || recorded == 0 {
		t.Errorf("%d entries are purged and %d are left, want %d and %d + %d", purged.Load(), left, n, n, recorded)
	}
	if removed, err := s.Purge(t.Context(), 12*time.Hour); err != nil || removed != 0 {
		t.Errorf("again: %d, %v", removed, err)
	}
}

// afterQuery is a hook that is called after each query.
type afterQuery func()

func (afterQuery) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (f afterQuery) AfterQuery(context.Context, *bun.QueryEvent)                      { f() }

// TestPurgeThatIsStopped is stopped after what is removed at once.
func TestPurgeThatIsStopped(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		const n = 3000
		s := migrated(t, newAddress(t), Config{})
		addEntries(t, s, n)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		db := s.db
		s.db = db.WithQueryHook(afterQuery(stop))
		removed, err := s.Purge(ctx, 12*time.Hour)
		s.db = db
		if !errors.Is(err, context.Canceled) || removed < 1 || removed >= n {
			t.Errorf("Purge gives %d, %v", removed, err)
		}
		rest, err := s.Purge(t.Context(), 12*time.Hour)
		if err != nil || removed+rest != n {
			t.Errorf("the next one: %d, %v, after %d", rest, err, removed)
		}
	})
}

// TestPurgeUsesTheIndex asks the database how it finds old entries, of which there
// are none as a rule: it does so every hour, on every node.
func TestPurgeUsesTheIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		addEntries(t, s, 5000)
		if _, err := s.db.ExecContext(t.Context(), "ANALYZE orgexport_audit"); err != nil {
			t.Fatal(err)
		}
		got := plan(t, s, s.sweepQuery("audit", "id", "at", 9600*time.Hour, 1000))
		if !strings.Contains(got, "orgexport_audit_oldest") {
			t.Errorf("it is not by the index:\n%s", got)
		}
	})
}
