package jobs_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
)

// wantQuota checks that a request is over the quota, and when it is worth to ask
// again.
func (n *node) wantQuota(t *testing.T, r jobs.Request, retryAfter time.Duration, text string) {
	t.Helper()
	r.OrganizationID = acme.ID
	job, created, err := n.Create(t.Context(), r)
	var over *jobs.QuotaError
	if !errors.As(err, &over) || created || job.ID != "" {
		t.Fatalf("Create gives %v, %t, %v, want a QuotaError", job.ID, created, err)
	}
	if over.RetryAfter != retryAfter || over.Public() != text || over.Reason != text || export.PublicText(err) != text || !strings.HasPrefix(err.Error(), "jobs: ") {
		t.Errorf("%+v, want to ask again in %v, %q", over, retryAfter, text)
	}
	if len(n.Take()) != 0 {
		t.Error("something was dispatched")
	}
}

func withQuota(q jobs.Quota) func(*jobs.Config) {
	return func(c *jobs.Config) { c.Quota = q }
}

const twoAtOnce = "An organization may have 2 exports in flight at once."

func TestQuotaInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, withQuota(jobs.Quota{InFlight: 2}), fine("a"), fine("b"))
		a, b := jobs.Request{Sections: []string{"a"}}, jobs.Request{Sections: []string{"b"}}
		all := jobs.Request{OrganizationID: acme.ID}
		first := n.create(t, a)
		time.Sleep(time.Second) // which makes it the next for a worker
		n.create(t, b)
		time.Sleep(time.Second)
		tasks := n.Take()
		n.wantQuota(t, all, 30*time.Second, twoAtOnce)
		a.OrganizationID = acme.ID
		if job, created, err := n.Create(t.Context(), a); err != nil || created || job.ID != first.ID {
			t.Errorf("the same request again gives %s, %t, %v, want the job in flight", job.ID, created, err)
		}
		n.create(t, jobs.Request{OrganizationID: "another"})
		n.Take()
		if _, err := n.Delete(t.Context(), acme.ID, first.ID); err != nil {
			t.Fatal(err)
		}
		n.create(t, all) // one has ended
		n.Take()
		n.wantQuota(t, a, 30*time.Second, twoAtOnce)
		if err := n.Work(t.Context(), tasks[1]); err != nil { // which goes on with all that wait
			t.Fatal(err)
		}
		n.create(t, a)
	})
}

func TestQuotaOfTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const text = "An organization may request 3 exports within 24 hours."
		n := newNode(t, withQuota(jobs.Quota{Day: 3, InFlight: 2}), fine("a"))
		for range 3 { // an hour apart
			n.create(t, jobs.Request{})
			n.work(t)
			time.Sleep(time.Hour)
		}
		n.wantQuota(t, jobs.Request{}, 21*time.Hour, text)
		time.Sleep(21*time.Hour - time.Millisecond)
		n.wantQuota(t, jobs.Request{}, time.Millisecond, text)
		time.Sleep(time.Millisecond) // as long as it was told
		job := n.create(t, jobs.Request{})
		if again, created, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID}); err != nil || created || again.ID != job.ID {
			t.Errorf("over the quota, the same request again gives %s, %t, %v, want the job in flight", again.ID, created, err)
		}
		n.work(t)
		n.wantQuota(t, jobs.Request{}, time.Hour, text)
	})
}

// TestQuotaCancelledJobs requests and cancels again and again: each counts for the day.
func TestQuotaCancelledJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, withQuota(jobs.Quota{Day: 3, InFlight: 1}), fine("a"))
		for range 3 {
			job := n.create(t, jobs.Request{})
			n.Take()
			if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
				t.Fatal(err)
			}
			if job := n.get(t, job); !job.Cancelled {
				t.Errorf("the job is %+v, want it to be cancelled", job)
			}
		}
		n.wantQuota(t, jobs.Request{}, 24*time.Hour, "An organization may request 3 exports within 24 hours.")
	})
}

// TestQuotaFailedJobs has jobs that fail, which are for free.
func TestQuotaFailedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		section := writes("a", func(export.Sink) error {
			if runs++; runs <= 5 {
				return errors.New("not yet")
			}
			return nil
		})
		n := newNode(t, func(c *jobs.Config) {
			c.Quota = jobs.Quota{Day: 2, InFlight: 1}
			c.Engine = engine(t, func(c *export.Config) {
				c.Options = map[string]export.SectionOptions{"a": {Required: true}}
			}, section)
		}, section)
		for range 5 {
			job := n.create(t, jobs.Request{})
			n.work(t)
			if job := n.get(t, job); job.Status != jobs.Failed || job.Cancelled {
				t.Fatalf("the job is %s", job.Status)
			}
		}
		first := n.create(t, jobs.Request{})
		tasks := n.Take()
		n.wantQuota(t, jobs.Request{Format: "tar.gz"}, 30*time.Second, "An organization may have 1 export in flight at once.")
		if err := n.Work(t.Context(), tasks[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		n.create(t, jobs.Request{RetryOf: first.ID}) // a retry counts as any
		n.work(t)
		n.wantQuota(t, jobs.Request{}, 24*time.Hour-time.Minute, "An organization may request 2 exports within 24 hours.")
	})
}

// TestQuotaConcurrent asks from many goroutines for different things.
func TestQuotaConcurrent(t *testing.T) {
	const sections, limit = 40, 7
	var all []export.Section
	for i := range sections {
		all = append(all, fine(fmt.Sprintf("s%d", i)))
	}
	for name, quota := range map[string]jobs.Quota{"in flight": {InFlight: limit}, "day": {Day: limit}} {
		n := newNode(t, withQuota(quota), all...)
		var created, over atomic.Int32
		var wg sync.WaitGroup
		for _, s := range all {
			wg.Go(func() {
				_, ok, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, Sections: []string{s.Key()}})
				var quota *jobs.QuotaError
				switch {
				case err == nil && ok:
					created.Add(1)
				case errors.As(err, &quota):
					over.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created.Load() != limit || over.Load() != sections-limit {
			t.Errorf("%s: %d were created and %d refused", name, created.Load(), over.Load())
		}
	}
}

// TestQuotaOtherErrors come before the quota.
func TestQuotaOtherErrors(t *testing.T) {
	errStore := errors.New("no store")
	faults := faulttest.New()
	n := newNode(t, func(c *jobs.Config) {
		c.Quota.InFlight = 1
		c.Store = faults.Store(c.Store)
	}, fine("a"))
	first := n.create(t, jobs.Request{})
	for _, c := range []struct {
		r    jobs.Request
		want error
	}{
		{jobs.Request{RetryOf: first.ID}, jobs.ErrInFlight},
		{jobs.Request{RetryOf: "H9cNmGXLEc8NWcZzSThA9S"}, export.ErrNotFound},
	} {
		c.r.OrganizationID = acme.ID
		if _, _, err := n.Create(t.Context(), c.r); !errors.Is(err, c.want) {
			t.Errorf("Create gives %v, want %v", err, c.want)
		}
	}
	faults.Fail("Store.Create", 1, errStore)
	if _, _, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, Format: "tar.gz"}); !errors.Is(err, errStore) {
		t.Errorf("Create gives %v", err)
	}
}

func TestQuotaConfig(t *testing.T) {
	for _, q := range []jobs.Quota{{InFlight: -1}, {Day: -1}} {
		if _, err := jobs.New(jobs.Config{Quota: q}); err == nil || !strings.Contains(err.Error(), "Config.Quota ") {
			t.Errorf("%+v is taken: %v", q, err)
		}
	}
}
