package jobstest

import (
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeLeasesBeyond has leases that end too late, as after the clock was put back, and
// others. It passes if the store is no jobs.LeaseLister.
func storeLeasesBeyond(t testing.TB, s jobs.Store) {
	lister, ok := s.(jobs.LeaseLister)
	if !ok {
		return
	}
	want := func(limit int, want ...int) {
		t.Helper()
		found, err := lister.LeasesBeyond(t.Context(), time.Hour, limit)
		var ids []string
		for _, n := range want {
			ids = append(ids, kittest.ShortID(n))
		}
		if got := jobIDs(found); err != nil || !slices.Equal(got, ids) {
			t.Errorf("LeasesBeyond of %d gives %v, %v, want %v", limit, got, err, ids)
		}
	}
	lease := func(n int, status jobs.Status, ahead time.Duration, alter func(*jobs.Job)) {
		create(t, s, n, nil)
		update(t, s, kittest.ShortID(n), func(now time.Time, j *jobs.Job) {
			j.Status, j.LeaseUntil = status, now.Add(ahead)
			if alter != nil {
				alter(j)
			}
		})
	}
	want(10)
	lease(1, jobs.Processing, 5*time.Hour, nil)
	lease(2, jobs.Pending, 6*time.Hour, nil)
	lease(3, jobs.Pending, 7*time.Hour, func(j *jobs.Job) { j.PutOff = true })
	lease(4, jobs.Processing, 50*time.Minute, nil)
	lease(5, jobs.Pending, -time.Minute, nil)
	lease(6, jobs.Completed, 9*time.Hour, func(j *jobs.Job) { j.PurgeAt = j.LeaseUntil })
	want(0)
	want(1, 2)
	want(10, 2, 1, 3)
}
