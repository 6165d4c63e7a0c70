package jobstest

import (
	"context"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// miscounting is a MemStore that counts in its own way.
type miscounting struct {
	*MemStore
	stats func(ctx context.Context, m *MemStore) (jobs.Stats, error)
}

func (s miscounting) Stats(ctx context.Context) (jobs.Stats, error) {
	return s.stats(ctx, s.MemStore)
}

func brokenStats() []kittest.Defect[jobs.Store] {
	const promise = "StatsCountJobsInFlight"
	wrong := func(spoil func(m *MemStore, stats *jobs.Stats)) jobs.Store {
		return miscounting{new(MemStore), func(ctx context.Context, m *MemStore) (jobs.Stats, error) {
			stats, err := m.Stats(ctx)
			spoil(m, &stats)
			return stats, err
		}}
	}
	count := func(m *MemStore, are func(jobs.Job) bool) int64 { return int64(len(m.those(are))) }
	return []kittest.Defect[jobs.Store]{
		{"counts ended jobs", promise, "with ended jobs only", wrong(func(m *MemStore, stats *jobs.Stats) {
			stats.Pending = count(m, func(j jobs.Job) bool { return j.Status != jobs.Processing })
		})},
		{"counts one organization", promise, "want 0 and 2", wrong(func(m *MemStore, stats *jobs.Stats) {
			stats.Processing = count(m, func(j jobs.Job) bool { return j.Status == jobs.Processing && j.Organization.ID == kittest.OurOrg })
		})},
		{"age of what is processed", promise, "with none that is pending Stats says", wrong(func(m *MemStore, stats *jobs.Stats) {
			for _, j := range m.those(func(j jobs.Job) bool { return j.Status.InFlight() }) {
				stats.Oldest = max(stats.Oldest, m.now().Sub(j.CreatedAt))
			}
		})},
		{"no age", promise, "want 3h0m0s", wrong(func(_ *MemStore, stats *jobs.Stats) { stats.Oldest = 0 })},
		{"deaf Stats", "StatsOfACancelledContext", "Stats with", miscounting{new(MemStore), func(_ context.Context, m *MemStore) (jobs.Stats, error) {
			return m.Stats(context.Background())
		}}},
	}
}
