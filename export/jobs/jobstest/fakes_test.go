package jobstest_test

import (
	"errors"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

func TestMemDestination(t *testing.T) {
	jobstest.RunDestination(t, func(*testing.T) jobs.Destination { return new(jobstest.MemDestination) })
}

func TestMemStore(t *testing.T) {
	jobstest.RunStore(t, func(*testing.T) jobs.Store { return new(jobstest.MemStore) })
}

func TestMemStoreAgain(t *testing.T) {
	jobstest.RunStore(t, func(*testing.T) jobs.Store { return &jobstest.MemStore{Again: true} })
}

func TestMemStoreInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(jobstest.MemStore)
		j, _, err := s.Create(t.Context(), "", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			return jobs.Job{ID: "a", Status: jobs.Pending, CreatedAt: now, LeaseUntil: now.Add(time.Minute)}, nil
		})
		if err != nil || !j.CreatedAt.Equal(time.Now()) {
			t.Fatalf("created at %v, %v, want the time of the bubble", j.CreatedAt, err)
		}
		for _, want := range []int{0, 1} {
			if found, err := s.Stale(t.Context(), 10); err != nil || len(found) != want {
				t.Errorf("%d jobs are stale, %v, want %d", len(found), err, want)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestMemDispatcher(t *testing.T) {
	d := new(jobstest.MemDispatcher)
	var want []jobs.Task
	for _, id := range []string{"b", "a", "b"} {
		want = append(want, jobs.Task{Kind: jobs.TaskExport, JobID: id})
	}
	for range 2 {
		for _, task := range want {
			if err := d.Dispatch(t.Context(), task); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.Take(); !slices.Equal(got, want) {
			t.Errorf("took %v, want %v", got, want)
		}
		if got := d.Take(); len(got) != 0 {
			t.Errorf("took %v again", got)
		}
	}
}

func TestMemSigner(t *testing.T) {
	now := time.Date(2026, 6, 26, 23, 0, 0, 0, time.FixedZone("", 7200))
	s := &jobstest.MemSigner{Now: func() time.Time { return now }, MaxTTL: time.Hour}
	calls := []jobstest.SignCall{
		{Key: "org/job/1/a b.zip", Filename: "a&b.zip", TTL: time.Minute},
		{Key: "org/job/1/a b.zip", Filename: "other.zip", TTL: time.Minute},
		{Key: "org/job/2/a b.zip", Filename: "a&b.zip", TTL: time.Minute},
		{Key: "org/job/1/a b.zip", Filename: "a&b.zip", TTL: 2 * time.Hour},
	}
	links := make(map[string]jobs.Link)
	for _, c := range append(calls, calls...) {
		link, err := s.Sign(t.Context(), c.Key, c.Filename, c.TTL)
		if err != nil {
			t.Fatal(err)
		}
		if want := now.Add(min(c.TTL, time.Hour)).UTC(); link.ExpiresAt != want {
			t.Errorf("the link expires at %v, want %v", link.ExpiresAt, want)
		}
		if u, err := url.Parse(link.URL); err != nil || !u.IsAbs() || u.Path != "/"+c.Key || u.Query().Get("filename") != c.Filename {
			t.Errorf("the link is %s, %v", link.URL, err)
		}
		links[link.URL] = link
	}
	if len(links) != len(calls) {
		t.Errorf("there are %d links, want %d", len(links), len(calls))
	}
	if got := s.Calls(); !slices.Equal(got, append(calls, calls...)) {
		t.Errorf("calls are %v", got)
	}
}

func TestMemOrganizations(t *testing.T) {
	acme := export.Organization{ID: "a", Slug: "acme", Name: "Acme"}
	m := jobstest.MemOrganizations{"a": acme}
	if got, err := m.Get(t.Context(), "a"); err != nil || got != acme {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := m.Get(t.Context(), "A"); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
