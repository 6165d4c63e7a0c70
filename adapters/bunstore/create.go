package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

var (
	// errTaken says that a job with an equal request is in flight.
	errTaken = errors.New("a job with an equal request is in flight")

	// errEnded says that this job ended before it could be returned: another try
	// may create one.
	errEnded = errors.New("the job in flight has ended")
)

// Create implements [jobs.Store]. create is called in the transaction that stores
// the job. Until that ends, nobody else can create a job of the organization.
func (s *Store) Create(ctx context.Context, organizationID string, create func(now time.Time, usage jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	if err := checkText("organization", organizationID); err != nil {
		return jobs.Job{}, false, wrap("create job", err)
	}
	ctx, leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return jobs.Job{}, false, wrap("create job", err)
	}
	defer leave()
	var row *jobRow
	var created bool
	var refused error // what create returned, unless a job with an equal request is in flight
	again := func(err error) bool {
		return refused == nil && (lostRace(err) || errors.Is(err, errEnded))
	}
	err = retry(ctx, again, func() error {
		return s.inTx(ctx, s.readCommitted(), func(ctx context.Context, tx bun.Tx) (err error) {
			row, created, refused, err = s.createIn(ctx, tx, organizationID, create)
			return errors.Join(refused, err) // which undoes the transaction
		})
	})
	if refused != nil {
		return jobs.Job{}, false, refused
	}
	if err != nil {
		return jobs.Job{}, false, wrap("create job", slow(ctx, err))
	}
	job, err := row.job()
	return job, created, wrap("create job", err)
}

// createIn is Create in its transaction. It returns the row that it created, or that
// of the job with an equal request that is in flight. If create fails and there is
// no such job, refused is its error.
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
	insert := s.into(tx, "jobs", row).On("CONFLICT (request) WHERE status IN ('pending', 'processing') DO NOTHING")
	err = execute(ctx, insert, errTaken)
	if err == nil {
		if s.config.tells(&job) {
			err = s.written(ctx, tx, row)
		}
		return row, true, nil, err
	}
	if !errors.Is(err, errTaken) {
		return nil, false, nil, err
	}
	row, err = s.inFlight(ctx, tx, row.Request)
	if errors.Is(err, export.ErrNotFound) {
		err = errEnded
	}
	return row, false, nil, err
}

// lockJobs keeps everybody else from creating jobs of the organization until the
// transaction ends.
func (s *Store) lockJobs(ctx context.Context, tx bun.Tx, organizationID string) error {
	if !s.postgres {
		// SQLite has one writer. A transaction that begins by writing waits for
		// its turn, even if a host opened the database without _txlock=immediate.
		_, err := tx.ExecContext(ctx, "UPDATE ? SET version = version WHERE false", s.table("schema"))
		return err
	}
	return lock(ctx, tx, "jobs "+s.prefix+" "+organizationID)
}

// usage returns the time of the database and how many jobs an organization has in
// flight and has created within a day.
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
				WHERE organization_id = ? AND (status <> 'failed' OR cancelled) AND created_at > (SELECT now FROM clock) - ?) AS day`,
		s.clock(), s.table("jobs"), organizationID, s.table("jobs"), organizationID, (24*time.Hour).Milliseconds(),
	).Scan(ctx, &ms, &u.InFlight, &u.Day, &oldest)
	u.Oldest = instant(oldest)
	return time.UnixMilli(ms).UTC(), u, err
}

// inFlight returns the job in flight whose request has this digest.
func (s *Store) inFlight(ctx context.Context, tx bun.Tx, request []byte) (*jobRow, error) {
	row := new(jobRow)
	err := s.from(tx, "jobs").Model(row).Where("request = ? AND status IN ('pending', 'processing')", request).Scan(ctx)
	if err != nil {
		return nil, noRow(err, export.ErrNotFound)
	}
	return row, nil
}
