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
		const ended = `INSERT INTO orgexport_jobs (id, version, request, organization_id, organization_slug, organization_name, format,
			sections, retry_of, requester, created_at, status, attempt, failures, lease_owner, progress, parts, results, error,
			filename, object_key, size)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
			SELECT 'job ' || i, 1, %s, 'org', '', '', 'zip', '[]', '', '', 1, 'completed', 1, 0, '', '[]', '[]', '[]', '', '', '', 0 FROM n`
		request, explain := "randomblob(32)", "EXPLAIN QUERY PLAN "
		if s.postgres {
			request, explain = "sha256(i::text::bytea)", "EXPLAIN "
		}
		for _, query := range []string{fmt.Sprintf(ended, request), "ANALYZE orgexport_jobs"} {
			if _, err := s.db.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := s.db.QueryContext(t.Context(), explain+s.selectStats().String())
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var plan []string
		for rows.Next() {
			var line string
			to := []any{new(any), new(any), new(any), &line}
			if s.postgres {
				to = to[3:]
			}
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, line)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		// Which of the two the database chooses does not matter.
		if got := strings.Join(plan, "\n"); !strings.Contains(got, "orgexport_jobs_in_flight") && !strings.Contains(got, "orgexport_jobs_flying") {
			t.Errorf("it is not by an index of jobs in flight:\n%s", got)
		}
		began := time.Now()
		stats, err := s.Stats(t.Context())
		if err != nil || stats.Pending != 1 || stats.Processing != 0 {
			t.Errorf("Stats gives %+v, %v", stats, err)
		}
		t.Logf("of 20001 jobs it took %v", time.Since(began))
	})
}
