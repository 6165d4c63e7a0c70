package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// journal is what happened to jobs, in this order.
type journal struct {
	mu    sync.Mutex
	steps []jobs.Event
}

func (j *journal) observer() jobs.Observer {
	return jobs.Observer{Job: func(_ context.Context, e jobs.Event) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.steps = append(j.steps, e)
	}}
}

// ids are the jobs that have taken a step, in this order.
func (j *journal) ids(step jobs.Step) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var ids []string
	for _, e := range j.steps {
		if e.Step == step {
			ids = append(ids, e.Job.ID)
		}
	}
	return ids
}

// queue stores n jobs of an organization, a second apart, and sends their tasks.
func (n *node) queue(t *testing.T, tasks chan<- jobs.Task, organizationID string, count int) []string {
	t.Helper()
	var ids []string
	for range count {
		job, created, err := n.store.Create(t.Context(), organizationID, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			return jobs.Job{
				ID: export.NewID(), Organization: export.Organization{ID: organizationID, Slug: "x"}, Format: "zip",
				RetryOf: export.NewID(), // as no other job
				AsOf:    now.Truncate(time.Second), CreatedAt: now, Status: jobs.Pending, LeaseUntil: now.Add(time.Minute),
			}, nil
		})
		if err != nil || !created {
			t.Fatalf("Create gives %t, %v", created, err)
		}
		ids = append(ids, job.ID)
		tasks <- jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}
		time.Sleep(time.Second)
	}
	return ids
}

// TestFairness queues a hundred exports of one organization before a single one
// of another, for any number of workers.
func TestFairness(t *testing.T) {
	const another = "HuqrpKVEE3nsDUnGsHMGWe"
	for _, workers := range []int{1, 2, 3, 10} {
		t.Run(fmt.Sprintf("%d workers", workers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ran atomic.Int64
				var seen journal
				n := newNode(t, func(c *jobs.Config) { c.Observers = []jobs.Observer{seen.observer()} },
					section("a", func(context.Context, export.Scope, export.Sink) error {
						time.Sleep(time.Minute + time.Duration(ran.Add(1))*time.Second)
						return nil
					}))
				tasks := make(chan jobs.Task, 200)
				hundred := n.queue(t, tasks, acme.ID, 100)
				single := n.queue(t, tasks, another, 1)[0]
				close(tasks)
				var working sync.WaitGroup
				for range workers {
					working.Go(func() {
						for task := range tasks {
							if err := n.Work(t.Context(), task); err != nil {
								t.Error(err)
							}
						}
					})
				}
				working.Wait()
				started, ended := seen.ids(jobs.StepClaimed), seen.ids(jobs.StepCompleted)
				if len(ended) != 101 {
					t.Fatalf("%d exports were completed", len(ended))
				}
				if i := slices.Index(started, single); i > workers {
					t.Errorf("the single export started as number %d of all", i+1)
				}
				if workers > 1 {
					return // who may tell of what they did in another order
				}
				own := slices.DeleteFunc(started, func(id string) bool { return id == single })
				if !slices.Equal(own, hundred) {
					t.Error("the hundred did not start in their order")
				}
			})
		})
	}
}

// TestFirstPriority has one worker for jobs that wait.
func TestFirstPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen journal
		n := newNode(t, func(c *jobs.Config) { c.Observers = []jobs.Observer{seen.observer()} }, fine("a"), fine("b"))
		var want []string
		for _, r := range []jobs.Request{
			{Priority: -1}, {Sections: []string{"a"}}, {Sections: []string{"b"}}, {Format: "tar.gz", Priority: 7},
		} {
			want = append(want, n.create(t, r).ID)
			time.Sleep(time.Second)
		}
		n.work(t)
		if got := seen.ids(jobs.StepClaimed); !slices.Equal(got, []string{want[3], want[1], want[2], want[0]}) {
			t.Errorf("of %v the order was %v", want, got)
		}
	})
}

// TestLostTask has one task for two jobs: the other was lost with the process that
// had it in memory.
func TestLostTask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"), fine("b"))
		first := n.create(t, jobs.Request{Sections: []string{"a"}})
		n.Take()
		time.Sleep(time.Second)
		second := n.create(t, jobs.Request{Sections: []string{"b"}})
		began := time.Now()
		for tasks := n.Take(); len(tasks) > 0; tasks = append(tasks[1:], n.Take()...) {
			if err := n.Work(t.Context(), tasks[0]); err != nil {
				t.Fatal(err)
			}
		}
		for i, job := range []jobs.Job{first, second} {
			if got := n.get(t, job); got.Status != jobs.Completed || time.Since(began) > time.Second {
				t.Errorf("job %d is %s after %v", i+1, got.Status, time.Since(began))
			}
		}
	})
}

// failsOnce takes all archives but the first.
type failsOnce struct {
	jobs.Destination
	failed atomic.Bool
}

func (d *failsOnce) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	if d.failed.CompareAndSwap(false, true) {
		return errors.New("bucket is gone")
	}
	return d.Destination.Put(ctx, key, write)
}

// TestPutOffWaits has tasks for a job that is to be tried again later.
func TestPutOffWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *jobs.Config) { c.Destination = &failsOnce{Destination: c.Destination} }, fine("a"), fine("b"))
		job := n.create(t, jobs.Request{Sections: []string{"a"}})
		task := jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}
		if err := n.Work(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		off := n.get(t, job)
		if !off.PutOff || off.Waits() || off.Status != jobs.Pending || off.Failures != 1 {
			t.Fatalf("after a failure the job is %s, put off %t, with %d failures", off.Status, off.PutOff, off.Failures)
		}
		other := n.create(t, jobs.Request{Sections: []string{"b"}})
		for range 3 { // each task may be for either job
			if err := n.Work(t.Context(), task); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.get(t, other); got.Status != jobs.Completed {
			t.Errorf("the other job is %s", got.Status)
		}
		if got := n.get(t, job); !got.PutOff || got.Attempt != 1 {
			t.Errorf("before its time the job is at attempt %d, put off %t", got.Attempt, got.PutOff)
		}
		time.Sleep(time.Until(off.LeaseUntil))
		if got := n.settle(t, job); got.Status != jobs.Completed || got.PutOff {
			t.Errorf("in its time the job is %s, put off %t", got.Status, got.PutOff)
		}
	})
}

// overtaken is a store whose jobs are claimed by others whenever it has said
// which is next.
type overtaken struct {
	*jobstest.MemStore
	claim func(id string)
}

func (s overtaken) Next(ctx context.Context, want jobs.Want) (string, error) {
	id, err := s.MemStore.Next(ctx, want)
	if err == nil {
		s.claim(id)
	}
	return id, err
}

// TestOvertaken has a worker that others are faster than, three times: it goes on with the
// jobs that are left.
func TestOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := overtaken{MemStore: new(jobstest.MemStore)}
		var left atomic.Int64
		left.Store(3)
		store.claim = func(id string) {
			if left.Add(-1) < 0 {
				return
			}
			_, err := store.Update(t.Context(), id, func(now time.Time, j *jobs.Job) error {
				j.Status, j.LeaseUntil = jobs.Processing, now.Add(time.Hour)
				return nil
			})
			if err != nil && !errors.Is(err, export.ErrNotFound) {
				t.Error(err)
			}
		}
		n := newNode(t, func(c *jobs.Config) { c.Store = store }, fine("a"))
		tasks := make(chan jobs.Task, 5)
		ids := n.queue(t, tasks, acme.ID, 5)
		if err := n.Work(t.Context(), <-tasks); err != nil {
			t.Fatal(err)
		}
		for i, want := range []jobs.Status{
			jobs.Processing, jobs.Processing, jobs.Processing, jobs.Completed, jobs.Completed,
		} {
			if job, err := n.Get(t.Context(), acme.ID, ids[i]); err != nil || job.Status != want {
				t.Errorf("job %d is %s, %v, want it %s", i, job.Status, err, want)
			}
		}
	})
}
