// Package inproc runs tasks in goroutines of this process: the [jobs.Dispatcher]
// for one machine without set-up.
//
//	queue := inproc.New(inproc.Config{Workers: 4})
//	service, err := jobs.New(jobs.Config{Dispatcher: queue, …})
//	…
//	err = service.Run(ctx) // until ctx ends; it runs the queue
//
// # What a crash loses
//
// The queue is in memory, and is lost with the process. That loses no job. A job whose
// task is lost has a lease that ends. Then the reaper of a service
// ([jobs.Service.Maintain]), in this process after its next start or in another, finds
// the job by [jobs.Store].Stale and dispatches it again. So the queue stores nothing,
// and does not run a task again that has failed.
//
// When ctx ends, Run starts no more tasks, and running ones may go on for
// [Config].SoftStop. Then their contexts end, and the service hands their jobs back.
// Waiting tasks stay in the queue, for a later Run.
package inproc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of a [Queue]. Its zero value is ready for use.
type Config struct {
	// Workers is how many tasks run at once. If it is zero or negative it is 2.
	Workers int

	// SoftStop is how long running tasks may go on after the context of Run has
	// ended. Then their own contexts end. Defaults to 0: at once.
	SoftStop time.Duration

	// Logger receives the errors and panics of tasks. It is made discreet: see [export.Discreet]. Defaults
	// to [slog.Default].
	Logger *slog.Logger
}

// Queue holds tasks in memory and runs them in the order in which they came. It
// implements [jobs.Dispatcher] and [jobs.Runner], and is safe for concurrent use. Make one with [New];
// there is nothing to close.
type Queue struct {
	workers  int
	softStop time.Duration
	logger   *slog.Logger

	mu      sync.Mutex
	wake    *sync.Cond // signals that a task waits, or that Run's context has ended
	waiting []jobs.Task
	states  map[jobs.Task]state // of all tasks that wait or run
	running bool                // there is a Run
}

// state says whether a task waits or runs.
type state int

const (
	waits    state = iota + 1
	runs           // and was not dispatched again since it began
	runAgain       // runs, and was dispatched again: it will wait once more
)

// New returns an empty queue. Nothing runs before [Queue.Run] is called.
func New(c Config) *Queue {
	if c.Workers <= 0 {
		c.Workers = 2
	}
	c.Logger = export.Discreet(c.Logger)
	q := &Queue{workers: c.Workers, softStop: c.SoftStop, logger: c.Logger, states: make(map[jobs.Task]state)}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// Dispatch implements [jobs.Dispatcher]. It never blocks, and the queue has no limit.
// Dispatching a task that waits already changes nothing. A task that is dispatched
// while it runs, once or more, is run once more afterwards. Dispatch may be called
// before, during and after [Queue.Run].
func (q *Queue) Dispatch(ctx context.Context, task jobs.Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	switch q.states[task] {
	case waits, runAgain:
	case runs:
		q.states[task] = runAgain
	default:
		q.push(task)
	}
	return nil
}

// push adds a task at the end of the queue. The caller holds q.mu.
func (q *Queue) push(task jobs.Task) {
	q.states[task] = waits
	q.waiting = append(q.waiting, task)
	q.wake.Signal()
}

// Run implements [jobs.Runner]. It calls work for every task: for several tasks at once, but never twice at once
// for the same task. It ends when ctx ends and all calls have returned, and returns
// nil. The context of the calls ends SoftStop after ctx, with ctx's cause. Errors and
// panics of work are logged, but not errors that this end has caused. Run fails if
// another Run of the queue has not returned yet.
func (q *Queue) Run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	q.mu.Lock()
	if q.running {
		q.mu.Unlock()
		return errors.New("inproc: the queue is running already")
	}
	q.running = true
	q.mu.Unlock()

	working, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	var workers sync.WaitGroup
	for range q.workers {
		workers.Go(func() {
			for {
				task, ok := q.next(ctx)
				if !ok {
					return
				}
				q.do(working, task, work)
			}
		})
	}
	<-ctx.Done()
	soft := time.AfterFunc(q.softStop, func() { cancel(context.Cause(ctx)) })
	defer soft.Stop()
	q.mu.Lock() // a worker may have looked at ctx and not wait yet
	q.wake.Broadcast()
	q.mu.Unlock()
	workers.Wait()

	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = false
	return nil
}

// next waits for a task and takes it from the queue. It reports false if ctx has ended.
func (q *Queue) next(ctx context.Context) (jobs.Task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && ctx.Err() == nil {
		q.wake.Wait()
	}
	if ctx.Err() != nil {
		return jobs.Task{}, false
	}
	task := q.waiting[0]
	q.waiting = q.waiting[1:]
	q.states[task] = runs
	return task, true
}

// do runs a task.
func (q *Queue) do(ctx context.Context, task jobs.Task, work func(context.Context, jobs.Task) error) {
	defer q.done(task)
	task.Do(ctx, q.logger, work)
}

// done notes that a task has ended, and queues it again if it was dispatched meanwhile.
func (q *Queue) done(task jobs.Task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.states[task] == runAgain
	delete(q.states, task)
	if again {
		q.push(task)
	}
}
