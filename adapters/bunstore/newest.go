package bunstore

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// JobFilter says which jobs [Store.Newest] returns. Its zero value stands for all jobs.
type JobFilter struct {
	OrganizationID string        // empty: of all organizations
	Statuses       []jobs.Status // none: all

	// Before is the last job of the page before. Only its ID and CreatedAt count. The zero
	// value is for the first page.
	Before jobs.Job
}

// Newest returns up to limit jobs, newest first. Pages together have each job once that is there
// all the time and keeps its status. It is for operators: an API asks for the jobs of one
// organization, by [Store.List].
func (s *Store) Newest(ctx context.Context, filter JobFilter, limit int) ([]jobs.Job, error) {
	if limit < 1 || !storable(filter.OrganizationID) || !storable(filter.Before.ID) {
		return nil, nil
	}
	found, err := list(ctx, s.selectNewest(filter, limit), (*jobRow).job)
	return found, wrap("newest jobs", err)
}

// selectNewest returns the query of Newest. An index has the jobs in their order. Those in flight
// are few, and are looked for in an index that has no others: there may be many newer ones.
func (s *Store) selectNewest(filter JobFilter, limit int) *bun.SelectQuery {
	query := s.from(s.db, "jobs").OrderExpr("created_at DESC, id DESC").Limit(int64(limit))
	if filter.OrganizationID != "" {
		query = query.Where("organization_id = ?", filter.OrganizationID)
	}
	if len(filter.Statuses) > 0 {
		query = query.Where("status IN (?)", bun.List(filter.Statuses))
		if !slices.ContainsFunc(filter.Statuses, func(status jobs.Status) bool { return !status.InFlight() }) {
			query = query.Where("id IN (SELECT id FROM ? WHERE status IN ('pending', 'processing'))", s.table("jobs"))
		}
	}
	if filter.Before.ID != "" {
		query = query.Where("(created_at, id) < (?, ?)", filter.Before.CreatedAt.UnixMilli(), filter.Before.ID)
	}
	return query
}

// JobByID returns a job, whoever's it is. The error matches [export.ErrNotFound] if there is
// none. It is for operators: an API asks for a job of an organization, by [Store.Get].
func (s *Store) JobByID(ctx context.Context, jobID string) (jobs.Job, error) {
	if !storable(jobID) {
		return jobs.Job{}, wrap("job by id", export.ErrNotFound)
	}
	row, err := s.jobNow(ctx, jobID)
	if err != nil {
		return jobs.Job{}, wrap("job by id", err)
	}
	job, err := row.job()
	return job, wrap("job by id", err)
}

// EntryFilter says which entries of the audit log [Store.NewestEntries] returns. Its zero value
// stands for all entries.
type EntryFilter struct {
	OrganizationID string    // empty: of all organizations and of none
	JobID          string    // empty: about all jobs and about none
	Since          time.Time // entries of before are left out
}

// NewestEntries returns up to limit entries of the audit log, newest first. It is for operators.
func (s *Store) NewestEntries(ctx context.Context, filter EntryFilter, limit int) ([]audit.Entry, error) {
	if limit < 1 || !storable(filter.OrganizationID) || !storable(filter.JobID) {
		return nil, nil
	}
	entries, err := list(ctx, s.selectEntries(filter, limit), (*auditRow).entry)
	return entries, wrap("newest entries", err)
}

// selectEntries returns the query of NewestEntries, which an index answers. That of jobs has no
// entries about none.
func (s *Store) selectEntries(filter EntryFilter, limit int) *bun.SelectQuery {
	query := s.from(s.db, "audit").OrderExpr("at DESC, id DESC").Limit(int64(limit))
	if filter.OrganizationID != "" {
		query = query.Where("organization_id = ?", filter.OrganizationID)
	}
	if filter.JobID != "" {
		query = query.Where("job_id = ?", filter.JobID).Where("job_id <> ''")
	}
	if !filter.Since.IsZero() {
		query = query.Where("at >= ?", filter.Since.UnixMilli())
	}
	return query
}
