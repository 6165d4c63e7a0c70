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
)

// Create is the method of [export.Store].
func (s *Store) Create(ctx context.Context, create func(now time.Time) export.Job) (export.Job, bool, error) {
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return export.Job{}, false, wrap("create job", err)
	}
	defer leave()
	for try := 0; ; try++ {
		now, err := s.now(ctx)
		if err != nil {
			return export.Job{}, false, wrap("create job", err)
		}
		row, err := newJobRow(create(now), 1)
		if err != nil {
			return export.Job{}, false, wrap("create job", err)
		}
		created, err := s.writeJob(ctx, row, func(db bun.IDB) (sql.Result, error) {
			return db.NewInsert().Model(row).ModelTableExpr("? AS job", s.table("jobs")).
				On("CONFLICT (request) WHERE status IN ('pending', 'processing') DO NOTHING").Exec(ctx)
		})
		if err == nil && !created {
			row, err = s.jobWhere(ctx, "request = ? AND status IN ('pending', 'processing')", row.Request)
		}
		switch {
		case err == nil:
			j, err := row.job()
			return j, created, wrap("create job", err)
		case errors.Is(err, export.ErrNotFound), lostRace(err):
			// The one in flight has ended in between.
		default:
			return export.Job{}, false, wrap("create job", err)
		}
		if err := pause(ctx, try); err != nil {
			return export.Job{}, false, wrap("create job", err)
		}
	}
}

// Get is the method of [export.Store].
func (s *Store) Get(ctx context.Context, organizationID, jobID string) (export.Job, error) {
	if !storable(organizationID) || !storable(jobID) {
		return export.Job{}, wrap("get job", export.ErrNotFound)
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return export.Job{}, wrap("get job", err)
	}
	defer leave()
	row, err := s.jobWhere(ctx, "id = ? AND organization_id = ?", jobID, organizationID)
	if err != nil {
		return export.Job{}, wrap("get job", err)
	}
	j, err := row.job()
	return j, wrap("get job", err)
}

// List is the method of [export.Store]. A page without a number from 1 or without
// a size is empty.
func (s *Store) List(ctx context.Context, organizationID string, page export.Page) ([]export.Job, int64, error) {
	if !storable(organizationID) {
		return nil, 0, nil
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return nil, 0, wrap("list jobs", err)
	}
	defer leave()
	var rows []jobRow
	query := s.selectJobs(&rows).Where("organization_id = ?", organizationID)
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

// Update is the method of [export.Store]. No transaction is open while change
// runs: whoever reads a job and finds that it was written meanwhile tries again.
func (s *Store) Update(ctx context.Context, jobID string, change func(now time.Time, j *export.Job) error) (export.Job, error) {
	if !storable(jobID) {
		return export.Job{}, wrap("update job", export.ErrNotFound)
	}
	for try := 0; ; try++ {
		old, err := s.jobWhere(ctx, "id = ?", jobID)
		if err != nil {
			return export.Job{}, wrap("update job", err)
		}
		job, err := old.job()
		if err != nil {
			return export.Job{}, wrap("update job", err)
		}
		if err := change(time.UnixMilli(old.Now).UTC(), &job); err != nil {
			return export.Job{}, err
		}
		row, err := old.next(job)
		if err != nil {
			return export.Job{}, wrap("update job", err)
		}
		written, err := s.writeJob(ctx, row, func(db bun.IDB) (sql.Result, error) {
			return db.NewUpdate().Model(row).ModelTableExpr("? AS job", s.table("jobs")).ExcludeColumn(fixedColumns...).
				Where("id = ?", old.ID).Where("version = ?", old.Version).Exec(ctx)
		})
		if err != nil && !lostRace(err) {
			return export.Job{}, wrap("update job", err)
		}
		if written {
			j, err := row.job()
			return j, wrap("update job", err)
		}
		if err := pause(ctx, try); err != nil {
			return export.Job{}, wrap("update job", err)
		}
	}
}

// Stale is the method of [export.Store].
func (s *Store) Stale(ctx context.Context, limit int) ([]export.Job, error) {
	if limit < 1 {
		return nil, nil
	}
	var rows []jobRow
	err := s.selectJobs(&rows).Where("due_at <= (SELECT ?)", s.clock()).OrderExpr("due_at, id").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap("stale jobs", err)
	}
	list, err := jobsOf(rows)
	return list, wrap("stale jobs", err)
}

// next is the row of a job after r. What is fixed stays as it is.
func (r *jobRow) next(j export.Job) (*jobRow, error) {
	row, err := newJobRow(j, r.Version+1)
	if err != nil {
		return nil, err
	}
	row.ID, row.Request, row.OrganizationID = r.ID, r.Request, r.OrganizationID
	row.Format, row.Sections, row.RetryOf, row.CreatedAt = r.Format, r.Sections, r.RetryOf, r.CreatedAt
	return row, nil
}

// writeJob runs a statement that writes a row, and AfterWrite if it did, in one
// transaction.
func (s *Store) writeJob(ctx context.Context, row *jobRow, statement func(bun.IDB) (sql.Result, error)) (bool, error) {
	if s.afterWrite == nil {
		return changed(statement(s.db))
	}
	var written bool
	err := s.db.RunInTx(ctx, nil, func(ctx context.Context, tx bun.Tx) error {
		var err error
		if written, err = changed(statement(tx)); err != nil || !written {
			return err
		}
		job, err := row.job()
		if err != nil {
			return err
		}
		if err := s.afterWrite(ctx, tx.Tx, &job); err != nil {
			return fmt.Errorf("after write: %w", err)
		}
		return nil
	})
	return written && err == nil, err
}

// selectJobs begins a query of jobs.
func (s *Store) selectJobs(model any) *bun.SelectQuery {
	return s.db.NewSelect().Model(model).ModelTableExpr("? AS job", s.table("jobs"))
}

// jobWhere returns a job and the database's clock.
func (s *Store) jobWhere(ctx context.Context, where string, args ...any) (*jobRow, error) {
	row := new(jobRow)
	err := s.selectJobs(row).ColumnExpr("?TableColumns").ColumnExpr("? AS now_ms", s.clock()).Where(where, args...).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, export.ErrNotFound
	}
	return row, err
}

func (s *Store) now(ctx context.Context) (time.Time, error) {
	var ms int64
	err := s.db.NewRaw("SELECT ?", s.clock()).Scan(ctx, &ms)
	return time.UnixMilli(ms).UTC(), err
}

func jobsOf(rows []jobRow) ([]export.Job, error) {
	list := make([]export.Job, 0, len(rows))
	for i := range rows {
		j, err := rows[i].job()
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, nil
}
