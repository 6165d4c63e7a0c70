package jobstest

import (
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeStats has more jobs that do not count than that do, and older ones. It
// passes if the store is no jobs.Statser.
func storeStats(t testing.TB, s jobs.Store) {
	if _, ok := s.(jobs.Statser); !ok {
		return
	}
	want := func(when string, pending, processing int64, oldest time.Duration) {
		t.Helper()
		got, err := jobs.StatsOf(t.Context(), s)
		if err != nil {
			t.Fatalf("Stats: %v", err)
		}
		if got.Pending != pending || got.Processing != processing {
			t.Errorf("%s Stats counts %d pending and %d processing, want %d and %d", when, got.Pending, got.Processing, pending, processing)
		}
		if got.Oldest < oldest || got.Oldest > oldest+time.Minute || oldest == 0 && got.Oldest != 0 {
			t.Errorf("%s Stats says that the oldest is of %v ago, want %v", when, got.Oldest, oldest)
		}
	}
	want("at first", 0, 0, 0)
	n := 0
	add := func(organization string, status jobs.Status, age time.Duration) string {
		n++
		job := createOf(t, s, organization, n, func(now time.Time, j *jobs.Job) { j.CreatedAt = now.Add(-age) })
		update(t, s, job.ID, func(_ time.Time, j *jobs.Job) { j.Status = status })
		return job.ID
	}
	for range 3 {
		add(kittest.OurOrg, jobs.Completed, 5*time.Hour)
		add(kittest.TheirOrg, jobs.Failed, 5*time.Hour)
	}
	want("with ended jobs only", 0, 0, 0)
	add(kittest.OurOrg, jobs.Processing, 4*time.Hour)
	add(kittest.TheirOrg, jobs.Processing, 0)
	want("with none that is pending", 0, 2, 0)
	add(kittest.OurOrg, jobs.Pending, time.Hour)
	oldest := add(kittest.TheirOrg, jobs.Pending, 3*time.Hour)
	add(kittest.OurOrg, jobs.Pending, 2*time.Hour)
	want("with jobs of each status", 3, 2, 3*time.Hour)
	update(t, s, oldest, func(_ time.Time, j *jobs.Job) { j.Status = jobs.Processing })
	want("once the oldest is claimed", 2, 3, 2*time.Hour)
	for _, suspect := range []int{2, 0} {
		update(t, s, oldest, func(_ time.Time, j *jobs.Job) { j.Suspect = suspect })
		if got, err := jobs.StatsOf(t.Context(), s); err != nil || got.Suspects != int64(suspect/2) {
			t.Errorf("of a job that is suspect %d, Stats counts %d, %v", suspect, got.Suspects, err)
		}
	}
	add(kittest.OurOrg, jobs.Pending, -time.Hour)
	want("with one of tomorrow", 3, 3, 2*time.Hour)
}

func storeStatsCancelled(t testing.TB, s jobs.Store) {
	if _, ok := s.(jobs.Statser); ok {
		_, err := jobs.StatsOf(kittest.Cancelled(t), s)
		kittest.WantCancelled(t, "Stats", err)
	}
}
