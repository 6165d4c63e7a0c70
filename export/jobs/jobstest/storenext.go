package jobstest

import (
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeNext asks for the next job again and again, as free workers do. It passes
// if the store is no jobs.Scheduler.
func storeNext(t testing.TB, s jobs.Store) {
	scheduler, ok := s.(jobs.Scheduler)
	if !ok {
		return
	}
	n := 0
	add := func(organization string, age time.Duration, alter func(now time.Time, j *jobs.Job)) string {
		n++
		return createOf(t, s, organization, n, func(now time.Time, j *jobs.Job) {
			j.CreatedAt = now.Add(-age)
			if alter != nil {
				alter(now, j)
			}
		}).ID
	}
	next := func(when, want string) {
		t.Helper()
		got, err := scheduler.Next(t.Context(), jobs.Want{})
		if want == "" {
			if !errors.Is(err, export.ErrNotFound) {
				t.Errorf("%s Next gives %q, %v, want ErrNotFound", when, got, err)
			}
			return
		}
		if err != nil || got != want {
			t.Fatalf("%s Next gives %s, %v, want %s", when, got, err, want)
		}
	}
	claim := func(id string, ago time.Duration) {
		update(t, s, id, func(now time.Time, j *jobs.Job) {
			j.Status, j.LeaseUntil, j.ClaimedAt = jobs.Processing, now.Add(time.Hour), now.Add(-ago)
		})
	}
	next("of no jobs", "")
	done := add(kittest.OurOrg, 9*time.Hour, nil)
	end(t, s, done)
	add(kittest.OurOrg, 9*time.Hour, func(_ time.Time, j *jobs.Job) { j.PutOff = true })
	next("with none that waits", "")

	second := add(kittest.OurOrg, 3*time.Hour, nil)
	third := add(kittest.OurOrg, 2*time.Hour, nil)
	first := add(kittest.OurOrg, 4*time.Hour, func(now time.Time, j *jobs.Job) { j.LeaseUntil = now.Add(-time.Minute) })
	late := add(kittest.TheirOrg, time.Hour, nil)
	next("of jobs that wait", first)
	next("asked again", first)
	claim(first, 50*time.Minute)
	next("with one of the other organization", late)
	claim(late, 40*time.Minute)
	next("with as many of both", second)
	claim(second, 30*time.Minute)
	later := add(kittest.TheirOrg, time.Minute, nil)
	next("with more of the one", later)
	urgent := add(kittest.OurOrg, time.Second, func(_ time.Time, j *jobs.Job) { j.Priority = 1 })
	add(kittest.TheirOrg, 9*time.Hour, func(_ time.Time, j *jobs.Job) { j.Priority = -1 })
	next("with one of priority", urgent)
	claim(urgent, 20*time.Minute)
	for _, id := range []string{first, second, urgent, late} {
		end(t, s, id)
	}
	next("whose turn was longer ago", later)
	claim(later, 0)
	end(t, s, later)
	next("by turns", third)
}

// storeNextAfterJump has an organization whose last turn lies ahead, because the clock was
// put back since: it is not last until then.
func storeNextAfterJump(t testing.TB, s jobs.Store) {
	scheduler, ok := s.(jobs.Scheduler)
	if !ok {
		return
	}
	turn := func(n int, organization string, ago time.Duration) {
		createOf(t, s, organization, n, nil)
		update(t, s, kittest.ShortID(n), func(now time.Time, j *jobs.Job) { j.ClaimedAt = now.Add(-ago) })
		end(t, s, kittest.ShortID(n))
	}
	turn(1, kittest.OurOrg, -5*time.Hour)
	turn(2, kittest.TheirOrg, time.Minute)
	createOf(t, s, kittest.TheirOrg, 3, nil)
	want := createOf(t, s, kittest.OurOrg, 4, nil).ID
	if got, err := scheduler.Next(t.Context(), jobs.Want{}); err != nil || got != want {
		t.Errorf("Next gives %s, %v, want %s", got, err, want)
	}
}

// storeNextWanted asks for jobs of some kinds only.
func storeNextWanted(t testing.TB, s jobs.Store) {
	scheduler, ok := s.(jobs.Scheduler)
	if !ok {
		return
	}
	next := func(when string, want jobs.Want, id string) {
		t.Helper()
		got, err := scheduler.Next(t.Context(), want)
		if id == "" && !errors.Is(err, export.ErrNotFound) || id != "" && (err != nil || got != id) {
			t.Errorf("%s Next gives %q, %v, want %q", when, got, err, id)
		}
	}
	n := 0
	add := func(organization string, suspect int) string {
		n++
		return createOf(t, s, organization, n, func(now time.Time, j *jobs.Job) {
			j.CreatedAt, j.Suspect = now.Add(-time.Hour+time.Duration(n)*time.Minute), suspect
		}).ID
	}
	suspect := add(kittest.OurOrg, 2)
	next("with one suspect", jobs.Want{}, suspect)
	next("without suspects", jobs.Want{NoSuspects: true}, "")
	ours, theirs := add(kittest.OurOrg, 0), add(kittest.TheirOrg, 0)
	next("without suspects", jobs.Want{NoSuspects: true}, ours)
	next("of others", jobs.Want{NotOrganization: kittest.OurOrg}, theirs)
	next("of others", jobs.Want{NotOrganization: kittest.TheirOrg, NoSuspects: true}, ours)
	update(t, s, suspect, func(now time.Time, j *jobs.Job) { j.Status, j.LeaseUntil = jobs.Processing, now.Add(time.Hour) })
	next("with one each", jobs.Want{PerOrganization: 1}, theirs)
	update(t, s, theirs, func(now time.Time, j *jobs.Job) { j.Status, j.LeaseUntil = jobs.Processing, now.Add(time.Hour) })
	next("with one each", jobs.Want{PerOrganization: 1}, "")
	next("with two each", jobs.Want{PerOrganization: 2}, ours)
}

func storeNextCancelled(t testing.TB, s jobs.Store) {
	if scheduler, ok := s.(jobs.Scheduler); ok {
		_, err := scheduler.Next(kittest.Cancelled(t), jobs.Want{})
		kittest.WantCancelled(t, "Next", err)
	}
}
