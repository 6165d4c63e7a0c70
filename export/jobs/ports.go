package jobs

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Dispatcher brings tasks to workers. It is safe for concurrent use.
type Dispatcher interface {
	// Dispatch lets [Service.Work] be called with the task, in this process or
	// another. It may be called more than once. If the task is lost, the job is
	// dispatched again when its lease is over.
	Dispatch(ctx context.Context, task Task) error
}

// Runner is implemented by a [Dispatcher] that runs tasks in this process.
type Runner interface {
	// Run calls work for tasks, for several at once, until ctx ends and all calls
	// have returned. Then it returns nil. The calls get a context that may end
	// later than ctx, so that tasks can finish. There is one Run at a time.
	Run(ctx context.Context, work func(context.Context, Task) error) error
}

// Canceller is implemented by a [Dispatcher] that tells other processes at once
// that a job was cancelled. Without it a worker elsewhere notices at its next
// heartbeat.
type Canceller interface {
	// Cancel lets [Service.Cancelled] be called in the processes that listen now.
	// Others are not told later.
	Cancel(ctx context.Context, jobID string) error
}

// Listener is implemented by a [Dispatcher] that hears what a [Canceller] in
// another process says.
type Listener interface {
	// Listen calls cancelled with the id of each job that was cancelled, one after
	// the other, until ctx ends. Then it returns nil. A lost connection is no
	// error: Listen connects again.
	Listen(ctx context.Context, cancelled func(jobID string)) error
}

// Task wakes a worker up because a job waits. The worker may claim another job than
// that of the task: see [Service.Work].
type Task struct {
	Kind  TaskKind
	JobID string
}

// TaskKind says what a worker is to do.
type TaskKind string

// TaskExport is to export a job.
const TaskExport TaskKind = "export"

// Do calls work with the task, and logs the error or the panic that ends it. An
// error that the end of ctx has caused is not logged. It is for queues: see
// [Runner].
func (t Task) Do(ctx context.Context, logger *slog.Logger, work func(context.Context, Task) error) {
	log := logger.With("task", string(t.Kind), "job", t.JobID)
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "a task panicked", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	err := work(ctx, t)
	stopped := ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
	if err != nil && !stopped {
		log.ErrorContext(ctx, "a task failed", "error", err)
	}
}

// Organizations knows the organizations whose data can be exported. Whether a
// requester may export one is not its business. It is safe for concurrent use.
type Organizations interface {
	// Get returns an organization. The error matches [export.ErrNotFound] if there
	// is none with that id.
	Get(ctx context.Context, id string) (export.Organization, error)
}

// Signer makes links to archives. It is safe for concurrent use.
type Signer interface {
	// Sign returns a link to the object with that key. Whoever has the link can
	// download the object without credentials, under that file name, for ttl or
	// less. Links are made at each poll and never stored.
	Sign(ctx context.Context, key, filename string, ttl time.Duration) (Link, error)
}

// Link is a signed URL.
type Link struct {
	URL       string    // absolute
	ExpiresAt time.Time // in UTC
}

// Destination keeps finished archives. A key satisfies [io/fs.ValidPath]; its
// elements are made of letters, digits, dots, hyphens and underscores. It is safe
// for concurrent use. It may also implement [export.Checker], for readiness,
// [export.Sweeper], if a killed process leaves something behind, [Sizer], [Bounder] and
// [Confirmer].
type Destination interface {
	// Put stores what write writes under a key, and replaces an earlier object: Open
	// gives that one or the new one, at any time. The object exists once Put has
	// returned nil, and survives a crash from then on. If write fails or panics, or
	// ctx ends, nothing of it exists and an earlier object is kept.
	Put(ctx context.Context, key string, write func(io.Writer) error) error

	// Open reads an object. The error matches [export.ErrNotFound] if there is
	// none. An object may be opened several times at once. The reader may use
	// ctx until it is closed. A download seeks to the end to learn the size, and then to
	// where it begins.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)

	// Delete removes an object. It is no error if there is none.
	Delete(ctx context.Context, key string) error

	// List returns the keys that begin with prefix, in no order.
	List(ctx context.Context, prefix string) ([]string, error)
}

// Sizer is implemented by a [Destination] that knows how large an object is without
// reading it.
type Sizer interface {
	// Size returns the length of an object in bytes, as it is stored now. The error
	// matches [export.ErrNotFound] if there is none, and only then: not if nobody
	// knows. It is called for each link, so it is to be cheap.
	Size(ctx context.Context, key string) (int64, error)
}

// SizeOf returns the size of an object. The error matches [errors.ErrUnsupported] if
// the destination is no [Sizer].
func SizeOf(ctx context.Context, d Destination, key string) (int64, error) {
	if s, ok := d.(Sizer); ok {
		return s.Size(ctx, key)
	}
	return 0, errors.ErrUnsupported
}

// Bounder is implemented by a [Destination] that has to know how large an object can become
// before it is written, such as a bucket, whose uploads have a limited number of pieces.
type Bounder interface {
	// PutBounded is Put of an object of no more than most bytes. Of a larger one it may
	// return an error.
	PutBounded(ctx context.Context, key string, most int64, write func(io.Writer) error) error
}

// Confirmer is implemented by a [Destination] whose Put returns nil only if whoever
// stores the object has confirmed, by a checksum of the bytes that write wrote, that it
// has got them. Buckets do. Such an archive is not read back before its job is
// completed: see [Config.ReadBack].
type Confirmer interface {
	// Confirms reports whether it is so. The answer is always the same.
	Confirms() bool
}

// Confirms reports whether a destination is a [Confirmer] that does.
func Confirms(d Destination) bool {
	c, ok := d.(Confirmer)
	return ok && c.Confirms()
}
