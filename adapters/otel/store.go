package otel

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Store makes spans of what is asked of inner. It is an [export.Checker], an
// [jobs.Statser] and an [jobs.Scheduler] if inner is, and as good as ready if
// inner is no Checker.
func (t *Tracer) Store(inner jobs.Store) jobs.Store { return &store{t, inner} }

type store struct {
	t     *Tracer
	inner jobs.Store
}

// Create is no failure if it is create that does not want to.
func (s *store) Create(ctx context.Context, organizationID string, create func(now time.Time, usage jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	ctx, span, end := s.t.port(ctx, "store create", organization.String(organizationID))
	var refused error
	job, created, err := s.inner.Create(ctx, organizationID, func(now time.Time, usage jobs.Usage) (j jobs.Job, err error) {
		j, refused = create(now, usage)
		return j, refused
	})
	if err == nil {
		span.SetAttributes(jobID.String(job.ID))
	}
	if refused != nil {
		end(nil)
	} else {
		end(err)
	}
	return job, created, err
}

func (s *store) Get(ctx context.Context, organizationID, id string) (jobs.Job, error) {
	ctx, _, end := s.t.port(ctx, "store get", jobID.String(id), organization.String(organizationID))
	job, err := s.inner.Get(ctx, organizationID, id)
	end(err)
	return job, err
}

func (s *store) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	ctx, _, end := s.t.port(ctx, "store list", organization.String(organizationID))
	list, total, err := s.inner.List(ctx, organizationID, page)
	end(err)
	return list, total, err
}

// Update is no failure if it is change that does not want to.
func (s *store) Update(ctx context.Context, id string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	ctx, _, end := s.t.port(ctx, "store update", jobID.String(id))
	var refused error
	job, err := s.inner.Update(ctx, id, func(now time.Time, j *jobs.Job) error {
		refused = change(now, j)
		return refused
	})
	if refused != nil {
		end(nil)
	} else {
		end(err)
	}
	return job, err
}

// Stale is asked by the reaper alone, which has no span.
func (s *store) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	return s.inner.Stale(ctx, limit)
}

// Next is asked before an attempt begins, and so has no span. Of a store that is
// no scheduler no job is known to be next.
func (s *store) Next(ctx context.Context) (string, error) {
	if n, ok := s.inner.(jobs.Scheduler); ok {
		return n.Next(ctx)
	}
	return "", export.ErrNotFound
}

func (s *store) Check(ctx context.Context) error { return check(ctx, s.inner) }

func (s *store) Stats(ctx context.Context) (jobs.Stats, error) { return jobs.StatsOf(ctx, s.inner) }

// check asks a port whether it is ready, if it can tell.
func check(ctx context.Context, port any) error {
	if c, ok := port.(export.Checker); ok {
		return c.Check(ctx)
	}
	return nil
}
