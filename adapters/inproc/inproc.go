// Package inproc runs tasks in goroutines of this process: the [jobs.Dispatcher]
// for one machine without set-up.
//
//	queue := inproc.New(inproc.Config{Workers: 4})
//	service, err := jobs.New(jobs.Config{Dispatcher: queue, …})
//	…
//	err = service.Run(ctx) // runs the queue until ctx ends
//
// # What is lost, and what is not
//
// Tasks are kept in memory and end with the process. That loses no job: a job
// whose task is lost has a lease that comes to its end, and the service's reaper
// ([jobs.Service.Maintain]) finds it through [jobs.Store].Stale, in this process
// or another, and dispatches it again. So jobs that a process has left unfinished
// are picked up after its next start, and nothing here reads or stores any. For
// the same reason a task that fails is not run again by the queue.
//
// When ctx ends, Run starts no more tasks, and running ones have
// [Config].SoftStop to finish. Then their contexts end, and the service hands
// their jobs back. What waits stays in the queue, for a later Run.
package inproc

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of a [Queue]. Its zero value is ready for use.
type Config struct {
	// Workers is how many tasks run at once. Defaults to 2, also if it is
	// negative.
	Workers int

	// SoftStop is how long tasks may go on when Run is to end, before their
	// contexts end. Defaults to 0: they end at once.
	SoftStop time.Duration

	// Logger gets the errors and panics of tasks. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Queue holds tasks and runs them in the order in which they came. It implements
// [jobs.Dispatcher] and is safe for concurrent use. Make one with [New].
type Queue struct {
	workers  int
	softStop time.Duration
	logger   *slog.Logger

	mu      sync.Mutex
	wake    *sync.Cond // a task waits, or running is over
	waiting []jobs.Task
	states  map[jobs.Task]state // of tasks that wait or run
	running bool                // there is a Run
}

// state is where a task is.
type state int

const (
	waits    state = iota + 1
	runs           // and has not been dispatched since it began
	runAgain       // runs, and will run once more
)

// New returns an empty queue.
func New(c Config) *Queue {
	if c.Workers <= 0 {
		c.Workers = 2
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	q := &Queue{workers: c.Workers, softStop: c.SoftStop, logger: c.Logger, states: make(map[jobs.Task]state)}
	q.wake = sync.NewCond(&q.mu)
	return q
}

// Dispatch implements [jobs.Dispatcher]. It never waits, and there is no limit
// to the queue. A task that waits already is not queued twice; one that runs is
// run once more afterwards, however often it is dispatched in between. Tasks
// may be dispatched before, during and after [Queue.Run].
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

// push puts a task at the end. The caller has q.mu.
func (q *Queue) push(task jobs.Task) {
	q.states[task] = waits
	q.waiting = append(q.waiting, task)
	q.wake.Signal()
}

// Run calls work for every task, for several at once but never for the same one,
// until ctx ends and all calls have returned; then it returns nil. Calls get a
// context that ends SoftStop after ctx, with ctx's cause. What they return is
// logged, but for what that end has brought about, and so are their panics. There
// may be one Run at a time: a second one is an error.
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
	q.mu.Lock() // so that no worker is between looking at ctx and waiting
	q.wake.Broadcast()
	q.mu.Unlock()
	workers.Wait()

	q.mu.Lock()
	defer q.mu.Unlock()
	q.running = false
	return nil
}

// next waits for a task, or for the end of ctx.
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

func (q *Queue) do(ctx context.Context, task jobs.Task, work func(context.Context, jobs.Task) error) {
	defer q.done(task)
	task.Do(ctx, q.logger, work)
}

// done takes note that a task has ended.
func (q *Queue) done(task jobs.Task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	again := q.states[task] == runAgain
	delete(q.states, task)
	if again {
		q.push(task)
	}
}
