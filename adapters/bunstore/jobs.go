package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// errOvertaken says that somebody else wrote a job after it was read.
var errOvertaken = errors.New("the job was written by another")

// Get implements [jobs.Store].
func (s *Store) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	if !storable(organizationID) || !storable(jobID) {
		return jobs.Job{}, wrap("get job", export.ErrNotFound)
	}
	job, err := lookUp(ctx, s.jobs, rowKey{jobID, organizationID}, (*jobRow).job, export.ErrNotFound)
	return job, wrap("get job", err)
}

// List implements [jobs.Store]. A page is empty if its number or its size is less
// than 1.
func (s *Store) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	if !storable(organizationID) {
		return nil, 0, nil
	}
	ctx, leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", err)
	}
	defer leave()
	var rows []jobRow
	query := s.from(s.db, "jobs").Model(&rows).Where("organization_id = ?", organizationID)
	total, err := query.Count(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", slow(ctx, err))
	}
	size := int64(page.Size)
	if page.Number < 1 || size < 1 || int64(page.Number-1) > math.MaxInt64/size || int64(page.Number-1)*size >= total {
		return nil, total, nil
	}
	err = query.OrderExpr("created_at DESC, id DESC").Limit(size).Offset(int64(page.Number-1) * size).Scan(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", slow(ctx, err))
	}
	found, err := values(rows, (*jobRow).job)
	return found, total, wrap("list jobs", err)
}

// Update implements [jobs.Store]. No transaction is open while change runs. If
// somebody else writes the job meanwhile, Update reads it and calls change again.
func (s *Store) Update(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	if !storable(jobID) {
		return jobs.Job{}, wrap("update job", export.ErrNotFound)
	}
	var row *jobRow
	var refused error // what change returned
	again := func(err error) bool {
		return refused == nil && (lostRace(err) || errors.Is(err, errOvertaken))
	}
	err := retry(ctx, again, func() error {
		old, err := s.jobNow(ctx, jobID)
		if err != nil {
			return err
		}
		job, err := old.job()
		if err != nil {
			return err
		}
		if refused = change(time.UnixMilli(old.Now).UTC(), &job); refused != nil {
			return refused
		}
		if row, err = old.next(job); err != nil {
			return err
		}
		return s.updateRow(ctx, old, row, s.config.tells(&job))
	})
	if refused != nil {
		return jobs.Job{}, refused
	}
	if err != nil {
		return jobs.Job{}, wrap("update job", err)
	}
	job, err := row.job()
	return job, wrap("update job", err)
}

// Stale implements [jobs.Store]. Because all processes call it again and again, it also
// looks whether the database is still the one that was opened.
func (s *Store) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	if limit < 1 {
		return nil, nil
	}
	if err := s.look(ctx); err != nil {
		return nil, wrap("stale jobs", err)
	}
	query := s.from(s.db, "jobs").Where("due_at <= (SELECT ?)", s.clock()).OrderExpr("due_at, id").Limit(int64(limit))
	stale, err := list(ctx, query, (*jobRow).job)
	return stale, wrap("stale jobs", err)
}

// next returns the row that replaces r when the job becomes j. The fixed columns
// stay those of r.
func (r *jobRow) next(j jobs.Job) (*jobRow, error) {
	row, err := newJobRow(j, r.Version+1)
	if err != nil {
		return nil, err
	}
	row.ID, row.Request, row.OrganizationID = r.ID, r.Request, r.OrganizationID
	row.Format, row.Sections, row.RetryOf, row.CreatedAt = r.Format, r.Sections, r.RetryOf, r.CreatedAt
	return row, nil
}

// tells reports whether AfterWrite is called for a job that is written.
func (c Config) tells(job *jobs.Job) bool {
	return c.AfterWrite != nil && (c.AfterWriteIf == nil || c.AfterWriteIf(job))
}

// updateRow replaces the row old and, if tell is set, calls AfterWrite in the same
// transaction. The error is errOvertaken if somebody else replaced old before.
func (s *Store) updateRow(ctx context.Context, old, row *jobRow, tell bool) error {
	update := func(db bun.IDB) error {
		return execute(ctx, db.NewUpdate().Model(row).ModelTableExpr("? AS ?TableAlias", s.table("jobs")).ExcludeColumn(fixedColumns...).
			Where("id = ?", old.ID).Where("version = ?", old.Version), errOvertaken)
	}
	if !tell {
		return update(s.db)
	}
	return s.inTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		if err := update(tx); err != nil {
			return err
		}
		return s.written(ctx, tx, row)
	})
}

// written calls AfterWrite for the job of a row.
func (s *Store) written(ctx context.Context, tx bun.Tx, row *jobRow) error {
	job, err := row.job()
	if err != nil {
		return err
	}
	if err := s.config.AfterWrite(ctx, tx.Tx, &job); err != nil {
		return fmt.Errorf("after write: %w", err)
	}
	return nil
}

// jobNow returns the row of a job, with the time of the database.
func (s *Store) jobNow(ctx context.Context, jobID string) (*jobRow, error) {
	row := new(jobRow)
	err := s.queryRow(ctx, func(rows *sql.Rows) error { return s.db.ScanRow(ctx, rows, row) }, s.texts.jobNow, jobID)
	if err != nil {
		return nil, noRow(err, export.ErrNotFound)
	}
	return row, nil
}

// jobNowQuery returns the query of jobNow, whose parameter is the id.
func (s *Store) jobNowQuery() string {
	return s.from(s.db, "jobs").Model((*jobRow)(nil)).ColumnExpr("?TableColumns").ColumnExpr("? AS now_ms", s.clock()).
		Where("id = ?", bun.Safe(s.numbered("?1"))).String()
}
