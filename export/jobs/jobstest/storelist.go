package jobstest

import (
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

func list(t testing.TB, s jobs.Store, organization string, number, size int) ([]jobs.Job, int64) {
	t.Helper()
	found, total, err := s.List(t.Context(), organization, jobs.Page{Number: number, Size: size})
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	if len(found) > size {
		t.Fatalf("List gives %d jobs for a page of %d", len(found), size)
	}
	return found, total
}

// storeListOrder creates jobs in an order that is neither that of their instants
// nor that of their ids.
func storeListOrder(t testing.TB, s jobs.Store) {
	for _, n := range []int{3, 5, 1, 4, 2} {
		create(t, s, n, func(_ time.Time, j *jobs.Job) {
			j.CreatedAt = kittest.SomeTime().Add(time.Duration(n*7%5) * time.Millisecond)
		})
	}
	found, total := list(t, s, kittest.OurOrg, 1, 10)
	want := []string{kittest.ShortID(2), kittest.ShortID(4), kittest.ShortID(1), kittest.ShortID(3), kittest.ShortID(5)}
	if got := jobIDs(found); !slices.Equal(got, want) || total != 5 {
		t.Errorf("List gives %v of %d, want %v", got, total, want)
	}
}

// storeListPages has jobs of the same instant. Their order is free, but pages must
// neither repeat nor lose a job, also if jobs change between two pages.
func storeListPages(t testing.TB, s jobs.Store) {
	const many = 7
	for _, n := range []int{3, 5, 1, 7, 4, 2, 6} {
		create(t, s, n, func(_ time.Time, j *jobs.Job) { j.CreatedAt = kittest.SomeTime().Add(time.Duration(n/6) * time.Hour) })
	}
	whole, _ := list(t, s, kittest.OurOrg, 1, 100)
	want := jobIDs(whole)
	if len(want) != many || slices.Max(want[2:]) >= slices.Min(want[:2]) {
		t.Fatalf("List gives %v, want 7 jobs, the two newest first", want)
	}
	for _, size := range []int{1, 2, 3, 6, 7, 8} {
		var got []string
		for number := 1; number <= many+1; number++ {
			page, total := list(t, s, kittest.OurOrg, number, size)
			if total != many {
				t.Errorf("page %d of %d says that there are %d jobs", number, size, total)
			}
			if left := max(0, many-(number-1)*size); len(page) != min(size, left) {
				t.Errorf("page %d of %d has %d jobs", number, size, len(page))
			}
			got = append(got, jobIDs(page)...)
			update(t, s, kittest.ShortID(number%many+1), func(_ time.Time, j *jobs.Job) { j.Attempt++ })
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d together are %v, want %v", size, got, want)
		}
	}
}

func storeListOrganization(t testing.TB, s jobs.Store) {
	if found, total := list(t, s, kittest.OurOrg, 1, 10); len(found) != 0 || total != 0 {
		t.Errorf("List of an empty store gives %d of %d jobs", len(found), total)
	}
	for n := range 3 {
		create(t, s, n, nil)
		createOf(t, s, kittest.TheirOrg, n+10, nil)
	}
	end(t, s, kittest.ShortID(1))
	for _, organization := range []string{kittest.OurOrg, kittest.TheirOrg} {
		found, total := list(t, s, organization, 1, 10)
		if len(found) != 3 || total != 3 {
			t.Errorf("List gives %d of %d jobs, want all 3", len(found), total)
		}
		for _, j := range found {
			if j.Organization.ID != organization {
				t.Errorf("List of %s gives a job of %s", organization, j.Organization.ID)
			}
		}
	}
	if found, total := list(t, s, "", 1, 10); len(found) != 0 || total != 0 {
		t.Errorf("List of no organization gives %d of %d jobs", len(found), total)
	}
}

// inStatus creates job n and sets its status, LeaseUntil and PurgeAt. The instants
// count from the store's now; 0 means none.
func inStatus(t testing.TB, s jobs.Store, n int, status jobs.Status, lease, purge time.Duration) {
	t.Helper()
	job := create(t, s, n, nil)
	update(t, s, job.ID, func(now time.Time, j *jobs.Job) {
		j.Status, j.LeaseUntil, j.PurgeAt = status, time.Time{}, time.Time{}
		if lease != 0 {
			j.LeaseUntil = now.Add(lease)
		}
		if purge != 0 {
			j.PurgeAt = now.Add(purge)
		}
	})
}

func stale(t testing.TB, s jobs.Store, limit int) []string {
	t.Helper()
	found, err := s.Stale(t.Context(), limit)
	if err != nil {
		t.Fatalf("Stale: %v", err)
	}
	for _, j := range found {
		wantGet(t, s, j)
	}
	return jobIDs(found)
}

func storeStale(t testing.TB, s jobs.Store) {
	if got := stale(t, s, 10); len(got) != 0 {
		t.Errorf("in an empty store %v are stale", got)
	}
	for n, c := range []struct {
		status       jobs.Status
		lease, purge time.Duration
		want         bool
	}{
		{jobs.Pending, -time.Second, 0, true},
		{jobs.Pending, time.Hour, 0, false},
		{jobs.Pending, 0, 0, true}, // no lease has ended too
		{jobs.Processing, -time.Second, 0, true},
		{jobs.Processing, time.Hour, 0, false},
		{jobs.Completed, 0, 0, false},
		{jobs.Completed, 0, -time.Second, true},
		{jobs.Completed, 0, time.Hour, false},
		{jobs.Completed, -time.Hour, 0, false}, // the lease of an ended job does not matter
		{jobs.Completed, -time.Hour, time.Hour, false},
		{jobs.Failed, 0, 0, false},
		{jobs.Failed, 0, -time.Second, true},
		{jobs.Failed, 0, time.Hour, false},
		{jobs.Failed, -time.Hour, 0, false},
		{jobs.Failed, time.Hour, -time.Second, true},
	} {
		inStatus(t, s, n, c.status, c.lease, c.purge)
		if got := slices.Contains(stale(t, s, 100), kittest.ShortID(n)); got != c.want {
			t.Errorf("a %s job, lease %v and purge %v from now, is stale: %t, want %t", c.status, c.lease, c.purge, got, c.want)
		}
	}
}

// storeStaleOrder mixes leases that have ended and purges that are due.
func storeStaleOrder(t testing.TB, s jobs.Store) {
	inStatus(t, s, 1, jobs.Processing, -3*time.Minute, 0)
	inStatus(t, s, 2, jobs.Completed, -9*time.Hour, -2*time.Minute)
	inStatus(t, s, 3, jobs.Pending, -5*time.Minute, 0)
	inStatus(t, s, 4, jobs.Failed, 0, -4*time.Minute)
	inStatus(t, s, 5, jobs.Pending, -time.Minute, 0)
	inStatus(t, s, 6, jobs.Pending, time.Minute, 0)
	inStatus(t, s, 7, jobs.Completed, 0, -6*time.Minute)
	want := []string{kittest.ShortID(7), kittest.ShortID(3), kittest.ShortID(4), kittest.ShortID(1), kittest.ShortID(2), kittest.ShortID(5)}
	if got := stale(t, s, 100); !slices.Equal(got, want) {
		t.Errorf("Stale gives %v, want those first that have waited longest: %v", got, want)
	}
}

func storeStaleLimit(t testing.TB, s jobs.Store) {
	for n := range 6 {
		inStatus(t, s, n, jobs.Pending, time.Duration(n-10)*time.Minute, 0)
	}
	for limit := 1; limit <= 7; limit++ {
		got := stale(t, s, limit)
		if len(got) != min(limit, 6) || got[0] != kittest.ShortID(0) {
			t.Errorf("Stale(%d) gives %v", limit, got)
		}
	}
}

// storeStaleForgets renews a lease and purges a job.
func storeStaleForgets(t testing.TB, s jobs.Store) {
	inStatus(t, s, 1, jobs.Processing, -time.Second, 0)
	inStatus(t, s, 2, jobs.Completed, 0, -time.Second)
	if got := stale(t, s, 10); len(got) != 2 {
		t.Fatalf("Stale gives %v, want both jobs", got)
	}
	update(t, s, kittest.ShortID(1), func(now time.Time, j *jobs.Job) { j.LeaseUntil = now.Add(time.Hour) })
	update(t, s, kittest.ShortID(2), func(_ time.Time, j *jobs.Job) { j.PurgeAt = time.Time{} })
	if got := stale(t, s, 10); len(got) != 0 {
		t.Errorf("Stale still gives %v", got)
	}
}

func storeStaleOrganizations(t testing.TB, s jobs.Store) {
	for n, organization := range []string{kittest.OurOrg, kittest.TheirOrg} {
		createOf(t, s, organization, n, func(now time.Time, j *jobs.Job) {
			j.LeaseUntil = now.Add(-time.Duration(9-n) * time.Minute)
		})
	}
	if got := stale(t, s, 10); !slices.Equal(got, []string{kittest.ShortID(0), kittest.ShortID(1)}) {
		t.Errorf("Stale gives %v, want a job of each organization", got)
	}
}
