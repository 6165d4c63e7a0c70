package jobstest

import (
	"context"
	"sync"

	"github.com/orgexport/orgexport/export/jobs"
)

// MemDispatcher is a [jobs.Dispatcher] and [jobs.Canceller] that only remembers
// tasks. A test takes them with [MemDispatcher.Take] and works on them, or not. Its
// zero value is ready for use. It is safe for concurrent use.
type MemDispatcher struct {
	mu      sync.Mutex
	tasks   []jobs.Task
	hearers map[int]func(jobID string)
	heard   int
}

// Dispatch implements [jobs.Dispatcher].
func (d *MemDispatcher) Dispatch(ctx context.Context, task jobs.Task) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	d.tasks = append(d.tasks, task)
	return nil
}

// Take returns the tasks that were dispatched since the last Take, in their
// order.
func (d *MemDispatcher) Take() []jobs.Task {
	d.mu.Lock()
	defer d.mu.Unlock()
	tasks := d.tasks
	d.tasks = nil
	return tasks
}

// Cancel implements [jobs.Canceller].
func (d *MemDispatcher) Cancel(ctx context.Context, jobID string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, cancelled := range d.hearers {
		cancelled(jobID)
	}
	return nil
}

// Listen calls cancelled for each job that is cancelled, until ctx ends. It
// returns nil.
func (d *MemDispatcher) Listen(ctx context.Context, cancelled func(jobID string)) error {
	d.mu.Lock()
	if d.hearers == nil {
		d.hearers = make(map[int]func(string))
	}
	d.heard++
	id := d.heard
	d.hearers[id] = cancelled
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.hearers, id)
	return nil
}
