package jobstest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// MemStore is a [jobs.Store], [jobs.Scheduler], [jobs.Statser], [jobs.ArchiveLister],
// [jobs.PartsUsage] and [jobs.Marker] in memory, for tests. Its zero value is ready for use. It is safe for
// concurrent use.
type MemStore struct {
	// Now is the store's clock. Defaults to [time.Now], which is fake in a bubble
	// of testing/synctest.
	Now func() time.Time

	// Again makes Create and Update call their functions twice, as a store does
	// when another writer was faster. The result of the first call is dropped.
	Again bool

	mu    sync.Mutex
	jobs  map[string]jobs.Job
	marks map[string]time.Time
}

var errSecond = errors.New("jobstest: a job of the same request is in flight")

// Create implements [jobs.Store].
func (s *MemStore) Create(ctx context.Context, organizationID string, create func(now time.Time, usage jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return jobs.Job{}, false, context.Cause(ctx)
	}
	if s.Again {
		now := s.now()
		_, _ = create(now, s.usage(organizationID, now)) // the other writer was faster
	}
	now := s.now()
	j, err := create(now, s.usage(organizationID, now))
	j = normal(j)
	there, inFlight := s.inFlight(j)
	_, taken := s.jobs[j.ID]
	switch {
	case j.Organization.ID != organizationID:
		return jobs.Job{}, false, cmp.Or(err, fmt.Errorf("jobstest: job %s is of another organization", j.ID))
	case inFlight:
		return there.Clone(), false, nil
	case err != nil:
		return jobs.Job{}, false, err
	case taken:
		return jobs.Job{}, false, fmt.Errorf("jobstest: there is a job %s", j.ID)
	}
	if s.jobs == nil {
		s.jobs = make(map[string]jobs.Job)
	}
	s.jobs[j.ID] = j
	return j.Clone(), true, nil
}

// Get implements [jobs.Store].
func (s *MemStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return jobs.Job{}, context.Cause(ctx)
	}
	j, ok := s.jobs[jobID]
	if !ok || j.Organization.ID != organizationID {
		return jobs.Job{}, fmt.Errorf("%w: job %s", export.ErrNotFound, jobID)
	}
	return j.Clone(), nil
}

// List implements [jobs.Store].
func (s *MemStore) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, 0, context.Cause(ctx)
	}
	found := s.those(func(j jobs.Job) bool { return j.Organization.ID == organizationID })
	slices.SortFunc(found, func(a, b jobs.Job) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	total := int64(len(found))
	found = found[min(len(found), (page.Number-1)*page.Size):]
	return found[:min(len(found), page.Size)], total, nil
}

// Update implements [jobs.Store].
func (s *MemStore) Update(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return jobs.Job{}, context.Cause(ctx)
	}
	old, ok := s.jobs[jobID]
	if !ok {
		return jobs.Job{}, fmt.Errorf("%w: job %s", export.ErrNotFound, jobID)
	}
	j := old.Clone()
	if s.Again {
		_ = change(s.now(), &j) // the other writer was faster
		j = old.Clone()
	}
	if err := change(s.now(), &j); err != nil {
		return jobs.Job{}, err
	}
	j.ID, j.Organization.ID, j.Format, j.RetryOf, j.CreatedAt = old.ID, old.Organization.ID, old.Format, old.RetryOf, old.CreatedAt
	j.Sections = old.Sections
	j = normal(j)
	if there, ok := s.inFlight(j); ok && j.Status.InFlight() && there.ID != j.ID {
		return jobs.Job{}, errSecond
	}
	s.jobs[jobID] = j
	return j.Clone(), nil
}

// Stale implements [jobs.Store].
func (s *MemStore) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	now := s.now()
	found := s.those(func(j jobs.Job) bool {
		since := waitsSince(j)
		return !since.After(now) && (j.Status.InFlight() || !since.IsZero())
	})
	slices.SortFunc(found, func(a, b jobs.Job) int {
		return cmp.Or(waitsSince(a).Compare(waitsSince(b)), strings.Compare(a.ID, b.ID))
	})
	return found[:min(len(found), limit)], nil
}

// waitsSince returns the instant from which on a job is stale.
func waitsSince(j jobs.Job) time.Time {
	if j.Status.InFlight() {
		return j.LeaseUntil
	}
	return j.PurgeAt
}

// now is called with the lock held, so that instants are in the order of the
// changes.
func (s *MemStore) now() time.Time {
	if s.Now == nil {
		return kittest.Instant(time.Now())
	}
	return kittest.Instant(s.Now())
}

func (s *MemStore) usage(organizationID string, now time.Time) jobs.Usage {
	var u jobs.Usage
	for _, j := range s.jobs {
		if j.Organization.ID != organizationID || j.Status == jobs.Failed && !j.Cancelled {
			continue
		}
		if j.Status.InFlight() {
			u.InFlight++
		}
		if j.CreatedAt.After(now.Add(-24 * time.Hour)) {
			u.Day++
			if u.Oldest.IsZero() || j.CreatedAt.Before(u.Oldest) {
				u.Oldest = j.CreatedAt
			}
		}
	}
	return u
}

func (s *MemStore) inFlight(j jobs.Job) (jobs.Job, bool) {
	for _, other := range s.jobs {
		if other.Status.InFlight() && other.SameRequest(j) {
			return other, true
		}
	}
	return jobs.Job{}, false
}

func (s *MemStore) those(are func(jobs.Job) bool) []jobs.Job {
	var found []jobs.Job
	for _, j := range s.jobs {
		if are(j) {
			found = append(found, j.Clone())
		}
	}
	return found
}

// normal returns a copy of j as a store keeps it: instants in UTC and whole
// milliseconds, and nil for slices without elements.
func normal(j jobs.Job) jobs.Job {
	j = j.Clone()
	for _, at := range []*time.Time{&j.CreatedAt, &j.AsOf, &j.ClaimedAt, &j.LeaseUntil, &j.FinishedAt, &j.ExpiresAt, &j.PurgeAt, &j.UnableSince, &j.DamagedAt} {
		*at = kittest.Instant(*at)
	}
	j.Sections = orNil(j.Sections)
	j.Keys = orNil(j.Keys)
	j.Progress = orNil(j.Progress)
	j.Parts = orNil(j.Parts)
	j.Shards, j.Helpers = orNil(j.Shards), orNil(j.Helpers)
	j.Snapshot.OpenedAt = kittest.Instant(j.Snapshot.OpenedAt)
	for i := range j.Helpers {
		j.Helpers[i].LeaseUntil, j.Helpers[i].Progress = kittest.Instant(j.Helpers[i].LeaseUntil), orNil(j.Helpers[i].Progress)
	}
	j.Results = orNil(j.Results)
	j.SHA256 = orNil(j.SHA256)
	return j
}

func orNil[S ~[]E, E any](s S) S {
	if len(s) == 0 {
		return nil
	}
	return s
}
