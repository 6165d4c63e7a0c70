package jobs

import (
	"context"
	"github.com/orgexport/orgexport/export"
	"time"
)

// Store keeps jobs. It has no rules but that of the jobs in flight no two are of
// the same request (see [Job.SameRequest]). It is safe for concurrent use, by
// several processes where they share it.
//
// Only its own clock decides about time: the now that it hands to functions, in
// UTC and whole milliseconds. A function may be called again if another writer
// was faster, so that it has no side effects; it must not use the Store.
//
// All fields of a job are kept, instants in UTC and whole milliseconds. A slice
// without elements is nil. Jobs that are handed out share no memory with it.
type Store interface {
	// Create stores the job that create makes, and returns it and true. If a job
	// of the same request is in flight, that is returned instead, and false.
	// Otherwise it is an error if there is a job with the same ID, or if the job
	// is not of that organization.
	//
	// create is told what the jobs of the organization take up without the new
	// one. Of all that create jobs of an organization at once each is told of
	// those before it, so that create can keep to a limit exactly.
	//
	// If create fails nothing is stored, and its error is returned as it is. It
	// returns the job even then: one of the same request that is in flight is
	// returned nevertheless, without an error.
	Create(ctx context.Context, organizationID string, create func(now time.Time, usage Usage) (Job, error)) (Job, bool, error)

	// Get returns a job of an organization. The error matches [export.ErrNotFound] if
	// there is none, or if it is another organization's.
	Get(ctx context.Context, organizationID, jobID string) (Job, error)

	// List returns a page of an organization's jobs, newest first, and how many
	// there are in all. Jobs of the same instant have an order that does not
	// change. A page past the end is empty.
	List(ctx context.Context, organizationID string, page Page) ([]Job, int64, error)

	// Update changes a job in one step: change gets it as it is and alters it.
	// If change fails nothing is stored, and its error is returned as it is. ID,
	// Organization.ID, Format, Sections, RetryOf and CreatedAt never change,
	// whatever change does to them. The error matches [export.ErrNotFound] if there is
	// no such job. It is an error to put an ended job in flight again beside
	// another of the same request.
	Update(ctx context.Context, jobID string, change func(now time.Time, j *Job) error) (Job, error)

	// Stale returns up to limit jobs that nobody looks after: in flight with
	// LeaseUntil over, where zero is over as well, or ended with PurgeAt over,
	// where zero is never; those first that have waited longest.
	Stale(ctx context.Context, limit int) ([]Job, error)
}

// Usage is what the jobs of an organization take up. Jobs that have failed never
// count.
type Usage struct {
	InFlight int64
	Day      int64     // with CreatedAt less than 24 hours before now
	Oldest   time.Time // the first CreatedAt of those; zero if there is none
}

// Page is a part of a list.
type Page struct {
	Number int // from 1
	Size   int // of a page, at least 1
}

// Dispatcher brings tasks to workers: it lets [Service.Work] be called at least
// once for each, here or elsewhere. A task that is lost is dispatched again when
// its job's lease is over. It is safe for concurrent use.
type Dispatcher interface {
	Dispatch(ctx context.Context, task Task) error
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
