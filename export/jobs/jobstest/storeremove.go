package jobstest

import (
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeRemoves has ended jobs of all ages, and others that look alike. It passes if the
// store is no jobs.Remover.
func storeRemoves(t testing.TB, s jobs.Store) {
	remover, ok := s.(jobs.Remover)
	if !ok {
		return
	}
	const kept = 48 * time.Hour
	wantRemoved := func(limit int, want int64) {
		t.Helper()
		if n, err := remover.RemoveEnded(t.Context(), kept, limit); err != nil || n != want {
			t.Errorf("RemoveEnded of %d gives %d, %v, want %d", limit, n, err, want)
		}
	}
	ended := func(n int, age time.Duration, alter func(*jobs.Job)) {
		create(t, s, n, func(now time.Time, j *jobs.Job) { j.CreatedAt = now.Add(-1000 * time.Hour) })
		update(t, s, kittest.ShortID(n), func(now time.Time, j *jobs.Job) {
			j.Status, j.FinishedAt = jobs.Failed, now.Add(-age)
			if alter != nil {
				alter(j)
			}
		})
	}
	wantRemoved(10, 0)
	ended(1, kept+time.Minute, nil)
	ended(2, 10*kept, func(j *jobs.Job) { j.Status = jobs.Completed })
	ended(3, kept+time.Hour, func(j *jobs.Job) { j.Cancelled = true })
	ended(4, kept-time.Minute, nil)
	ended(5, 10*kept, func(j *jobs.Job) { j.PurgeAt = j.FinishedAt.Add(1000 * time.Hour) })
	ended(6, 10*kept, func(j *jobs.Job) { j.Status, j.FinishedAt = jobs.Processing, time.Time{} })
	wantRemoved(0, 0)
	wantRemoved(1, 1)
	wantLeft := func(want ...int) {
		t.Helper()
		var ids []string
		for _, n := range want {
			ids = append(ids, kittest.ShortID(n))
		}
		found, total := list(t, s, kittest.OurOrg, 1, 100)
		left := jobIDs(found)
		slices.Sort(left)
		slices.Sort(ids)
		if total != int64(len(want)) || !slices.Equal(left, ids) {
			t.Errorf("%d jobs are left, %v, want %v", total, left, ids)
		}
	}
	wantLeft(1, 3, 4, 5, 6)
	wantRemoved(10, 2)
	wantLeft(4, 5, 6)
	wantRemoved(10, 0)
	for _, kept := range []time.Duration{0, -time.Hour} {
		if n, err := remover.RemoveEnded(t.Context(), kept, 10); err == nil || n != 0 {
			t.Errorf("RemoveEnded of all gives %d, %v, want an error", n, err)
		}
	}
	wantLeft(4, 5, 6)
}
