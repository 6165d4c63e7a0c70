package jobs_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// TestCancelledElsewhere cancels on one node what another works on, with and
// without a dispatcher that tells it.
func TestCancelledElsewhere(t *testing.T) {
	for name, tells := range map[string]bool{"told": true, "with the heartbeat": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one := newNode(t, nil, slow("a", time.Hour))
				two := one.peer(t, fine("a"))
				job := one.create(t, jobs.Request{})
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				if tells {
					go func() { _ = two.Listen(ctx, one.Cancelled) }() // it returns nil
				}
				task := one.task(t)
				ended := make(chan error, 1)
				go func() { ended <- one.Work(ctx, task) }()
				time.Sleep(10*time.Second + 500*time.Millisecond) // between two heartbeats
				if tells {
					one.Cancelled(job.ID) // that which was not
					one.Cancelled(export.NewID())
				}
				synctest.Wait()
				if got := one.get(t, job); got.Status != jobs.Processing {
					t.Fatalf("the job is %s", got.Status)
				}
				began := time.Now()
				if done, err := two.Delete(t.Context(), acme.ID, job.ID); err != nil || done != jobs.Cancelled {
					t.Fatalf("Delete gives %q, %v", done, err)
				}
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(began); tells != (took == 0) || took > 4*time.Second {
					t.Errorf("the work ended after %v", took)
				}
			})
		})
	}
}

// silent is a dispatcher that cannot tell.
type silent struct{ jobs.Dispatcher }

func (silent) Cancel(context.Context, string) error { return errors.New("no connection") }

// TestCancelUntold cancels though nobody can be told.
func TestCancelUntold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher = silent{c.Dispatcher} }, fine("a"))
		job := n.create(t, jobs.Request{})
		if done, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil || done != jobs.Cancelled {
			t.Errorf("Delete gives %q, %v", done, err)
		}
		if got := n.get(t, job); got.Status != jobs.Failed {
			t.Errorf("the job is %s", got.Status)
		}
	})
}

// TestCancelAndPurge: each is for jobs of the one kind, and leaves those of the other alone.
func TestCancelAndPurge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		wantStatus := func(err error, want jobs.Status) {
			t.Helper()
			if refused, ok := errors.AsType[*jobs.StatusError](err); !ok || refused.Status != want {
				t.Errorf("the error is %v, want that the job is %s", err, want)
			}
		}
		made := n.create(t, jobs.Request{})
		_, err := n.Purge(t.Context(), acme.ID, made.ID)
		wantStatus(err, jobs.Pending)
		n.work(t)
		wantStatus(n.Service.Cancel(t.Context(), acme.ID, made.ID), jobs.Completed)
		if parts, archives := n.left(t, made); parts+archives != 2 {
			t.Errorf("%d parts and %d archives are kept, want one each", parts, archives)
		}
		for _, want := range []jobs.Deletion{jobs.Purged, jobs.NothingDeleted} {
			if done, err := n.Purge(t.Context(), acme.ID, made.ID); err != nil || done != want {
				t.Errorf("Purge gives %q, %v, want %q", done, err, want)
			}
		}
		if parts, archives := n.left(t, made); parts+archives != 0 {
			t.Errorf("%d parts and %d archives are left over", parts, archives)
		}

		waits := n.create(t, jobs.Request{})
		if err := n.Service.Cancel(t.Context(), acme.ID, waits.ID); err != nil {
			t.Errorf("Cancel gives %v", err)
		}
		if got := n.get(t, waits); got.Status != jobs.Failed || !got.Cancelled {
			t.Errorf("the job is %+v", got)
		}
		wantStatus(n.Service.Cancel(t.Context(), acme.ID, waits.ID), jobs.Failed)
		if err := n.Service.Cancel(t.Context(), acme.ID, export.NewID()); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("Cancel of no job gives %v", err)
		}
	})
}
