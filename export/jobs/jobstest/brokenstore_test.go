package jobstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

type (
	creator = func(now time.Time, usage jobs.Usage) (jobs.Job, error)
	changer = func(now time.Time, j *jobs.Job) error
	orderer = func(a, b jobs.Job) int
)

// brokenStore is a MemStore with a defect, which sets some of these fields. The
// first ones change what comes out or what is seen, the last ones take the place
// of methods.
type brokenStore struct {
	MemStore
	deaf  kittest.Deaf
	out   func(j *jobs.Job)
	err   func(err error) error
	usage func(u *jobs.Usage)
	stats func(stats *jobs.Stats)
	marks func(name string) (again bool, as string)
	next  func(j *jobs.Job)
	ended func(j *jobs.Job)

	// leases changes the jobs that LeasesBeyond looks at.
	leases func(j *jobs.Job)

	// parts changes the jobs that PartsInUse looks at.
	parts func(j *jobs.Job)

	archives func(after string, limit int) []jobs.Job

	stale  func(stale []jobs.Job, limit int) []jobs.Job
	create func(organizationID string, create creator) (jobs.Job, bool, error)
	get    func(organizationID, jobID string) (jobs.Job, error)
	list   func(organizationID string) []jobs.Job
	update func(jobID string, change changer) (jobs.Job, error)
}

func breakStore(breaks func(*brokenStore)) jobs.Store {
	s := &brokenStore{
		out: func(*jobs.Job) {}, err: func(err error) error { return err },
		usage: func(*jobs.Usage) {}, stats: func(*jobs.Stats) {}, next: func(*jobs.Job) {},
		marks: func(name string) (bool, string) { return true, name },
	}
	s.jobs = make(map[string]jobs.Job)
	breaks(s)
	return s
}

func (s *brokenStore) gives(j jobs.Job, err error) (jobs.Job, error) {
	s.out(&j)
	if err != nil {
		err = s.err(err)
	}
	return j, err
}

func (s *brokenStore) Create(ctx context.Context, organizationID string, create creator) (j jobs.Job, created bool, err error) {
	if s.create != nil {
		j, created, err = s.create(organizationID, create)
	} else {
		j, created, err = s.MemStore.Create(s.deaf.Hears(ctx), organizationID, func(now time.Time, u jobs.Usage) (jobs.Job, error) {
			s.usage(&u)
			return create(now, u)
		})
	}
	j, err = s.gives(j, err)
	return j, created, err
}

func (s *brokenStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	if s.get != nil {
		return s.get(organizationID, jobID)
	}
	return s.gives(s.MemStore.Get(s.deaf.Hears(ctx), organizationID, jobID))
}

func (s *brokenStore) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	if s.list == nil {
		return s.MemStore.List(s.deaf.Hears(ctx), organizationID, page)
	}
	found := s.list(organizationID)
	from := min(len(found), (page.Number-1)*page.Size)
	return found[from:min(len(found), from+page.Size)], int64(len(found)), nil
}

func (s *brokenStore) Update(ctx context.Context, jobID string, change changer) (jobs.Job, error) {
	if s.update != nil {
		return s.update(jobID, change)
	}
	return s.gives(s.MemStore.Update(s.deaf.Hears(ctx), jobID, change))
}

func (s *brokenStore) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	if s.stale == nil {
		return s.MemStore.Stale(s.deaf.Hears(ctx), limit)
	}
	stale, err := s.MemStore.Stale(ctx, 1000)
	return s.stale(stale, limit), err
}

func (s *brokenStore) Stats(ctx context.Context) (jobs.Stats, error) {
	stats, err := s.MemStore.Stats(s.deaf.Hears(ctx))
	s.stats(&stats)
	return stats, err
}

func (s *brokenStore) Archives(ctx context.Context, after string, limit int) ([]jobs.Job, error) {
	if s.archives == nil {
		return s.MemStore.Archives(s.deaf.Hears(ctx), after, limit)
	}
	return s.archives(after, limit), nil
}

func (s *brokenStore) Mark(ctx context.Context, name string) error {
	again, as := s.marks(name)
	if _, err := s.MemStore.Marked(s.deaf.Hears(ctx), as); err == nil && !again {
		return nil
	}
	return s.MemStore.Mark(s.deaf.Hears(ctx), as)
}

func (s *brokenStore) Marked(ctx context.Context, name string) (time.Duration, error) {
	_, as := s.marks(name)
	age, err := s.MemStore.Marked(s.deaf.Hears(ctx), as)
	if err != nil {
		err = s.err(err)
	}
	return age, err
}

func (s *brokenStore) Next(ctx context.Context, want jobs.Want) (string, error) {
	seen := MemStore{jobs: make(map[string]jobs.Job)}
	for _, j := range s.all(every) {
		s.next(&j)
		seen.jobs[j.ID] = j
	}
	id, err := seen.Next(s.deaf.Hears(ctx), want)
	_, err = s.gives(jobs.Job{}, err)
	return id, err
}

// RemoveEnded removes jobs as they look after ended has changed them.
func (s *brokenStore) RemoveEnded(ctx context.Context, kept time.Duration, limit int) (int64, error) {
	if s.ended == nil {
		return s.MemStore.RemoveEnded(ctx, kept, limit)
	}
	seen := MemStore{jobs: make(map[string]jobs.Job)}
	for _, j := range s.all(every) {
		s.ended(&j)
		seen.jobs[j.ID] = j
	}
	n, err := seen.RemoveEnded(ctx, kept, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.jobs {
		if _, left := seen.jobs[id]; !left {
			delete(s.jobs, id)
		}
	}
	return n, err
}

// LeasesBeyond lists jobs as they look after leases has changed them.
func (s *brokenStore) LeasesBeyond(ctx context.Context, ahead time.Duration, limit int) ([]jobs.Job, error) {
	if s.leases == nil {
		return s.MemStore.LeasesBeyond(ctx, ahead, limit)
	}
	seen := MemStore{jobs: make(map[string]jobs.Job)}
	for _, j := range s.all(every) {
		s.leases(&j)
		seen.jobs[j.ID] = j
	}
	return seen.LeasesBeyond(ctx, ahead, limit)
}

// PartsInUse looks at jobs as they are after parts has changed them.
func (s *brokenStore) PartsInUse(ctx context.Context, jobID string) (bool, error) {
	seen := MemStore{jobs: make(map[string]jobs.Job)}
	for _, j := range s.all(every) {
		id := j.ID // which the mutant may take away
		if s.parts != nil {
			s.parts(&j)
		}
		seen.jobs[id] = j
	}
	return seen.PartsInUse(s.deaf.Hears(ctx), jobID)
}

func (s *brokenStore) all(are func(jobs.Job) bool) []jobs.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.those(are)
}

// row returns what is kept of a job, and set keeps a job.
func (s *brokenStore) row(id string) jobs.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[id]
}

func (s *brokenStore) set(j jobs.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.jobs[j.ID] = normal(j)
}

func wrapped(err error) error { return fmt.Errorf("wrapped: %w", err) }

// opaque hides what an error matches.
func opaque(err error) error {
	if err != nil {
		err = errors.New("no rows")
	}
	return err
}

// looks lets Create look in its own way for the job that is in the place of the
// new one, and then store that in a second step.
func looks(there func(old, j jobs.Job) bool, between func()) func(*brokenStore) {
	return func(s *brokenStore) {
		s.create = func(_ string, create creator) (jobs.Job, bool, error) {
			j, err := create(s.now(), jobs.Usage{})
			for _, old := range s.all(func(old jobs.Job) bool { return there(old, j) }) {
				return old, false, nil
			}
			between()
			s.set(j)
			return normal(j), err == nil, err
		}
	}
}

// lists lets List list what it likes in any order.
func lists(are func(j jobs.Job, organizationID string) bool, order orderer) func(*brokenStore) {
	return func(s *brokenStore) {
		s.list = func(organizationID string) []jobs.Job {
			found := s.all(func(j jobs.Job) bool { return are(j, organizationID) })
			slices.SortFunc(found, order)
			return found
		}
	}
}

// finds lets Archives find what it likes, behind the job after in its own order.
func finds(are func(j jobs.Job) bool, order orderer) func(*brokenStore) {
	return func(s *brokenStore) {
		s.archives = func(after string, limit int) []jobs.Job {
			found := s.all(are)
			slices.SortFunc(found, order)
			if i := slices.IndexFunc(found, func(j jobs.Job) bool { return j.ID == after }); i >= 0 {
				found = found[i+1:]
			}
			return found[:min(len(found), limit)]
		}
	}
}

// overwrites lets Update write whatever its function makes of a job, in a second
// step.
func overwrites(between func()) func(*brokenStore) {
	return func(s *brokenStore) {
		s.update = func(id string, change changer) (jobs.Job, error) {
			j := s.row(id).Clone()
			between()
			err := change(s.now(), &j)
			j.ID = id
			s.set(j)
			return j, err
		}
	}
}
