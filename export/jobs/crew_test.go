package jobs_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// crew is a queue whose processes come and go: it runs tasks with a number of workers.
type crew struct {
	workers int
	tasks   chan jobs.Task
}

func newCrew(workers int) *crew { return &crew{workers: workers, tasks: make(chan jobs.Task, 1000)} }

// Dispatch implements [jobs.Dispatcher].
func (c *crew) Dispatch(_ context.Context, task jobs.Task) error {
	c.tasks <- task
	return nil
}

// Run implements [jobs.Runner].
func (c *crew) Run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	var running sync.WaitGroup
	for range c.workers {
		running.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case task := <-c.tasks:
					_ = work(ctx, task) // it fails when the process has died
				}
			}
		})
	}
	running.Wait()
	return nil
}

// mortal is the store of a process: once that has died, nothing is written.
type mortal struct {
	*jobstest.MemStore
	dead *atomic.Bool
}

var errDead = errors.New("the process has died")

func (s mortal) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	if s.dead.Load() {
		<-ctx.Done()
		return jobs.Job{}, errDead
	}
	return s.MemStore.Update(ctx, id, change)
}

// world is what processes share that come and go.
type world struct {
	*crew
	config  jobs.Config // of each process, without its engine and store
	engine  func(*export.Config)
	store   *jobstest.MemStore
	spool   *exporttest.MemSpool
	seen    journal
	crashes atomic.Int64
}

func newWorld(workers int) *world {
	w := &world{crew: newCrew(workers), store: new(jobstest.MemStore), spool: new(exporttest.MemSpool)}
	w.config = jobs.Config{
		Destination: new(jobstest.MemDestination), Signer: new(jobstest.MemSigner), Dispatcher: w.crew,
		Organizations: anyOrganization{}, Observers: []jobs.Observer{w.seen.observer()}, MaxFailures: 2,
	}
	return w
}

// anyOrganization has every organization.
type anyOrganization struct{}

func (anyOrganization) Get(_ context.Context, id string) (export.Organization, error) {
	return export.Organization{ID: id, Slug: "slug", Name: "name"}, nil
}

// process runs a process until ctx ends, or until a section calls die. It reports whether
// it has died.
func (w *world) process(ctx context.Context, t *testing.T, sections func(die func()) []export.Section) bool {
	t.Helper()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var dead atomic.Bool
	die := func() {
		dead.Store(true)
		stop()
	}
	n := newNode(t, func(c *jobs.Config) {
		logger := c.Logger
		*c = w.config
		c.Logger = logger
		c.Store = mortal{w.store, &dead}
		c.Engine = engine(t, func(c *export.Config) {
			c.Spool = w.spool
			if w.engine != nil {
				w.engine(c)
			}
		}, sections(die)...)
	}, fine("a"))
	if err := n.Run(ctx); err != nil {
		t.Errorf("Run gives %v", err)
	}
	if dead.Load() {
		w.crashes.Add(1)
	}
	return dead.Load()
}

// begin starts a process with one section. stop ends it, and waits until it has ended.
func (w *world) begin(t *testing.T, section export.Section) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.process(ctx, t, func(func()) []export.Section { return []export.Section{section} })
	}()
	return func() {
		cancel()
		<-ended
	}
}

// restarted runs one process after the other until ctx ends, as an operator's system does.
func (w *world) restarted(ctx context.Context, t *testing.T, sections func(die func()) []export.Section) {
	for ctx.Err() == nil {
		if w.process(ctx, t, sections) {
			time.Sleep(time.Second)
		}
	}
}

// request stores a job of an organization and sends its task.
func (w *world) request(t *testing.T, organizationID string, alter func(*jobs.Job)) jobs.Job {
	t.Helper()
	job, created, err := w.store.Create(t.Context(), organizationID, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
		j := jobs.Job{
			ID: export.NewID(), Organization: export.Organization{ID: organizationID}, Format: "zip", RetryOf: export.NewID(),
			AsOf: now.Truncate(time.Second), CreatedAt: now, Status: jobs.Pending, LeaseUntil: now.Add(15 * time.Second),
		}
		if alter != nil {
			alter(&j)
		}
		return j, nil
	})
	if err != nil || !created {
		t.Fatalf("Create gives %t, %v", created, err)
	}
	w.tasks <- jobs.Task{Kind: jobs.TaskExport, JobID: job.ID}
	return job
}

// await waits until a job has ended, for a day at most.
func (w *world) await(t *testing.T, job jobs.Job) jobs.Job {
	t.Helper()
	for began := time.Now(); time.Since(began) < 24*time.Hour; time.Sleep(100 * time.Millisecond) {
		synctest.Wait()
		got, err := w.store.Get(t.Context(), job.Organization.ID, job.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !got.Status.InFlight() {
			return got
		}
	}
	t.Fatalf("job %s did not end within a day", job.ID)
	return job
}

// together says how many exports run at once, by organization and in all.
type together struct {
	mu   sync.Mutex
	now  map[string]int
	most map[string]int
}

// begin counts an export of an organization until end is called.
func (c *together) begin(organizationID string) (end func()) {
	add := func(n int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.now == nil {
			c.now, c.most = make(map[string]int), make(map[string]int)
		}
		for _, key := range []string{organizationID, "all"} {
			c.now[key] += n
			c.most[key] = max(c.most[key], c.now[key])
		}
	}
	add(1)
	return func() { add(-1) }
}
