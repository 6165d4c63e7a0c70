package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

const hostile = "HuqrpKVEE3nsDUnGsHMGWe"

// organization returns the id of one of several organizations.
func organization(n int) string { return fmt.Sprintf("%s%d", acme.ID[:21], n+2) }

// takes returns a section that takes as long for each organization as it says.
func takes(of func(organizationID string) time.Duration, running *together) export.Section {
	return section("a", func(ctx context.Context, scope export.Scope, _ export.Sink) error {
		defer running.begin(scope.Organization.ID)()
		select {
		case <-time.After(of(scope.Organization.ID)):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// TestCrashIsChargedToNobodyElse has an organization whose export kills its process each
// time, beside others that are exported by the same processes. On main all of them failed.
func TestCrashIsChargedToNobodyElse(t *testing.T) {
	for _, workers := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(workers)
				ctx, stop := context.WithCancel(t.Context())
				deadly := w.request(t, hostile, nil)
				var honest []jobs.Job
				for n := range 6 {
					honest = append(honest, w.request(t, organization(n), nil))
				}
				var running together
				done := make(chan struct{})
				go func() {
					defer close(done)
					w.restarted(ctx, t, func(die func()) []export.Section {
						slow := takes(func(string) time.Duration { return 30 * time.Second }, &running)
						return []export.Section{section("a", func(ctx context.Context, scope export.Scope, sink export.Sink) error {
							if scope.Organization.ID != hostile {
								return slow.Export(ctx, scope, sink)
							}
							time.Sleep(5 * time.Second)
							die()
							<-ctx.Done()
							return context.Cause(ctx)
						})}
					})
				}()
				for _, job := range honest {
					if got := w.await(t, job); got.Status != jobs.Completed || got.Failures != 0 {
						t.Errorf("an honest job is %s after %d failures: %s", got.Status, got.Failures, got.Error)
					}
				}
				if got := w.await(t, deadly); got.Status != jobs.Failed || got.Failures != w.config.MaxFailures+1 {
					t.Errorf("the deadly job is %s after %d failures", got.Status, got.Failures)
				}
				stop()
				<-done
				if most := int64(w.config.MaxFailures + 1 + 2); w.crashes.Load() > most {
					t.Errorf("%d processes died, want %d at most", w.crashes.Load(), most)
				}
				t.Logf("%d processes died, %d jobs were suspected", w.crashes.Load(), len(w.seen.ids(jobs.StepSuspected)))
			})
		})
	}
}

// TestSuspectsRunApart has many suspects and many workers.
func TestSuspectsRunApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(4)
		var all []jobs.Job
		suspects := make(map[string]int)
		for n := range 8 {
			all = append(all, w.request(t, organization(n), func(j *jobs.Job) { j.Suspect = n % 3 }))
			suspects[organization(n)] = n % 3
		}
		var running, suspected, lonely together
		slow := takes(func(string) time.Duration { return 10 * time.Second }, &running)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.process(ctx, t, func(func()) []export.Section {
				return []export.Section{section("a", func(ctx context.Context, scope export.Scope, sink export.Sink) error {
					id := scope.Organization.ID
					if suspects[id] > 0 {
						defer suspected.begin(id)()
					}
					if suspects[id] > 1 {
						defer lonely.begin("")()
						if running.now["all"] > 0 {
							t.Error("a suspect that was lost beside others runs beside others")
						}
					}
					return slow.Export(ctx, scope, sink)
				})}
			})
		}()
		for _, job := range all {
			if got := w.await(t, job); got.Status != jobs.Completed {
				t.Errorf("a job is %s: %s", got.Status, got.Error)
			}
		}
		stop()
		<-done
		if suspected.most["all"] != 1 || running.most["all"] < 2 {
			t.Errorf("%d suspects ran at once, and %d jobs", suspected.most["all"], running.most["all"])
		}
	})
}

// TestSuspectWaitsForTheOthers has a job that must run alone, beside one that takes hours:
// a third one does not wait for long.
func TestSuspectWaitsForTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2)
		var running together
		stop := w.begin(t, takes(func(id string) time.Duration {
			if id == organization(0) {
				return 3 * time.Hour
			}
			return time.Second
		}, &running))
		long := w.request(t, organization(0), nil)
		time.Sleep(time.Second)
		suspect := w.request(t, organization(1), func(j *jobs.Job) { j.Suspect = 2 })
		time.Sleep(time.Second)
		began := time.Now()
		if got := w.await(t, w.request(t, organization(2), nil)); got.Status != jobs.Completed || time.Since(began) > 2*time.Minute {
			t.Errorf("another job is %s after %v", got.Status, time.Since(began))
		}
		longDone, suspectDone := w.await(t, long), w.await(t, suspect)
		if suspectDone.Status != jobs.Completed || suspectDone.ClaimedAt.Before(longDone.FinishedAt) || suspectDone.Failures != 0 {
			t.Errorf("the suspect is %s, claimed %v after the long job", suspectDone.Status, suspectDone.ClaimedAt.Sub(longDone.FinishedAt))
		}
		stop()
	})
}

// TestSuspectDoesNotBlock has a job that takes hours and must run alone: the one of another
// organization that waits begins after a minute, and the suspect is not alone any more.
func TestSuspectDoesNotBlock(t *testing.T) {
	for _, workers := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(workers)
			var running together
			stop := w.begin(t, takes(func(id string) time.Duration {
				if id == organization(0) {
					return 3 * time.Hour
				}
				return time.Second
			}, &running))
			suspect := w.request(t, organization(0), func(j *jobs.Job) { j.Suspect = 2 })
			time.Sleep(10 * time.Second)
			own := w.request(t, organization(0), nil)
			time.Sleep(2 * time.Minute)
			if j, err := w.store.Get(t.Context(), organization(0), suspect.ID); err != nil || !j.Alone {
				t.Errorf("%d workers: the suspect is alone %t, %v, though nobody else's job waits", workers, j.Alone, err)
			}
			began := time.Now()
			if got := w.await(t, w.request(t, organization(1), nil)); got.Status != jobs.Completed || time.Since(began) > 10*time.Second {
				t.Errorf("%d workers: another's job is %s after %v", workers, got.Status, time.Since(began))
			}
			if j, err := w.store.Get(t.Context(), organization(0), suspect.ID); err != nil || j.Alone || j.Status != jobs.Processing {
				t.Errorf("%d workers: the suspect is alone %t, %s, %v", workers, j.Alone, j.Status, err)
			}
			for _, job := range []jobs.Job{own, suspect} {
				if got := w.await(t, job); got.Status != jobs.Completed || got.Failures != 0 {
					t.Errorf("%d workers: a job is %s, with %d failures", workers, got.Status, got.Failures)
				}
			}
			stop()
		})
	}
}

// TestAlone looks at what is stored of jobs that run alone and beside others.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(3)
		var running together
		stop := w.begin(t, takes(func(string) time.Duration { return time.Minute }, &running))
		alone := func(want ...bool) {
			t.Helper()
			synctest.Wait()
			for n, want := range want {
				list, _, err := w.store.List(t.Context(), organization(n), jobs.Page{Number: 1, Size: 1})
				if err != nil || list[0].Alone != want || list[0].Status != jobs.Processing {
					t.Errorf("job %d is %s, alone %t, %v, want %t", n, list[0].Status, list[0].Alone, err, want)
				}
			}
		}
		w.request(t, organization(0), nil)
		alone(true)
		time.Sleep(10 * time.Second)
		w.request(t, organization(1), nil)
		alone(false, false)
		time.Sleep(55 * time.Second) // the first has ended
		alone2, _, _ := w.store.List(t.Context(), organization(0), jobs.Page{Number: 1, Size: 1})
		if alone2[0].Status != jobs.Completed || alone2[0].Alone {
			t.Errorf("the first is %s, alone %t", alone2[0].Status, alone2[0].Alone)
		}
		stop()
	})
}

// away is a store that cannot be reached until an instant.
type away struct {
	*jobstest.MemStore
	until *atomic.Int64 // of the time of the bubble, in nanoseconds
}

func (s away) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	if time.Now().UnixNano() < s.until.Load() {
		return jobs.Job{}, errors.New("the database is away")
	}
	return s.MemStore.Update(ctx, id, change)
}

// TestOutageMakesNoSuspects has a database that is away for longer than a lease, while two
// processes export two jobs each. One of them finds it sooner than the other.
func TestOutageMakesNoSuspects(t *testing.T) {
	for _, outages := range [][2]time.Duration{{13 * time.Second, 13 * time.Second}, {20 * time.Second, 40 * time.Second}, {40 * time.Second, 20 * time.Second}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(2)
			w.config.MaxFailures = 10
			ctx, stop := context.WithCancel(t.Context())
			ends := make(chan struct{}, 2)
			var until [2]atomic.Int64
			var running together
			for i := range 2 {
				go func() {
					n := newNode(t, func(c *jobs.Config) {
						logger := c.Logger
						*c = w.config
						c.Logger, c.Store = logger, away{w.store, &until[i]}
						section := takes(func(string) time.Duration { return time.Minute }, &running)
						c.Engine = engine(t, func(c *export.Config) { c.Spool = w.spool }, section)
					}, fine("a"))
					if err := n.Run(ctx); err != nil {
						t.Error(err)
					}
					ends <- struct{}{}
				}()
			}
			var all []jobs.Job
			for n := range 4 {
				all = append(all, w.request(t, organization(n), nil))
			}
			time.Sleep(10 * time.Second)
			for i := range 2 {
				until[i].Store(time.Now().Add(outages[i]).UnixNano())
			}
			for _, job := range all {
				// A job that another process has meanwhile is its worker's.
				if got := w.await(t, job); got.Status != jobs.Completed || got.Failures != 0 || got.Suspect != 0 && outages[0] == outages[1] {
					t.Errorf("away for %v: a job is %s after %d failures, suspect %d", outages, got.Status, got.Failures, got.Suspect)
				}
			}
			stop()
			<-ends
			<-ends
		})
	}
}
