package jobstest

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

var errCreate = errors.New("create failed")

// usage returns the usage that Create gives its function, which fails.
func usage(t testing.TB, s jobs.Store, organization string) jobs.Usage {
	t.Helper()
	var got jobs.Usage
	_, created, err := s.Create(t.Context(), organization, func(now time.Time, u jobs.Usage) (jobs.Job, error) {
		got = u
		j := pending(0, now)
		j.Organization.ID, j.Format = organization, "usage"
		return j, errCreate
	})
	if err != errCreate || created { //nolint:errorlint // it is returned as it is
		t.Fatalf("Create gives %t, %v, want the error of create as it is", created, err)
	}
	return got
}

func wantUsage(t testing.TB, s jobs.Store, organization string, inFlight, day int64, oldest time.Time) {
	t.Helper()
	got := usage(t, s, organization)
	if got.InFlight != inFlight || got.Day != day {
		t.Errorf("of %q %d jobs are in flight and %d of the day, want %d and %d", organization, got.InFlight, got.Day, inFlight, day)
	}
	kittest.WantInstant(t, "Usage: Oldest", got.Oldest, oldest)
}

func storeMismatch(t testing.TB, s jobs.Store) {
	_, created, err := s.Create(t.Context(), kittest.TheirOrg, making(pending(1, kittest.SomeTime())))
	if err == nil || created {
		t.Errorf("Create of another organization's job gives %t, %v, want an error", created, err)
	}
	for _, organization := range []string{kittest.OurOrg, kittest.TheirOrg} {
		if _, total := list(t, s, organization, 1, 10); total != 0 {
			t.Errorf("%q has %d jobs", organization, total)
		}
	}
}

func storeFailedCreate(t testing.TB, s jobs.Store) {
	job := create(t, s, 1, nil)
	for _, j := range []jobs.Job{pending(2, kittest.SomeTime()), pending(1, kittest.SomeTime())} {
		j.Sections = nil
		got, created, err := s.Create(t.Context(), kittest.OurOrg, func(time.Time, jobs.Usage) (jobs.Job, error) { return j, errCreate })
		if err != errCreate || created { //nolint:errorlint // it is returned as it is
			t.Errorf("Create gives %t, %v, want the error of create as it is", created, err)
		}
		kittest.WantSame(t, "Create that fails", got, jobs.Job{})
	}
	wantGet(t, s, job)
	if _, total := list(t, s, kittest.OurOrg, 1, 10); total != 1 {
		t.Errorf("there are %d jobs", total)
	}
	create(t, s, 2, func(_ time.Time, j *jobs.Job) { j.Sections = nil })
}

// storeFailedDuplicate asks again for a job in flight, with a function that fails.
func storeFailedDuplicate(t testing.TB, s jobs.Store) {
	job := create(t, s, 1, nil)
	again := func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
		j := pending(2, now)
		j.Sections = job.Sections
		return j, errCreate
	}
	for range 2 {
		got, created, err := s.Create(t.Context(), kittest.OurOrg, again)
		if err != nil || created {
			t.Fatalf("Create gives %t, %v, want the job in flight", created, err)
		}
		kittest.WantSame(t, "Create", got, job)
		job = update(t, s, job.ID, func(_ time.Time, j *jobs.Job) { j.Status, j.Attempt = jobs.Processing, 1 })
	}
	end(t, s, job.ID)
	if _, created, err := s.Create(t.Context(), kittest.OurOrg, again); err != errCreate || created { //nolint:errorlint // it is returned as it is
		t.Errorf("Create beside a job that has ended gives %t, %v, want the error of create", created, err)
	}
}

// storeUsageInFlight has jobs of two days ago, which do not count for the day.
func storeUsageInFlight(t testing.TB, s jobs.Store) {
	wantUsage(t, s, kittest.OurOrg, 0, 0, time.Time{})
	for n := range 5 {
		create(t, s, n, func(now time.Time, j *jobs.Job) { j.CreatedAt = now.Add(-48 * time.Hour) })
		wantUsage(t, s, kittest.OurOrg, int64(n)+1, 0, time.Time{})
	}
	for n, status := range []jobs.Status{jobs.Processing, jobs.Completed, jobs.Failed} {
		update(t, s, kittest.ShortID(n), func(_ time.Time, j *jobs.Job) { j.Status = status })
	}
	wantUsage(t, s, kittest.OurOrg, 3, 0, time.Time{})
	same := func(_ time.Time, j *jobs.Job) { j.Sections = pending(0, kittest.SomeTime()).Sections }
	if j, created, err := tryCreate(t, s, 9, same); err != nil || created || j.ID != kittest.ShortID(0) {
		t.Fatalf("Create gives %s, %t, %v, want the job in flight", j.ID, created, err)
	}
	wantUsage(t, s, kittest.OurOrg, 3, 0, time.Time{})
	end(t, s, kittest.ShortID(0))
	wantUsage(t, s, kittest.OurOrg, 2, 0, time.Time{})
}

// storeUsageDay has jobs that are a little younger or older than a day, by the
// store's clock.
func storeUsageDay(t testing.TB, s jobs.Store) {
	const day = 24 * time.Hour
	made := make(map[int]jobs.Job)
	for n, age := range []time.Duration{day + time.Second, day - time.Minute, day - 2*time.Minute, time.Second, 0, 1000 * day} {
		made[n] = create(t, s, n, func(now time.Time, j *jobs.Job) { j.CreatedAt = now.Add(-age) })
	}
	wantUsage(t, s, kittest.OurOrg, 6, 4, made[1].CreatedAt)
	cancelled := func(yes bool) {
		update(t, s, kittest.ShortID(1), func(_ time.Time, j *jobs.Job) { j.Status, j.Cancelled = jobs.Failed, yes })
	}
	cancelled(true)
	wantUsage(t, s, kittest.OurOrg, 5, 4, made[1].CreatedAt)
	cancelled(false)
	wantUsage(t, s, kittest.OurOrg, 5, 3, made[2].CreatedAt)
	for n := range 5 { // a job counts when it is completed too
		update(t, s, kittest.ShortID(n), func(_ time.Time, j *jobs.Job) { j.Status = jobs.Completed })
	}
	wantUsage(t, s, kittest.OurOrg, 1, 4, made[1].CreatedAt)
	end(t, s, kittest.ShortID(1))
	wantUsage(t, s, kittest.OurOrg, 1, 3, made[2].CreatedAt)
	for n := 2; n < 6; n++ {
		end(t, s, kittest.ShortID(n))
	}
	wantUsage(t, s, kittest.OurOrg, 0, 0, time.Time{})
}

func storeUsageOrganization(t testing.TB, s jobs.Store) {
	for n := range 3 {
		create(t, s, n, nil)
	}
	theirs := createOf(t, s, kittest.TheirOrg, 3, nil)
	if got := usage(t, s, kittest.OurOrg); got.InFlight != 3 || got.Day != 3 {
		t.Errorf("usage is %+v, want 3 jobs", got)
	}
	wantUsage(t, s, kittest.TheirOrg, 1, 1, theirs.CreatedAt)
	wantUsage(t, s, kittest.ShortID(9), 0, 0, time.Time{})
}

// storeConcurrentUsage creates jobs of different requests, of two organizations
// with limits.
func storeConcurrentUsage(t testing.TB, s jobs.Store) {
	const limit = 5
	var created, refused [2]atomic.Int32
	organizations := []string{kittest.OurOrg, kittest.TheirOrg}
	limited := []func(jobs.Usage) bool{
		func(u jobs.Usage) bool { return u.InFlight >= limit },
		func(u jobs.Usage) bool { return u.Day >= limit },
	}
	kittest.Together(func(n int) {
		which := n % 2
		_, ok, err := s.Create(t.Context(), organizations[which], func(now time.Time, u jobs.Usage) (jobs.Job, error) {
			j := pending(n, now)
			j.Organization.ID = organizations[which]
			if limited[which](u) {
				return j, errCreate
			}
			return j, nil
		})
		switch {
		case ok && err == nil:
			created[which].Add(1)
		case err == errCreate && !ok: //nolint:errorlint // it is returned as it is
			refused[which].Add(1)
		default:
			t.Errorf("Create gives %t, %v", ok, err)
		}
	})
	for which, organization := range organizations {
		if got, no := created[which].Load(), refused[which].Load(); got != limit || no != kittest.AtOnce/2-limit {
			t.Errorf("of %q %d jobs are created and %d refused, want %d and %d", organization, got, no, limit, kittest.AtOnce/2-limit)
		}
		if _, total := list(t, s, organization, 1, 1); total != limit {
			t.Errorf("%q has %d jobs, want %d", organization, total, limit)
		}
	}
}
