package jobs

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Dispatcher brings tasks to workers: it lets [Service.Work] be called at least
// once for each, here or elsewhere. A task that is lost is dispatched again when
// its job's lease is over. It is safe for concurrent use.
type Dispatcher interface {
	Dispatch(ctx context.Context, task Task) error
}

// Runner is implemented by a [Dispatcher] that runs its tasks in this process.
type Runner interface {
	// Run calls work for tasks, for several at once, until ctx ends and all calls
	// have returned; then it returns nil. The calls get a context that may end
	// later than ctx, so that tasks can finish. There is one Run at a time.
	Run(ctx context.Context, work func(context.Context, Task) error) error
}

// Listener is implemented by a [Dispatcher] that hears of jobs which other
// processes cancel: the other end of [Canceller].
type Listener interface {
	// Listen calls cancelled with the id of each job that was cancelled, one after
	// the other, until ctx ends; then it returns nil. A lost connection is no
	// error: Listen connects again.
	Listen(ctx context.Context, cancelled func(jobID string)) error
}

// Canceller is implemented by a [Dispatcher] that also tells workers in other
// processes at once that a job was cancelled, by having [Service.Cancelled] called
// there. Without it they know with their next heartbeat.
type Canceller interface {
	// Cancel has whoever listens told of the job. Who does not listen just then is
	// not told later.
	Cancel(ctx context.Context, jobID string) error
}

// Task is a thing for a worker to do. It says that a job waits, not which one is
// to be next: see [Service.Work].
type Task struct {
	Kind  TaskKind
	JobID string
}

// Do calls work for the task. It logs the error or the panic that ends it, but not
// an error that the end of ctx has caused. It is for queues: see [Runner].
func (t Task) Do(ctx context.Context, logger *slog.Logger, work func(context.Context, Task) error) {
	log := logger.With("task", string(t.Kind), "job", t.JobID)
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "a task panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	err := work(ctx, t)
	told := ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
	if err != nil && !told {
		log.ErrorContext(ctx, "a task failed", "error", err)
	}
}

// TaskKind is what is to be done.
type TaskKind string

// TaskExport is to run a job.
const TaskExport TaskKind = "export"

// Signer makes links to archives. It is safe for concurrent use.
type Signer interface {
	// Sign returns a link that downloads the object with that key under that
	// file name, without credentials, for ttl or a shorter time. Links are made
	// at every poll and never stored.
	Sign(ctx context.Context, key, filename string, ttl time.Duration) (Link, error)
}

// Link is a signed URL.
type Link struct {
	URL       string    // absolute
	ExpiresAt time.Time // in UTC
}

// Organizations knows whose data can be exported. Workers ask it; whether
// somebody may export an organization is not its business. It is safe for
// concurrent use.
type Organizations interface {
	// Get returns an organization; the error matches [export.ErrNotFound] if there is
	// none with that id.
	Get(ctx context.Context, id string) (export.Organization, error)
}
