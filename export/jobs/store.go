package jobs

import (
	"context"
	"errors"
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

// Scheduler is implemented by a [Store] that knows which job is to be next. Then
// no organization waits long for another that has requested much; else jobs are
// worked on in the order in which the [Dispatcher] brings their tasks.
type Scheduler interface {
	// Next returns the id of the job that the next free worker is to have: of
	// those that wait (see [Job.Waits]) one of the greatest Priority; of these,
	// one of the organizations that have the fewest jobs processing; of these, one
	// of that organization for which a worker last claimed a job the longest ago,
	// or never; of these, the one that was created first. The error matches
	// [export.ErrNotFound] if none waits.
	Next(ctx context.Context) (string, error)
}

// Stats is how busy a [Store] is. Only jobs in flight are counted: those that
// have ended are many, and stay.
type Stats struct {
	Pending    int64
	Processing int64

	// Oldest is how long ago, by the clock of the store, the oldest job that is
	// pending was created. It is 0 if none is.
	Oldest time.Duration
}

// Statser is implemented by a Store that can tell how busy it is, by a question
// that is cheap however many jobs it has.
type Statser interface {
	// Stats counts the jobs of all organizations.
	Stats(ctx context.Context) (Stats, error)
}

// StatsOf returns how busy a store is. The error matches
// [errors.ErrUnsupported] if it is no [Statser].
func StatsOf(ctx context.Context, store Store) (Stats, error) {
	if s, ok := store.(Statser); ok {
		return s.Stats(ctx)
	}
	return Stats{}, errors.ErrUnsupported
}
