package jobstest

import (
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storePartsInUse has jobs that use parts of others, and some that no longer do. It passes if
// the store is no jobs.PartsUsage.
func storePartsInUse(t testing.TB, s jobs.Store) {
	usage, ok := s.(jobs.PartsUsage)
	if !ok {
		return
	}
	want := func(when string, used ...int) {
		t.Helper()
		for n := range 6 {
			want := false
			for _, m := range used {
				want = want || n == m
			}
			if got, err := usage.PartsInUse(t.Context(), kittest.ShortID(n)); err != nil || got != want {
				t.Errorf("%s PartsInUse of job %d gives %t, %v, want %t", when, n, got, err, want)
			}
		}
	}
	of := func(n int, section string) export.PartID {
		return export.PartID{JobID: kittest.ShortID(n), Section: section, Attempt: 1}
	}
	want("of no jobs")
	for n := range 2 {
		create(t, s, n, nil)
		update(t, s, kittest.ShortID(n), func(_ time.Time, j *jobs.Job) { j.Parts = []export.PartID{of(n, "a"), of(n, "b")} })
	}
	want("of jobs with parts of their own")
	end(t, s, kittest.ShortID(0))
	end(t, s, kittest.ShortID(1))
	want("of ended jobs")
	create(t, s, 2, func(_ time.Time, j *jobs.Job) { j.RetryOf = kittest.ShortID(0) })
	want("with a retry that has no parts")
	update(t, s, kittest.ShortID(2), func(_ time.Time, j *jobs.Job) { j.Parts = []export.PartID{of(2, "a"), of(0, "b")} })
	want("with a pending retry", 0)
	create(t, s, 3, func(_ time.Time, j *jobs.Job) {
		j.RetryOf, j.Parts = kittest.ShortID(2), []export.PartID{of(0, "b"), of(1, kittest.ShortID(5))}
	})
	update(t, s, kittest.ShortID(3), func(_ time.Time, j *jobs.Job) { j.Status = jobs.Processing })
	want("with two retries", 0, 1)
	end(t, s, kittest.ShortID(2))
	want("with one that runs", 0, 1)
	update(t, s, kittest.ShortID(3), func(_ time.Time, j *jobs.Job) { j.Parts = j.Parts[1:] })
	want("with one that has dropped a part", 1)
	end(t, s, kittest.ShortID(3))
	want("after the retries")
}

func storePartsInUseCancelled(t testing.TB, s jobs.Store) {
	if usage, ok := s.(jobs.PartsUsage); ok {
		_, err := usage.PartsInUse(kittest.Cancelled(t), kittest.ShortID(1))
		kittest.WantCancelled(t, "PartsInUse", err)
	}
}
