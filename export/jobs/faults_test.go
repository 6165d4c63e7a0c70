package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// TestAnyCallMayFail lets each call of any port fail in turn, before it has an
// effect and after, where other workers may help and where they may not. Whatever it is,
// the job is completed with one whole archive of the right bytes, and nothing is left once
// it was deleted.
func TestAnyCallMayFail(t *testing.T) {
	for i := range 4 {
		late, fanOut := i%2 == 1, i/2 == 1
		for n := 1; ; n++ {
			var fired []string
			ok := t.Run(fmt.Sprintf("late=%v,fan-out=%v,%d", late, fanOut, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { fired = failCall(t, n, late, fanOut) })
			})
			if !ok {
				return
			}
			if len(fired) == 0 {
				if n < 30 {
					t.Errorf("there were %d calls only", n)
				}
				break
			}
		}
	}
}

// failCall lets the nth call fail and returns which one it was.
func failCall(t *testing.T, n int, late, fanOut bool) []string {
	faults := faulttest.New()
	failure := errors.New("made to fail")
	sections := []export.Section{fine("a"), fine("b"), fine("c")}
	spool, dest := new(exporttest.MemSpool), new(jobstest.MemDestination)
	one := newNode(t, func(c *jobs.Config) {
		c.Store, c.Destination = faults.Store(c.Store), faults.Destination(dest)
		c.Organizations, c.Dispatcher = faults.Organizations(c.Organizations), faults.Dispatcher(c.Dispatcher)
		c.Engine = engine(t, func(c *export.Config) { c.Spool = faults.Spool(spool) }, sections...)
		c.FanOut = fanOut
	}, sections...)
	one.spool, one.dest = spool, dest // to look at what is there
	if late {
		faults.Lose("*", n, failure)
	} else {
		faults.Fail("*", n, failure)
	}
	retried := func(what func() error) {
		t.Helper()
		if err := what(); err == nil {
			return
		} else if !errors.Is(err, failure) {
			t.Errorf("the failure appears as %v", err)
		}
		if err := what(); err != nil { // as a client would
			t.Fatal(err)
		}
	}
	var job jobs.Job
	retried(func() (err error) {
		job, _, err = one.Create(t.Context(), jobs.Request{OrganizationID: acme.ID})
		return err
	})
	for end := time.Now().Add(10 * time.Minute); job.Status.InFlight() && time.Now().Before(end); {
		for _, task := range one.Take() {
			ctx, cancel := context.WithDeadline(t.Context(), end)
			_ = one.Work(ctx, task) // what failed stands in the row
			cancel()
		}
		_ = one.Reap(t.Context())
		time.Sleep(time.Second)
		retried(func() error {
			got, err := one.Get(t.Context(), acme.ID, job.ID)
			if err == nil {
				job = got
			}
			return err
		})
	}
	var b []byte
	if job.Status == jobs.Completed {
		b = one.archive(t, job)
	}
	if !bytes.Equal(b, expected(t, engine(t, nil, sections...), job)) {
		t.Errorf("after %v: %+v, an archive of %d bytes", faults.Fired(), job, len(b))
	}
	retried(func() error {
		_, err := one.Delete(t.Context(), acme.ID, job.ID)
		return err
	})
	for range 3 {
		time.Sleep(16 * time.Second) // longer than a lease
		_ = one.Reap(t.Context())
	}
	fired := faults.Fired()
	if parts, archives := one.left(t, job); parts+archives > 0 {
		t.Errorf("after %v there are %d parts and %d archives left over", fired, parts, archives)
	}
	return fired
}
