package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// errEnded is the end of a transaction that is to be tried again: the job in
// flight that kept another from being stored has ended in between.
var errEnded = errors.New("the job in flight has ended")

// Create is the method of [jobs.Store]. create runs in the transaction that
// stores the job, which has the jobs of the organization to itself.
func (s *Store) Create(ctx context.Context, organizationID string, create func(now time.Time, usage jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	if err := checkText("organization", organizationID); err != nil {
		return jobs.Job{}, false, wrap("create job", err)
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return jobs.Job{}, false, wrap("create job", err)
	}
	defer leave()
	for try := 0; ; try++ {
		var row *jobRow
		var created bool
		var refused error // what create says, if nothing else is to be said
		err := s.db.RunInTx(ctx, s.readCommitted(), func(ctx context.Context, tx bun.Tx) (err error) {
			row, created, refused, err = s.createIn(ctx, tx, organizationID, create)
			return errors.Join(refused, err) // and so nothing is stored
		})
		switch {
		case refused != nil:
			return jobs.Job{}, false, refused
		case err == nil:
			j, err := row.job()
			return j, created, wrap("create job", err)
		case !lostRace(err) && !errors.Is(err, errEnded):
			return jobs.Job{}, false, wrap("create job", err)
		}
		if err := pause(ctx, try); err != nil {
			return jobs.Job{}, false, wrap("create job", err)
		}
	}
}

func (s *Store) createIn(ctx context.Context, tx bun.Tx, organizationID string, create func(time.Time, jobs.Usage) (jobs.Job, error)) (row *jobRow, created bool, refused, err error) {
	if err := s.lockJobs(ctx, tx, organizationID); err != nil {
		return nil, false, nil, err
	}
	now, usage, err := s.usage(ctx, tx, organizationID)
	if err != nil {
		return nil, false, nil, err
	}
	job, refused := create(now, usage)
	if refused != nil {
		row, err := s.inFlight(ctx, tx, requestDigest(job))
		if errors.Is(err, export.ErrNotFound) || err == nil && row.OrganizationID != organizationID {
			return nil, false, refused, nil
		}
		return row, false, nil, err
	}
	if job.Organization.ID != organizationID {
		return nil, false, nil, fmt.Errorf("job of organization %q, not of %q", job.Organization.ID, organizationID)
	}
	row, err = newJobRow(job, 1)
	if err != nil {
		return nil, false, nil, err
	}
	created, err = changed(tx.NewInsert().Model(row).ModelTableExpr("? AS job", s.table("jobs")).
		On("CONFLICT (request) WHERE status IN ('pending', 'processing') DO NOTHING").Exec(ctx))
	switch {
	case err != nil:
		return nil, false, nil, err
	case created:
		return row, true, nil, s.written(ctx, tx, row)
	}
	row, err = s.inFlight(ctx, tx, row.Request)
	if errors.Is(err, export.ErrNotFound) {
		err = errEnded
	}
	return row, false, nil, err
}

// lockJobs lets nobody else create jobs of the organization until the transaction
// has ended.
func (s *Store) lockJobs(ctx context.Context, tx bun.Tx, organizationID string) error {
	if !s.postgres {
		// There is one writer. A transaction that begins by writing waits for
		// its turn, whatever a host's database was set up with.
		_, err := tx.ExecContext(ctx, "UPDATE ? SET version = version WHERE false", s.table("schema"))
		return err
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte("orgexport jobs " + s.prefix + " " + organizationID))
	_, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(?)", int64(h.Sum64()))
	return err
}

// usage returns the database's clock and what an organization's jobs take up.
func (s *Store) usage(ctx context.Context, tx bun.Tx, organizationID string) (time.Time, jobs.Usage, error) {
	var ms int64
	var u jobs.Usage
	var oldest sql.Null[int64]
	err := tx.NewRaw(`
		WITH clock AS (SELECT ? AS now)
		SELECT clock.now, flying.n, day.n, day.oldest
		FROM clock,
			(SELECT count(*) AS n FROM ? WHERE organization_id = ? AND status IN ('pending', 'processing')) AS flying,
			(SELECT count(*) AS n, min(created_at) AS oldest FROM ?
				WHERE organization_id = ? AND status <> 'failed' AND created_at > (SELECT now FROM clock) - ?) AS day`,
		s.clock(), s.table("jobs"), organizationID, s.table("jobs"), organizationID, (24*time.Hour).Milliseconds(),
	).Scan(ctx, &ms, &u.InFlight, &u.Day, &oldest)
	u.Oldest = instant(oldest)
	return time.UnixMilli(ms).UTC(), u, err
}

func (s *Store) inFlight(ctx context.Context, tx bun.Tx, request []byte) (*jobRow, error) {
	return s.jobWhere(ctx, tx, "request = ? AND status IN ('pending', 'processing')", request)
}
