package jobs_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// jumpy is a world whose store has a clock that is put forward and back.
type jumpy struct {
	*world
	ahead atomic.Int64
}

func newJumpy(retention time.Duration) *jumpy {
	w := &jumpy{world: newWorld(2)}
	w.config.Retention = retention
	w.store.Now = func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }
	w.config.Now = w.store.Now
	return w
}

// jumpyOrganizations are those of TestClockJumps, by what their jobs do when the clock jumps.
var jumpyOrganizations = map[string]string{
	"completed": organization(0), "processing": organization(1), "processing too": organization(2), "waiting": organization(3),
	"crashed": organization(4), "put off": organization(5), "unable": organization(6),
}

// requestAll requests a job of each kind. Half a minute later all are what they are called.
func (w *jumpy) requestAll(t *testing.T) map[string]jobs.Job {
	t.Helper()
	all := make(map[string]jobs.Job)
	request := func(kind string, alter func(*jobs.Job)) {
		all[kind] = w.request(t, jumpyOrganizations[kind], alter)
	}
	request("completed", nil)
	if got := w.await(t, all["completed"]); got.Status != jobs.Completed {
		t.Fatalf("the first job is %s", got.Status)
	}
	request("processing", nil)
	request("processing too", nil)
	time.Sleep(29 * time.Second)
	now := w.store.Now()
	request("waiting", nil)
	request("crashed", func(j *jobs.Job) {
		j.Status, j.LeaseOwner, j.LeaseUntil, j.Attempt, j.ClaimedAt = jobs.Processing, "gone", now.Add(15*time.Second), 1, now
	})
	request("put off", func(j *jobs.Job) { j.PutOff, j.Failures, j.LeaseUntil = true, 2, now.Add(30*time.Second) })
	request("unable", func(j *jobs.Job) { j.PutOff, j.UnableSince, j.LeaseUntil = true, now, now.Add(30*time.Second) })
	for len(w.tasks) > 1 {
		<-w.tasks // those of the last three were lost
	}
	time.Sleep(time.Second)
	return all
}

// archives are the keys of those of a job.
func (w *jumpy) archives(t *testing.T, job jobs.Job) []string {
	t.Helper()
	keys, err := w.config.Destination.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	var own []string
	for _, key := range keys {
		if strings.Contains(key, job.ID) {
			own = append(own, key)
		}
	}
	return own
}

// TestClockJumps puts the clock of the store forward and back by hours while jobs wait,
// run, are put off, and have lost their worker. All are completed in minutes, by one
// worker each, and archives are kept as long as they should by that clock.
func TestClockJumps(t *testing.T) {
	const retention = 24 * time.Hour
	for name, jump := range map[string]time.Duration{"forward": 5 * time.Hour, "back": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newJumpy(retention)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				var running together
				go func() {
					defer close(done)
					w.process(ctx, t, func(func()) []export.Section {
						return []export.Section{takes(func(id string) time.Duration {
							if id == jumpyOrganizations["completed"] {
								return time.Second
							}
							return time.Minute
						}, &running)}
					})
				}()
				all := w.requestAll(t)
				w.ahead.Store(int64(jump))
				jumped := time.Now()
				for kind, job := range all {
					got := w.await(t, job)
					if took := got.FinishedAt.Add(-jump).Sub(jumped); kind != "completed" && took > 10*time.Minute || got.Status != jobs.Completed {
						t.Errorf("the job %s is %s after %v and %d failures: %s", kind, got.Status, took, got.Failures, got.Error)
					}
					if archives := w.archives(t, job); len(archives) != 1 || archives[0] != got.ObjectKey {
						t.Errorf("the job %s has the archives %q, want %q", kind, archives, got.ObjectKey)
					}
					if jump < 0 && strings.HasPrefix(kind, "processing") && got.Attempt != 1 {
						t.Errorf("the job %s was taken from its worker", kind)
					}
				}
				w.checkRetention(t, all["completed"], retention-jump, jumped)
				stop()
				<-done
			})
		})
	}
}

// checkRetention waits until an archive has to be there still, and then until it must not.
func (w *jumpy) checkRetention(t *testing.T, job jobs.Job, kept time.Duration, since time.Time) {
	t.Helper()
	time.Sleep(time.Until(since.Add(kept - time.Hour)))
	if len(w.archives(t, job)) != 1 {
		t.Errorf("the archive was purged before %v", kept)
	}
	time.Sleep(2 * time.Hour)
	if len(w.archives(t, job)) != 0 {
		t.Errorf("the archive is kept after %v", kept)
	}
}
