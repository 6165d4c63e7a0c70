package jobstest

import (
	"context"
	"fmt"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// unfair is a MemStore that chooses the next job in its own way.
type unfair struct {
	*MemStore
	next func(ctx context.Context, m *MemStore) (string, error)
}

func (s unfair) Next(ctx context.Context) (string, error) { return s.next(ctx, s.MemStore) }

func brokenNext() []kittest.Defect[jobs.Store] {
	const promise = "NextInFairOrder"
	// blind does not see what spoil takes from the jobs.
	blind := func(spoil func(j *jobs.Job)) jobs.Store {
		return unfair{new(MemStore), func(ctx context.Context, m *MemStore) (string, error) {
			sees := new(MemStore)
			sees.jobs = make(map[string]jobs.Job)
			for _, j := range m.those(func(jobs.Job) bool { return true }) {
				spoil(&j)
				sees.jobs[j.ID] = j
			}
			return sees.Next(ctx)
		}}
	}
	return []kittest.Defect[jobs.Store]{
		{"jobs that are put off", promise, "with none that waits", blind(func(j *jobs.Job) { j.PutOff = false })},
		{"jobs that have ended", promise, "with none that waits", blind(func(j *jobs.Job) {
			if !j.Status.InFlight() {
				j.Status = jobs.Pending
			}
		})},
		{"newest first", promise, "of jobs that wait", blind(func(j *jobs.Job) {
			j.CreatedAt = time.Time{}.Add(kittest.SomeTime().Sub(j.CreatedAt))
		})},
		{"in no order", promise, "of jobs that wait", blind(func(j *jobs.Job) { j.CreatedAt = kittest.SomeTime() })},
		{"organizations alike", promise, "with one of the other organization", blind(func(j *jobs.Job) { j.Organization.ID = kittest.OurOrg })},
		{"priorities alike", promise, "with one of priority", blind(func(j *jobs.Job) { j.Priority = 0 })},
		{"counts what has ended", promise, "of jobs that wait", blind(func(j *jobs.Job) {
			if j.Status == jobs.Failed {
				j.Status = jobs.Processing
			}
		})},
		{"no turns", promise, "whose turn was longer ago", blind(func(j *jobs.Job) { j.ClaimedAt = time.Time{} })},
		{"an error of its own", promise, "want ErrNotFound", unfair{new(MemStore), func(ctx context.Context, m *MemStore) (string, error) {
			id, err := m.Next(ctx)
			if err != nil {
				err = fmt.Errorf("none: %v", err)
			}
			return id, err
		}}},
		{"deaf Next", "NextOfACancelledContext", "Next with", unfair{new(MemStore), func(_ context.Context, m *MemStore) (string, error) {
			return m.Next(context.Background())
		}}},
	}
}
