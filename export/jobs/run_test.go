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

// runner is a dispatcher with one worker, and with listeners that tests use.
type runner struct {
	tasks     chan jobs.Task
	cancelled chan string
	failure   chan error // ends Run
	deaf      chan error // ends Listen
	runs      int
}

func newRunner() *runner {
	return &runner{make(chan jobs.Task, 10), make(chan string), make(chan error), make(chan error), 0}
}

func (r *runner) Dispatch(_ context.Context, task jobs.Task) error {
	r.tasks <- task
	return nil
}

func (r *runner) Run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	r.runs++
	for {
		select {
		case task := <-r.tasks:
			if err := work(ctx, task); err != nil {
				return err
			}
		case err := <-r.failure:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *runner) Listen(ctx context.Context, cancelled func(string)) error {
	for {
		select {
		case id := <-r.cancelled:
			cancelled(id)
		case err := <-r.deaf:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// running starts Run. wait ends it and returns its error.
func running(t *testing.T, n *node) (wait func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	return func() error {
		cancel()
		return <-done
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner()
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher = r }, fine("a"))
		wait := running(t, n)
		job := n.create(t, jobs.Request{OrganizationID: acme.ID})
		time.Sleep(time.Second)
		if got := n.get(t, job); got.Status != jobs.Completed {
			t.Errorf("the job is %s, want completed", got.Status)
		}
		if err := wait(); err != nil {
			t.Errorf("Run gives %v", err)
		}
	})
}

// TestRunMaintains loses a task.
func TestRunMaintains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner()
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher = r }, fine("a"))
		job := n.create(t, jobs.Request{OrganizationID: acme.ID})
		<-r.tasks
		wait := running(t, n)
		time.Sleep(time.Minute)
		if got := n.get(t, job); got.Status != jobs.Completed {
			t.Errorf("the job is %s, want completed", got.Status)
		}
		if err := wait(); err != nil {
			t.Errorf("Run gives %v", err)
		}
	})
}

// TestRunListens cancels a job behind the service's back, as another process
// does.
func TestRunListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner()
		began, ended := make(chan struct{}), make(chan time.Time, 1)
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher = r }, section("a", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
			close(began)
			<-ctx.Done()
			ended <- time.Now()
			return ctx.Err()
		}))
		wait := running(t, n)
		job := n.create(t, jobs.Request{OrganizationID: acme.ID})
		<-began
		other := n.peer(t, fine("a"))
		if _, err := other.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		told := time.Now()
		r.cancelled <- job.ID
		if late := (<-ended).Sub(told); late > 0 {
			t.Errorf("the section ended %v after it was told", late)
		}
		if err := wait(); err != nil {
			t.Errorf("Run gives %v", err)
		}
	})
}

// TestNoWorker has a process that only answers requests.
func TestNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRunner()
		n := newNode(t, func(c *jobs.Config) { c.Dispatcher, c.NoWorker = r, true }, fine("a"))
		wait := running(t, n)
		job := n.create(t, jobs.Request{OrganizationID: acme.ID})
		<-r.tasks
		time.Sleep(time.Minute)
		if len(r.tasks) == 0 {
			t.Error("the lost task was not dispatched again")
		}
		if got := n.get(t, job); got.Status != jobs.Pending || r.runs > 0 {
			t.Errorf("the job is %s, and Run was called %d times", got.Status, r.runs)
		}
		if err := wait(); err != nil {
			t.Errorf("Run gives %v", err)
		}
	})
}

// TestRunFails has a queue, and a listener, that end by themselves.
func TestRunFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("the queue is broken")
		r := newRunner()
		for name, end := range map[string]chan error{"Run": r.failure, "Listen": r.deaf} {
			n := newNode(t, func(c *jobs.Config) { c.Dispatcher = r }, fine("a"))
			done := make(chan error, 1)
			go func() { done <- n.Run(t.Context()) }()
			end <- broken
			if err := <-done; !errors.Is(err, broken) {
				t.Errorf("%s failed, and Service.Run gives %v", name, err)
			}
		}
	})
}
