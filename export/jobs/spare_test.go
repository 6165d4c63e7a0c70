package jobs_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// TestSpareWorker has an organization whose long exports hold all workers, and short ones
// of others.
func TestSpareWorker(t *testing.T) {
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(workers)
				var running together
				stop := w.begin(t, takes(func(id string) time.Duration {
					if id == organization(0) {
						return time.Hour
					}
					return 10 * time.Second
				}, &running))
				var long []jobs.Job
				for range workers + 2 {
					long = append(long, w.request(t, organization(0), nil))
				}
				time.Sleep(time.Minute)
				var short []jobs.Job
				began := time.Now()
				for n := range 3 {
					short = append(short, w.request(t, organization(n+1), nil))
				}
				for n, job := range short {
					got := w.await(t, job)
					if got.Status != jobs.Completed || time.Since(began) > time.Minute {
						t.Errorf("short job %d is %s after %v", n, got.Status, time.Since(began))
					}
				}
				t.Logf("three short exports took %v beside exports of an hour", time.Since(began))
				for _, job := range long {
					if got := w.await(t, job); got.Status != jobs.Completed || got.Attempt != 1 {
						t.Errorf("a long job is %s after %d attempts", got.Status, got.Attempt)
					}
				}
				if running.most["all"] != workers+1 || running.most[organization(0)] != workers {
					t.Errorf("%d exports ran at once, %d of one organization", running.most["all"], running.most[organization(0)])
				}
				stop()
			})
		})
	}
}

// TestPerOrganization has more workers than one organization may use.
func TestPerOrganization(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(5)
		w.config.PerOrganization = 2
		var running together
		stop := w.begin(t, takes(func(string) time.Duration { return 5 * time.Second }, &running))
		var all []jobs.Job
		began := time.Now()
		for n := range 12 {
			all = append(all, w.request(t, organization(n/10), nil))
		}
		for _, job := range all {
			if got := w.await(t, job); got.Status != jobs.Completed {
				t.Errorf("a job is %s", got.Status)
			}
		}
		if took := time.Since(began); took > 30*time.Second || running.most[organization(0)] != 2 {
			t.Errorf("%d exports of one organization ran at once; all took %v", running.most[organization(0)], took)
		}
		stop()
	})
}

// TestNoSpareAtTheEnd stops a process whose spare worker has a job: it is handed back.
func TestNoSpareAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(1)
		var running together
		stop := w.begin(t, takes(func(string) time.Duration { return time.Hour }, &running))
		w.request(t, organization(0), nil)
		time.Sleep(time.Second)
		behind := w.request(t, organization(1), nil)
		time.Sleep(10 * time.Second)
		synctest.Wait() // until nobody writes what is read
		if running.most["all"] != 2 {
			t.Fatalf("%d exports run", running.most["all"])
		}
		stop()
		got, err := w.store.Get(t.Context(), organization(1), behind.ID)
		if err != nil || got.Status != jobs.Pending || got.Failures != 0 || got.Suspect != 0 {
			t.Errorf("the job of the spare worker is %+v, %v", got, err)
		}
	})
}
