package jobstest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeUpdates sets every field of a job, for each status, and at last sets all to
// zero.
func storeUpdates(t testing.TB, s jobs.Store) {
	f := new(kittest.Filler)
	old := filledJob(t, f, jobs.Pending)
	_, _, err := s.Create(t.Context(), kittest.OurOrg, making(old))
	if err != nil {
		t.Fatal(err)
	}
	for _, status := range []jobs.Status{jobs.Processing, jobs.Completed, jobs.Failed, jobs.Pending} {
		want := filledJob(t, f, status)
		got := update(t, s, old.ID, func(_ time.Time, j *jobs.Job) {
			kittest.WantSame(t, "the job to change", *j, old)
			*j = want.Clone()
		})
		want.ID, want.Organization.ID, want.Format, want.Sections = old.ID, old.Organization.ID, old.Format, old.Sections
		want.RetryOf, want.CreatedAt = old.RetryOf, old.CreatedAt
		kittest.WantSame(t, "Update", got, want)
		wantGet(t, s, want)
		old = want
	}
	zero := jobs.Job{ID: old.ID, Organization: export.Organization{ID: kittest.OurOrg}, Format: old.Format, Sections: old.Sections,
		RetryOf: old.RetryOf, CreatedAt: old.CreatedAt, Status: jobs.Failed}
	kittest.WantSame(t, "Update", update(t, s, old.ID, func(_ time.Time, j *jobs.Job) { *j = jobs.Job{Status: jobs.Failed} }), zero)
	wantGet(t, s, zero)
}

var errChange = errors.New("change failed")

func storeFailedUpdate(t testing.TB, s jobs.Store) {
	job := create(t, s, 1, func(_ time.Time, j *jobs.Job) { j.Parts = []export.PartID{{JobID: j.ID, Section: "a"}} })
	_, err := s.Update(t.Context(), job.ID, func(_ time.Time, j *jobs.Job) error {
		j.Status, j.Attempt, j.Parts[0].Section = jobs.Failed, 7, "b"
		return errChange
	})
	if err != errChange { //nolint:errorlint // it is returned as it is
		t.Errorf("Update gives %v, want the error of change as it is", err)
	}
	wantGet(t, s, job)
	update(t, s, job.ID, func(_ time.Time, j *jobs.Job) { kittest.WantSame(t, "the job to change", *j, job) })
}

func storeUpdateNotFound(t testing.TB, s jobs.Store) {
	create(t, s, 1, nil)
	_, err := s.Update(t.Context(), kittest.ShortID(2), func(time.Time, *jobs.Job) error {
		t.Error("change is called for a job that there is not")
		return nil
	})
	if !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Update gives %v, want ErrNotFound", err)
	}
	if _, total := list(t, s, kittest.OurOrg, 1, 10); total != 1 {
		t.Errorf("there are %d jobs", total)
	}
}

// storeMemory changes each job that it gave to the store or got, in its memory.
func storeMemory(t testing.TB, s jobs.Store) {
	spoil := func(j jobs.Job) {
		j.Sections[0] = "spoilt"
		j.Progress[0].Records++
		j.Parts[0].Attempt++
		j.Results[0].Records++
		j.SHA256[0]++
	}
	want := filledJob(t, new(kittest.Filler), jobs.Pending)
	want.LeaseUntil = kittest.SomeTime().Add(-time.Hour) // and so stale
	var kept jobs.Job
	got, _, err := s.Create(t.Context(), kittest.OurOrg, func(time.Time, jobs.Usage) (jobs.Job, error) { kept = want.Clone(); return kept, nil })
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, j jobs.Job) {
		t.Helper()
		kittest.WantSame(t, what, j, want)
		spoil(j)
		wantGet(t, s, want)
	}
	check("the job that was made", kept)
	check("Create", got)
	another := want.Clone()
	another.ID = kittest.ShortID(1)
	got, created, err := s.Create(t.Context(), kittest.OurOrg, making(another))
	if err != nil || created {
		t.Fatalf("Create gives %t, %v, want the job in flight", created, err)
	}
	check("Create of a job in flight", got)
	got = update(t, s, want.ID, func(_ time.Time, j *jobs.Job) { kept = *j })
	check("the job to change", kept)
	check("Update", got)
	got, err = s.Get(t.Context(), kittest.OurOrg, want.ID)
	if err != nil {
		t.Fatal(err)
	}
	check("Get", got)
	found, _ := list(t, s, kittest.OurOrg, 1, 1)
	check("List", found[0])
	found, err = s.Stale(t.Context(), 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("Stale gives %d jobs, %v", len(found), err)
	}
	check("Stale", found[0])
}

func storeClock(t testing.TB, s jobs.Store) {
	var last time.Time
	tick := func(now time.Time) {
		if now.IsZero() || now.Before(last) {
			t.Errorf("the clock goes from %v to %v", last, now)
		}
		kittest.WantInstant(t, "now", now, now)
		last = now
	}
	for n := range 10 {
		create(t, s, n, func(now time.Time, _ *jobs.Job) { tick(now) })
		update(t, s, kittest.ShortID(n), func(now time.Time, _ *jobs.Job) { tick(now) })
	}
	// Stale has the same clock as Create and Update.
	inStatus(t, s, 10, jobs.Pending, -time.Second, 0)
	inStatus(t, s, 11, jobs.Pending, time.Hour, 0)
	if got := stale(t, s, 10); len(got) != 1 || got[0] != kittest.ShortID(10) {
		t.Errorf("Stale gives %v, want the job whose lease was over a second before Update's now", got)
	}
}

func storeCancelled(t testing.TB, s jobs.Store) {
	ctx := kittest.Cancelled(t)
	job := create(t, s, 1, nil)
	_, created, err := s.Create(ctx, kittest.OurOrg, making(pending(2, kittest.SomeTime())))
	kittest.WantCancelled(t, "Create", err)
	if created {
		t.Error("Create creates a job with a cancelled context")
	}
	_, err = s.Get(ctx, kittest.OurOrg, job.ID)
	kittest.WantCancelled(t, "Get", err)
	_, _, err = s.List(ctx, kittest.OurOrg, jobs.Page{Number: 1, Size: 1})
	kittest.WantCancelled(t, "List", err)
	_, err = s.Update(ctx, job.ID, func(_ time.Time, j *jobs.Job) error { j.Attempt = 7; return nil })
	kittest.WantCancelled(t, "Update", err)
	_, err = s.Stale(ctx, 1)
	kittest.WantCancelled(t, "Stale", err)
	wantGet(t, s, job)
	if _, total := list(t, s, kittest.OurOrg, 1, 10); total != 1 {
		t.Errorf("there are %d jobs, want the one that was created", total)
	}
}

// storeConcurrentCreates creates jobs of one request in many goroutines.
func storeConcurrentCreates(t testing.TB, s jobs.Store) {
	for round := range 3 {
		var created atomic.Int32
		var mu sync.Mutex
		ids := make(map[string]bool)
		kittest.Together(func(n int) {
			j, ok, err := tryCreate(t, s, round*kittest.AtOnce+n, func(_ time.Time, j *jobs.Job) { j.Sections = nil })
			if err != nil {
				t.Errorf("Create: %v", err)
				return
			}
			if ok {
				created.Add(1)
			}
			mu.Lock()
			defer mu.Unlock()
			ids[j.ID] = true
		})
		if created.Load() != 1 || len(ids) != 1 {
			t.Fatalf("%d Creates of one request make %d jobs and give %d, want one", kittest.AtOnce, created.Load(), len(ids))
		}
		for id := range ids {
			end(t, s, id)
		}
	}
}

// storeConcurrentRequests creates jobs of different requests in many goroutines.
func storeConcurrentRequests(t testing.TB, s jobs.Store) {
	kittest.Together(func(n int) {
		if _, created, err := tryCreate(t, s, n, nil); err != nil || !created {
			t.Errorf("Create gives %t, %v, want a new job", created, err)
		}
	})
	if _, total := list(t, s, kittest.OurOrg, 1, 1); total != kittest.AtOnce {
		t.Errorf("there are %d jobs, want %d", total, kittest.AtOnce)
	}
}

func storeConcurrentUpdates(t testing.TB, s jobs.Store) {
	const each = 8
	job := create(t, s, 1, nil)
	kittest.Together(func(n int) {
		for i := range each {
			_, err := s.Update(t.Context(), job.ID, func(_ time.Time, j *jobs.Job) error {
				j.Attempt++
				j.Parts = append(j.Parts, export.PartID{JobID: j.ID, Section: fmt.Sprint(n), Attempt: i + 1})
				return nil
			})
			if err != nil {
				t.Errorf("Update: %v", err)
				return
			}
		}
	})
	got, err := s.Get(t.Context(), kittest.OurOrg, job.ID)
	if err != nil || got.Attempt != kittest.AtOnce*each || len(got.Parts) != kittest.AtOnce*each {
		t.Errorf("after %d updates there are %d, with %d parts: %v", kittest.AtOnce*each, got.Attempt, len(got.Parts), err)
	}
}

// storeConcurrentUse begins, ends and lists jobs of one request in many goroutines.
// No list may have two of them in flight.
func storeConcurrentUse(t testing.TB, s jobs.Store) {
	const rounds = 4
	kittest.Together(func(n int) {
		for round := range rounds {
			j, _, err := tryCreate(t, s, n*rounds+round, func(_ time.Time, j *jobs.Job) { j.Sections = nil })
			if err == nil {
				_, err = s.Update(t.Context(), j.ID, func(now time.Time, j *jobs.Job) error {
					if j.Status.InFlight() {
						j.Status, j.FinishedAt, j.LeaseUntil = jobs.Completed, now, time.Time{}
					}
					return nil
				})
			}
			found, _, listErr := s.List(t.Context(), kittest.OurOrg, jobs.Page{Number: 1, Size: 1000})
			_, staleErr := s.Stale(t.Context(), 10)
			if err = errors.Join(err, listErr, staleErr); err != nil {
				t.Error(err)
				return
			}
			flying := 0
			for _, j := range found {
				if j.Status.InFlight() {
					flying++
				}
			}
			if flying > 1 {
				t.Errorf("%d jobs of one request are in flight", flying)
			}
		}
	})
}
