package otel

import (
	"context"
	"errors"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Store returns a store that makes spans of the calls of inner. It passes on the calls of
// [export.Checker], [jobs.Statser], [jobs.ArchiveLister], [jobs.Marker], [jobs.Scheduler],
// [jobs.Remover], [jobs.LeaseLister] and [jobs.PartsUsage]. If inner does not implement these, Check returns
// nil, and the errors of the others match [errors.ErrUnsupported].
func (t *Tracer) Store(inner jobs.Store) jobs.Store { return &store{t, inner} }

var (
	_ jobs.Scheduler   = (*store)(nil)
	_ jobs.Remover     = (*store)(nil)
	_ jobs.LeaseLister = (*store)(nil)
	_ jobs.PartsUsage  = (*store)(nil)
	_ jobs.Marker      = (*store)(nil)
)

type store struct {
	t     *Tracer
	inner jobs.Store
}

// Create makes a span that has not failed if create refused the job.
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

// Update makes a span that has not failed if change refused the change.
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

// Stale makes no span: only the reaper calls it.
func (s *store) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	return s.inner.Stale(ctx, limit)
}

// Next makes no span: it is called before an attempt begins. It is not supported if inner
// is no [jobs.Scheduler].
func (s *store) Next(ctx context.Context, want jobs.Want) (string, error) {
	if n, ok := s.inner.(jobs.Scheduler); ok {
		return n.Next(ctx, want)
	}
	return "", errors.ErrUnsupported
}

// RemoveEnded makes no span, as Stale.
func (s *store) RemoveEnded(ctx context.Context, kept time.Duration, limit int) (int64, error) {
	if r, ok := s.inner.(jobs.Remover); ok {
		return r.RemoveEnded(ctx, kept, limit)
	}
	return 0, errors.ErrUnsupported
}

// LeasesBeyond makes no span, as Stale.
func (s *store) LeasesBeyond(ctx context.Context, ahead time.Duration, limit int) ([]jobs.Job, error) {
	if l, ok := s.inner.(jobs.LeaseLister); ok {
		return l.LeasesBeyond(ctx, ahead, limit)
	}
	return nil, errors.ErrUnsupported
}

// PartsInUse makes no span, as Stale.
func (s *store) PartsInUse(ctx context.Context, id string) (bool, error) {
	if u, ok := s.inner.(jobs.PartsUsage); ok {
		return u.PartsInUse(ctx, id)
	}
	return false, errors.ErrUnsupported
}

func (s *store) Check(ctx context.Context) error { return check(ctx, s.inner) }

// Archives makes no span: only a scrub calls it.
func (s *store) Archives(ctx context.Context, after string, limit int) ([]jobs.Job, error) {
	return jobs.ArchivesOf(ctx, s.inner, after, limit)
}

func (s *store) Stats(ctx context.Context) (jobs.Stats, error) { return jobs.StatsOf(ctx, s.inner) }

// Mark makes no span, as Marked does not: they are called again and again.
func (s *store) Mark(ctx context.Context, name string) error {
	if m, ok := s.inner.(jobs.Marker); ok {
		return m.Mark(ctx, name)
	}
	return errors.ErrUnsupported
}

func (s *store) Marked(ctx context.Context, name string) (time.Duration, error) {
	if m, ok := s.inner.(jobs.Marker); ok {
		return m.Marked(ctx, name)
	}
	return 0, errors.ErrUnsupported
}

// check calls the Check of a port, if it has one.
func check(ctx context.Context, port any) error {
	if c, ok := port.(export.Checker); ok {
		return c.Check(ctx)
	}
	return nil
}
