package jobstest

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// creator is what makes a job for Create.
type creator = func(now time.Time, usage jobs.Usage) (jobs.Job, error)

// brokenStore is a MemStore of which some methods are others.
type brokenStore struct {
	*MemStore
	create func(ctx context.Context, organizationID string, create creator) (jobs.Job, bool, error)
	get    func(ctx context.Context, organizationID, jobID string) (jobs.Job, error)
	list   func(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error)
	update func(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error)
	stale  func(ctx context.Context, limit int) ([]jobs.Job, error)
}

// breakStore makes a store that spoil spoils.
func breakStore(spoil func(inner *MemStore, s *brokenStore)) jobs.Store {
	m := new(MemStore)
	s := &brokenStore{MemStore: m, create: m.Create, get: m.Get, list: m.List, update: m.Update, stale: m.Stale}
	spoil(m, s)
	return s
}

func (s *brokenStore) Create(ctx context.Context, organizationID string, create creator) (jobs.Job, bool, error) {
	return s.create(ctx, organizationID, create)
}

func (s *brokenStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	return s.get(ctx, organizationID, jobID)
}

func (s *brokenStore) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	return s.list(ctx, organizationID, page)
}

func (s *brokenStore) Update(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	return s.update(ctx, jobID, change)
}

func (s *brokenStore) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	return s.stale(ctx, limit)
}

// mangling is a store whose jobs are all changed when they come out.
func mangling(mangle func(*jobs.Job)) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		all := func(found []jobs.Job) []jobs.Job {
			for i := range found {
				mangle(&found[i])
			}
			return found
		}
		s.create = func(ctx context.Context, o string, create creator) (jobs.Job, bool, error) {
			j, created, err := m.Create(ctx, o, create)
			mangle(&j)
			return j, created, err
		}
		s.get = func(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
			j, err := m.Get(ctx, organizationID, jobID)
			mangle(&j)
			return j, err
		}
		s.list = func(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
			found, total, err := m.List(ctx, organizationID, page)
			return all(found), total, err
		}
		s.update = func(ctx context.Context, jobID string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
			j, err := m.Update(ctx, jobID, change)
			mangle(&j)
			return j, err
		}
		s.stale = func(ctx context.Context, limit int) ([]jobs.Job, error) {
			found, err := m.Stale(ctx, limit)
			return all(found), err
		}
	})
}

// lookingFor is a store that looks for a job in the place of the new one in its
// own way, and not in the step in which it stores that.
func lookingFor(there func(old, j jobs.Job) bool, between func()) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.create = func(_ context.Context, o string, create creator) (jobs.Job, bool, error) {
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
				m.jobs = make(map[string]jobs.Job)
			}
			m.jobs[j.ID] = j
			return j.Clone(), true, nil
		}
	})
}

// listing is a store that lists in its own way.
func listing(list func(m *MemStore, organizationID string, page jobs.Page) ([]jobs.Job, int64)) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.list = func(_ context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
			found, total := list(m, organizationID, page)
			return found, total, nil
		}
	})
}

// finding is a store that finds stale jobs in its own way.
func finding(stale func(m *MemStore, limit int) []jobs.Job) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.stale = func(_ context.Context, limit int) ([]jobs.Job, error) { return stale(m, limit), nil }
	})
}

// updating is a store that updates in its own way.
func updating(update func(m *MemStore, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error)) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.update = func(_ context.Context, jobID string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
			return update(m, jobID, change)
		}
	})
}

// row is the job that is stored, which is nobody's business.
func (s *MemStore) row(id string) (jobs.Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, ok := s.jobs[id]
	return j, ok
}

func (s *MemStore) setRow(j jobs.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.ID] = normal(j)
}

func nothing() {}
