package bunstore

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// storeNewest stores nine jobs of two organizations, three in each instant, and returns their
// ids, newest first.
func storeNewest(t *testing.T, s *Store) (ids []string) {
	t.Helper()
	all := []jobs.Status{jobs.Pending, jobs.Processing, jobs.Completed, jobs.Failed}
	for n := range 9 {
		organization := []string{"org", "other"}[n%2]
		_, created, err := s.Create(t.Context(), organization, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			j := example(fmt.Sprint("job", n), time.UnixMilli(int64(1000+n/3)))
			j.Organization.ID, j.Status, j.Sections = organization, all[n%4], []string{fmt.Sprint(n)}
			return j, nil
		})
		if err != nil || !created {
			t.Fatalf("Create gives %t, %v", created, err)
		}
		ids = append(ids, fmt.Sprint("job", n))
	}
	slices.Reverse(ids)
	return ids
}

// TestNewest lists jobs of one and of all organizations, in pages of all sizes.
func TestNewest(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		ids := storeNewest(t, s)
		some := func(is func(n int) bool) (some []string) {
			for i, id := range ids {
				if is(8 - i) {
					some = append(some, id)
				}
			}
			return some
		}
		for name, c := range map[string]struct {
			filter JobFilter
			want   []string
		}{
			"all":                   {JobFilter{}, ids},
			"of an organization":    {JobFilter{OrganizationID: "org"}, some(func(n int) bool { return n%2 == 0 })},
			"of nobody":             {JobFilter{OrganizationID: "nobody"}, nil},
			"of no text":            {JobFilter{OrganizationID: "a\x00"}, nil},
			"completed":             {JobFilter{Statuses: []jobs.Status{jobs.Completed}}, some(func(n int) bool { return n%4 == 2 })},
			"in flight":             {JobFilter{Statuses: []jobs.Status{jobs.Processing, jobs.Pending, jobs.Pending}}, some(func(n int) bool { return n%4 < 2 })},
			"of an unknown status":  {JobFilter{Statuses: []jobs.Status{"gone"}}, nil},
			"ended of organization": {JobFilter{OrganizationID: "other", Statuses: []jobs.Status{jobs.Completed, jobs.Failed}}, some(func(n int) bool { return n%4 == 3 })},
		} {
			for size := 1; size <= 10; size++ {
				var got []string
				for filter := c.filter; ; {
					page, err := s.Newest(t.Context(), filter, size)
					if err != nil || len(page) > size {
						t.Fatalf("%s: a page of %d has %d, %v", name, size, len(page), err)
					}
					if len(page) == 0 {
						break
					}
					for _, j := range page {
						got = append(got, j.ID)
					}
					filter.Before = page[len(page)-1]
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%s: pages of %d together are %v, want %v", name, size, got, c.want)
				}
			}
		}
		if found, err := s.Newest(t.Context(), JobFilter{}, 0); err != nil || found != nil {
			t.Errorf("a page of nothing gives %v, %v", found, err)
		}
		for _, id := range ids {
			if j, err := s.JobByID(t.Context(), id); err != nil || j.ID != id {
				t.Errorf("job %s is %+v, %v", id, j, err)
			}
		}
		for _, id := range []string{"", "job", "job1\x00"} {
			if _, err := s.JobByID(t.Context(), id); !errors.Is(err, export.ErrNotFound) {
				t.Errorf("job %q gives %v", id, err)
			}
		}
	})
}

// TestNewestEntries lists entries of the audit log by all that they can be chosen by.
func TestNewestEntries(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		for n := range 8 {
			e := audit.Entry{
				At: time.UnixMilli(int64(1000 + n/2)), Actor: fmt.Sprint(n),
				OrganizationID: []string{"org", ""}[n%2], JobID: []string{"", "a", "b", "b"}[n%4],
			}
			if err := s.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			filter EntryFilter
			limit  int
			want   string // the actors
		}{
			"all":                 {EntryFilter{}, 10, "76543210"},
			"few":                 {EntryFilter{}, 3, "765"},
			"none":                {EntryFilter{}, 0, ""},
			"of an organization":  {EntryFilter{OrganizationID: "org"}, 10, "6420"},
			"about a job":         {EntryFilter{JobID: "b"}, 10, "7632"},
			"of both":             {EntryFilter{OrganizationID: "org", JobID: "b"}, 10, "62"},
			"since":               {EntryFilter{Since: time.UnixMilli(1002)}, 10, "7654"},
			"of both since":       {EntryFilter{OrganizationID: "org", JobID: "b", Since: time.UnixMilli(1002)}, 10, "6"},
			"about no job at all": {EntryFilter{JobID: "\xff"}, 10, ""},
		} {
			entries, err := s.NewestEntries(t.Context(), c.filter, c.limit)
			got := ""
			for _, e := range entries {
				got += e.Actor
			}
			if err != nil || got != c.want {
				t.Errorf("%s: entries are %q, %v, want %q", name, got, err, c.want)
			}
		}
	})
}

// TestNewestUseIndexes asks the databases how they find what is newest among much that is old.
func TestNewestUseIndexes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		addEnded(t, s, 20000)
		addEntries(t, s, 5000)
		for _, table := range []string{"jobs", "audit"} {
			if _, err := s.db.ExecContext(t.Context(), "ANALYZE orgexport_"+table); err != nil {
				t.Fatal(err)
			}
		}
		behind := jobs.Job{ID: "job 9", CreatedAt: time.UnixMilli(1)}
		jobsOf := func(filter JobFilter) string { return s.selectNewest(filter, 50).Model((*jobRow)(nil)).String() }
		entriesOf := func(filter EntryFilter) string {
			return s.selectEntries(filter, 50).Model((*auditRow)(nil)).String()
		}
		inFlight := []jobs.Status{jobs.Processing}
		for name, c := range map[string]struct{ query, index string }{
			"all jobs":                {jobsOf(JobFilter{}), "jobs_created"},
			"a page behind":           {jobsOf(JobFilter{Before: behind}), "jobs_created"},
			"completed ones":          {jobsOf(JobFilter{Statuses: []jobs.Status{jobs.Completed}}), "jobs_created"},
			"jobs in flight":          {jobsOf(JobFilter{Statuses: inFlight}), "jobs_(in_flight|flying)"},
			"a page of those":         {jobsOf(JobFilter{Statuses: inFlight, Before: behind}), "jobs_(in_flight|flying)"},
			"jobs of an organization": {jobsOf(JobFilter{OrganizationID: "other"}), "jobs_newest"},
			"all entries":             {entriesOf(EntryFilter{Since: time.UnixMilli(1)}), "audit_oldest"},
			"those of a tenant":       {entriesOf(EntryFilter{OrganizationID: "org"}), "audit_newest"},
			"those about a job":       {entriesOf(EntryFilter{JobID: "job 7"}), "audit_job"},
		} {
			got := plan(t, s, c.query)
			if !regexp.MustCompile("orgexport_"+c.index).MatchString(got) || regexp.MustCompile(`Seq Scan|SCAN (job|entry)(\n|$)`).MatchString(got) {
				t.Errorf("%s: it is not by the index %s:\n%s\n%s", name, c.index, got, c.query)
			}
		}
	})
}
