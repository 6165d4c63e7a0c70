package exporttest

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
)

// creator is what makes a job for Create.
type creator = func(now time.Time, usage export.Usage) (export.Job, error)

// brokenStore is a MemStore of which some methods are others.
type brokenStore struct {
	*MemStore
	create func(ctx context.Context, organizationID string, create creator) (export.Job, bool, error)
	get    func(ctx context.Context, organizationID, jobID string) (export.Job, error)
	list   func(ctx context.Context, organizationID string, page export.Page) ([]export.Job, int64, error)
	update func(ctx context.Context, jobID string, change func(now time.Time, j *export.Job) error) (export.Job, error)
	stale  func(ctx context.Context, limit int) ([]export.Job, error)
}

// breakStore makes a store that spoil spoils.
func breakStore(spoil func(inner *MemStore, s *brokenStore)) export.Store {
	m := new(MemStore)
	s := &brokenStore{MemStore: m, create: m.Create, get: m.Get, list: m.List, update: m.Update, stale: m.Stale}
	spoil(m, s)
	return s
}

func (s *brokenStore) Create(ctx context.Context, organizationID string, create creator) (export.Job, bool, error) {
	return s.create(ctx, organizationID, create)
}

func (s *brokenStore) Get(ctx context.Context, organizationID, jobID string) (export.Job, error) {
	return s.get(ctx, organizationID, jobID)
}

func (s *brokenStore) List(ctx context.Context, organizationID string, page export.Page) ([]export.Job, int64, error) {
	return s.list(ctx, organizationID, page)
}

func (s *brokenStore) Update(ctx context.Context, jobID string, change func(now time.Time, j *export.Job) error) (export.Job, error) {
	return s.update(ctx, jobID, change)
}

func (s *brokenStore) Stale(ctx context.Context, limit int) ([]export.Job, error) {
	return s.stale(ctx, limit)
}

// mangling is a store whose jobs are all changed when they come out.
func mangling(mangle func(*export.Job)) export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		all := func(jobs []export.Job) []export.Job {
			for i := range jobs {
				mangle(&jobs[i])
			}
			return jobs
		}
		s.create = func(ctx context.Context, o string, create creator) (export.Job, bool, error) {
			j, created, err := m.Create(ctx, o, create)
			mangle(&j)
			return j, created, err
		}
		s.get = func(ctx context.Context, organizationID, jobID string) (export.Job, error) {
			j, err := m.Get(ctx, organizationID, jobID)
			mangle(&j)
			return j, err
		}
		s.list = func(ctx context.Context, organizationID string, page export.Page) ([]export.Job, int64, error) {
			jobs, total, err := m.List(ctx, organizationID, page)
			return all(jobs), total, err
		}
		s.update = func(ctx context.Context, jobID string, change func(time.Time, *export.Job) error) (export.Job, error) {
			j, err := m.Update(ctx, jobID, change)
			mangle(&j)
			return j, err
		}
		s.stale = func(ctx context.Context, limit int) ([]export.Job, error) {
			jobs, err := m.Stale(ctx, limit)
			return all(jobs), err
		}
	})
}

// lookingFor is a store that looks for a job in the place of the new one in its
// own way, and not in the step in which it stores that.
func lookingFor(there func(old, j export.Job) bool, between func()) export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.create = func(_ context.Context, o string, create creator) (export.Job, bool, error) {
			m.mu.Lock()
			j, _ := create(m.now(), m.usage(o, m.now()))
			j = normal(j)
			for _, old := range m.jobs {
				if there(old, j) {
					defer m.mu.Unlock()
					return old.Clone(), false, nil
				}
			}
			m.mu.Unlock()
			between()
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.jobs == nil {
				m.jobs = make(map[string]export.Job)
			}
			m.jobs[j.ID] = j
			return j.Clone(), true, nil
		}
	})
}

// listing is a store that lists in its own way.
func listing(list func(m *MemStore, organizationID string, page export.Page) ([]export.Job, int64)) export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.list = func(_ context.Context, organizationID string, page export.Page) ([]export.Job, int64, error) {
			jobs, total := list(m, organizationID, page)
			return jobs, total, nil
		}
	})
}

// finding is a store that finds stale jobs in its own way.
func finding(stale func(m *MemStore, limit int) []export.Job) export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.stale = func(_ context.Context, limit int) ([]export.Job, error) { return stale(m, limit), nil }
	})
}

// updating is a store that updates in its own way.
func updating(update func(m *MemStore, jobID string, change func(now time.Time, j *export.Job) error) (export.Job, error)) export.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.update = func(_ context.Context, jobID string, change func(time.Time, *export.Job) error) (export.Job, error) {
			return update(m, jobID, change)
		}
	})
}

// row is the job that is stored, which is nobody's business.
func (s *MemStore) row(id string) (export.Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[id]
	return j, ok
}

func (s *MemStore) setRow(j export.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.ID] = normal(j)
}

func nothing() {}
