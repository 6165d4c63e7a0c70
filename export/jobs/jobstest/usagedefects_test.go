package jobstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// creating is a store that creates in its own way.
func creating(do func(m *MemStore, organizationID string, create creator) (jobs.Job, bool, error)) jobs.Store {
	return breakStore(func(m *MemStore, s *brokenStore) {
		s.create = func(_ context.Context, organizationID string, create creator) (jobs.Job, bool, error) {
			return do(m, organizationID, create)
		}
	})
}

// telling is a store that tells a usage of its own.
func telling(usage func(m *MemStore, organizationID string, now time.Time, u jobs.Usage) jobs.Usage) jobs.Store {
	return creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
		return m.Create(context.Background(), o, func(now time.Time, u jobs.Usage) (jobs.Job, error) {
			return create(now, usage(m, o, now, u))
		})
	})
}

// summing is a store that counts in flight and of the day what are.
func summing(inFlight, day func(j jobs.Job, organizationID string, age time.Duration) bool) jobs.Store {
	return telling(func(m *MemStore, organizationID string, now time.Time, u jobs.Usage) jobs.Usage {
		u.InFlight, u.Day = 0, 0
		for _, j := range m.jobs {
			if inFlight(j, organizationID, now.Sub(j.CreatedAt)) {
				u.InFlight++
			}
			if day(j, organizationID, now.Sub(j.CreatedAt)) {
				u.Day++
			}
		}
		return u
	})
}

func brokenUsage() []kittest.Defect[jobs.Store] {
	const day = 24 * time.Hour
	flies := func(j jobs.Job, o string, _ time.Duration) bool {
		return j.Organization.ID == o && j.Status.InFlight()
	}
	counts := func(j jobs.Job, o string, age time.Duration) bool {
		return j.Organization.ID == o && j.Status != jobs.Failed && age < day
	}
	return []kittest.Defect[jobs.Store]{
		{"jobs of anybody", "NoJobOfAnotherOrganization", "want an error", creating(func(m *MemStore, _ string, create creator) (jobs.Job, bool, error) {
			j, _ := create(m.now(), jobs.Usage{})
			return m.Create(context.Background(), j.Organization.ID, making(j))
		})},
		{"stores what failed", "FailedCreateStoresNothing", "there are", creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
			j, err := create(m.now(), jobs.Usage{})
			made, created, _ := m.Create(context.Background(), o, making(j))
			if err != nil {
				return jobs.Job{}, false, err
			}
			return made, created, nil
		})},
		{"wraps the error", "FailedCreateStoresNothing", "as it is", creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
			j, created, err := m.Create(context.Background(), o, create)
			if err != nil {
				err = fmt.Errorf("create: %w", err)
			}
			return j, created, err
		})},
		{"returns what failed", "FailedCreateStoresNothing", "Create that fails", creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
			var made jobs.Job
			j, created, err := m.Create(context.Background(), o, func(now time.Time, u jobs.Usage) (_ jobs.Job, err error) {
				made, err = create(now, u)
				return made, err
			})
			if err != nil {
				return made, false, err
			}
			return j, created, nil
		})},
		{"no room, no look", "JobInFlightThoughCreateFails", "want the job in flight", creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
			j, err := create(m.now(), jobs.Usage{})
			if err != nil {
				return jobs.Job{}, false, err
			}
			return m.Create(context.Background(), o, making(j))
		})},
		{"a request only once", "JobInFlightThoughCreateFails", "want the error of create", creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
			j, err := create(m.now(), jobs.Usage{})
			for _, old := range m.jobs {
				if old.SameRequest(j) {
					return old.Clone(), false, nil
				}
			}
			if err != nil {
				return jobs.Job{}, false, err
			}
			return m.Create(context.Background(), o, making(j))
		})},
		{"no usage", "UsageOfJobsInFlight", "0 jobs are in flight", telling(func(*MemStore, string, time.Time, jobs.Usage) jobs.Usage { return jobs.Usage{} })},
		{"with the new one", "UsageOfJobsInFlight", "1 jobs are in flight", telling(func(_ *MemStore, _ string, _ time.Time, u jobs.Usage) jobs.Usage {
			u.InFlight++
			return u
		})},
		{"pending ones", "UsageOfJobsInFlight", "2 jobs are in flight", summing(func(j jobs.Job, o string, age time.Duration) bool {
			return flies(j, o, age) && j.Status == jobs.Pending
		}, counts)},
		{"completed ones", "UsageOfJobsInFlight", "4 jobs are in flight", summing(func(j jobs.Job, o string, age time.Duration) bool {
			return flies(j, o, age) || j.Status == jobs.Completed
		}, counts)},
		{"in flight of the day", "UsageOfJobsInFlight", "0 jobs are in flight", summing(func(j jobs.Job, o string, age time.Duration) bool {
			return flies(j, o, age) && age < day
		}, counts)},
		{"failed ones", "UsageOfTheDay", "4 of the day, want 1 and 3", summing(flies, func(j jobs.Job, o string, age time.Duration) bool {
			return j.Organization.ID == o && age < day
		})},
		{"in flight only", "UsageOfTheDay", "0 of the day", summing(flies, func(j jobs.Job, o string, age time.Duration) bool {
			return counts(j, o, age) && j.Status.InFlight()
		})},
		{"of all time", "UsageOfTheDay", "6 of the day", summing(flies, func(j jobs.Job, o string, _ time.Duration) bool {
			return j.Organization.ID == o && j.Status != jobs.Failed
		})},
		{"of 12 hours", "UsageOfTheDay", "2 of the day", summing(flies, func(j jobs.Job, o string, age time.Duration) bool {
			return counts(j, o, age) && age < day/2
		})},
		{"the newest for the oldest", "UsageOfTheDay", "Oldest is", telling(func(m *MemStore, _ string, _ time.Time, u jobs.Usage) jobs.Usage {
			for _, j := range m.jobs {
				if j.CreatedAt.After(u.Oldest) {
					u.Oldest = j.CreatedAt
				}
			}
			return u
		})},
		{"zero of another epoch", "UsageOfTheDay", "Oldest is 1970", telling(func(_ *MemStore, _ string, _ time.Time, u jobs.Usage) jobs.Usage {
			if u.Oldest.IsZero() {
				u.Oldest = time.UnixMilli(0).UTC()
			}
			return u
		})},
		{"of everybody", "UsageOfOneOrganization", "want 3 jobs", summing(func(j jobs.Job, _ string, age time.Duration) bool {
			return flies(j, j.Organization.ID, age)
		}, counts)},
		{"organizations without case", "UsageOfOneOrganization", "want 3 jobs", summing(flies, func(j jobs.Job, o string, age time.Duration) bool {
			return strings.EqualFold(j.Organization.ID, o) && counts(j, j.Organization.ID, age)
		})},
		{"count, then insert", "ConcurrentUsage", "want 5 and 11", countingFirst()},
	}
}

// countingFirst is a store that does not count in the step in which it stores:
// all count before one stores.
func countingFirst() jobs.Store {
	var counted sync.WaitGroup
	counted.Add(kittest.AtOnce)
	return creating(func(m *MemStore, o string, create creator) (jobs.Job, bool, error) {
		m.mu.Lock()
		u := m.usage(o, m.now())
		m.mu.Unlock()
		counted.Done()
		counted.Wait()
		return m.Create(context.Background(), o, func(now time.Time, _ jobs.Usage) (jobs.Job, error) { return create(now, u) })
	})
}
