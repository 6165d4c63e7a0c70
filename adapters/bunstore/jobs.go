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

// Get is the method of [jobs.Store].
func (s *Store) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	if !storable(organizationID) || !storable(jobID) {
		return jobs.Job{}, wrap("get job", export.ErrNotFound)
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return jobs.Job{}, wrap("get job", err)
	}
	defer leave()
	row, err := s.jobWhere(ctx, s.db, "id = ? AND organization_id = ?", jobID, organizationID)
	if err != nil {
		return jobs.Job{}, wrap("get job", err)
	}
	j, err := row.job()
	return j, wrap("get job", err)
}

// List is the method of [jobs.Store]. A page without a number from 1 or without
// a size is empty.
func (s *Store) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	if !storable(organizationID) {
		return nil, 0, nil
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", err)
	}
	defer leave()
	var rows []jobRow
	query := s.selectJobs(s.db, &rows).Where("organization_id = ?", organizationID)
	total, err := query.Count(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", err)
	}
	size := int64(page.Size)
	if page.Number < 1 || size < 1 || int64(page.Number-1) > math.MaxInt64/size || int64(page.Number-1)*size >= total {
		return nil, total, nil
	}
	err = query.OrderExpr("created_at DESC, id DESC").Limit(size).Offset(int64(page.Number-1) * size).Scan(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", err)
	}
	list, err := jobsOf(rows)
	return list, total, wrap("list jobs", err)
}

// Update is the method of [jobs.Store]. No transaction is open while change
// runs: whoever reads a job and finds that it was written meanwhile tries again.
func (s *Store) Update(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	if !storable(jobID) {
		return jobs.Job{}, wrap("update job", export.ErrNotFound)
	}
	for try := 0; ; try++ {
		old, err := s.jobWhere(ctx, s.db, "id = ?", jobID)
		if err != nil {
			return jobs.Job{}, wrap("update job", err)
		}
		job, err := old.job()
		if err != nil {
			return jobs.Job{}, wrap("update job", err)
		}
		if err := change(time.UnixMilli(old.Now).UTC(), &job); err != nil {
			return jobs.Job{}, err
		}
		row, err := old.next(job)
		if err != nil {
			return jobs.Job{}, wrap("update job", err)
		}
		written, err := s.updateRow(ctx, old, row)
		if err != nil && !lostRace(err) {
			return jobs.Job{}, wrap("update job", err)
		}
		if written {
			j, err := row.job()
			return j, wrap("update job", err)
		}
		if err := pause(ctx, try); err != nil {
			return jobs.Job{}, wrap("update job", err)
		}
	}
}

// Stale is the method of [jobs.Store].
func (s *Store) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	if limit < 1 {
		return nil, nil
	}
	var rows []jobRow
	err := s.selectJobs(s.db, &rows).Where("due_at <= (SELECT ?)", s.clock()).OrderExpr("due_at, id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap("stale jobs", err)
	}
	list, err := jobsOf(rows)
	return list, wrap("stale jobs", err)
}

// next is the row of a job after r. What is fixed stays as it is.
func (r *jobRow) next(j jobs.Job) (*jobRow, error) {
	row, err := newJobRow(j, r.Version+1)
	if err != nil {
		return nil, err
	}
	row.ID, row.Request, row.OrganizationID = r.ID, r.Request, r.OrganizationID
	row.Format, row.Sections, row.RetryOf, row.CreatedAt = r.Format, r.Sections, r.RetryOf, r.CreatedAt
	return row, nil
}

// updateRow writes the row that follows old, unless another has, and runs
// AfterWrite in the same transaction.
func (s *Store) updateRow(ctx context.Context, old, row *jobRow) (bool, error) {
	update := func(db bun.IDB) (bool, error) {
		return changed(db.NewUpdate().Model(row).ModelTableExpr("? AS job", s.table("jobs")).ExcludeColumn(fixedColumns...).
			Where("id = ?", old.ID).Where("version = ?", old.Version).Exec(ctx))
	}
	if s.afterWrite == nil {
		return update(s.db)
	}
	var updated bool
	err := s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if updated, err = update(tx); err != nil || !updated {
			return err
		}
		return s.written(ctx, tx, row)
	})
	return updated && err == nil, err
}

// written runs AfterWrite.
func (s *Store) written(ctx context.Context, tx bun.Tx, row *jobRow) error {
	if s.afterWrite == nil {
		return nil
	}
	job, err := row.job()
	if err != nil {
		return err
	}
	if err := s.afterWrite(ctx, tx.Tx, &job); err != nil {
		return fmt.Errorf("after write: %w", err)
	}
	return nil
}

// selectJobs begins a query of jobs.
func (s *Store) selectJobs(db bun.IDB, model any) *bun.SelectQuery {
	return db.NewSelect().Model(model).ModelTableExpr("? AS job", s.table("jobs"))
}

// jobWhere returns a job and the database's clock.
func (s *Store) jobWhere(ctx context.Context, db bun.IDB, where string, args ...any) (*jobRow, error) {
	row := new(jobRow)
	err := s.selectJobs(db, row).ColumnExpr("?TableColumns").ColumnExpr("? AS now_ms", s.clock()).Where(where, args...).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, export.ErrNotFound
	}
	return row, err
}

func jobsOf(rows []jobRow) ([]jobs.Job, error) {
	list := make([]jobs.Job, 0, len(rows))
	for i := range rows {
		j, err := rows[i].job()
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, nil
}
