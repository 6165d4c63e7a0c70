package bunstore

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestStatsUseTheIndex asks the database how it counts among many ended jobs. A
// scrape every few seconds must not read them all.
func TestStatsUseTheIndex(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		create(t, s)
		addEnded(t, s, 20000)
		if _, err := s.db.ExecContext(t.Context(), "ANALYZE orgexport_jobs"); err != nil {
			t.Fatal(err)
		}
		// Which of the two the database chooses does not matter.
		if got := plan(t, s, s.selectStats().String()); !strings.Contains(got, "orgexport_jobs_in_flight") && !strings.Contains(got, "orgexport_jobs_flying") {
			t.Errorf("it is not by an index of jobs in flight:\n%s", got)
		}
		if got := plan(t, s, s.selectPartsUsers("a").String()); !strings.Contains(got, "orgexport_jobs_in_flight") && !strings.Contains(got, "orgexport_jobs_flying") {
			t.Errorf("who uses parts is not by an index of jobs in flight:\n%s", got)
		}
		if got := plan(t, s, s.selectDamaged().String()); !strings.Contains(got, "orgexport_jobs_damaged") {
			t.Errorf("damaged archives are not counted by their index:\n%s", got)
		}
		began := time.Now()
		stats, err := s.Stats(t.Context())
		if err != nil || stats.Pending != 1 || stats.Processing != 0 {
			t.Errorf("Stats gives %+v, %v", stats, err)
		}
		t.Logf("of 20001 jobs it took %v", time.Since(began))
	})
}

// addEnded makes n jobs of one instant that have ended.
func addEnded(t *testing.T, s *Store, n int) {
	t.Helper()
	const ended = `INSERT INTO orgexport_jobs (id, version, request, organization_id, organization_slug, organization_name, format,
		sections, retry_of, requester, created_at, status, attempt, failures, lease_owner, progress, parts, results, error,
		filename, object_key, size)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		SELECT 'job ' || i, 1, %s, 'org', '', '', 'zip', '[]', '', '', 1, 'completed', 1, 0, '', '[]', '[]', '[]', '', '', '', 0 FROM n`
	request := "randomblob(32)"
	if s.postgres {
		request = "sha256(i::text::bytea)"
	}
	if _, err := s.db.ExecContext(t.Context(), fmt.Sprintf(ended, n, request)); err != nil {
		t.Fatal(err)
	}
}
