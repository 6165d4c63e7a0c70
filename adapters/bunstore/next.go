package bunstore

import (
	"context"
	"database/sql"
	"math"
	"strings"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.Scheduler = (*Store)(nil)

// Next implements [jobs.Scheduler]. It reads the jobs in flight only, through an
// index that has no others, and one entry of another index for each organization
// that waits. A turn that lies ahead, because the clock was put back, does not count.
func (s *Store) Next(ctx context.Context, want jobs.Want) (string, error) {
	var id string
	err := s.queryRow(ctx, func(rows *sql.Rows) error { return rows.Scan(&id) },
		s.texts.next, mostSuspect(want), want.NotOrganization, mostBusy(want), want.NoHelp)
	return id, wrap("next job", noRow(err, export.ErrNotFound))
}

// nextQuery returns the query of Next. Its parameters are how suspect a job may be, the
// organization that it is not to be of, how many workers its organization may not have, and
// whether it has to wait. What older programs have written of a job counts by its attempt.
func (s *Store) nextQuery() string {
	return s.numbered(strings.NewReplacer("{jobs}", `"`+s.prefix+`jobs"`, "{now}", string(s.clock())).Replace(`
		WITH flying AS (
			SELECT id, organization_id, status, put_off, priority, created_at, suspect, helping,
				offers AND shared_by = attempt AS offered FROM {jobs} WHERE status IN ('pending', 'processing')
		), waiting AS (
			SELECT id, organization_id, priority, created_at FROM flying
				WHERE (status = 'pending' AND NOT put_off OR status = 'processing' AND offered AND NOT ?4)
				AND suspect <= ?1 AND organization_id <> ?2
		), turns AS (
			SELECT organization_id,
				(SELECT coalesce(sum(1 + f.helping), 0) FROM flying AS f WHERE f.organization_id = w.organization_id AND f.status = 'processing') AS busy,
				coalesce((SELECT max(claimed_at) FROM {jobs} AS j
					WHERE j.organization_id = w.organization_id AND claimed_at <= (SELECT {now})), 0) AS served
			FROM (SELECT DISTINCT organization_id FROM waiting) AS w
		)
		SELECT id FROM waiting JOIN turns USING (organization_id) WHERE busy < ?3
		ORDER BY priority DESC, busy, served, created_at, id LIMIT 1`))
}

// mostSuspect is how suspect a job may be that is wanted.
func mostSuspect(want jobs.Want) int {
	if want.NoSuspects {
		return 0
	}
	return math.MaxInt32
}

// mostBusy is the number of workers from which on an organization has enough.
func mostBusy(want jobs.Want) int {
	if want.PerOrganization > 0 {
		return want.PerOrganization
	}
	return math.MaxInt32
}
