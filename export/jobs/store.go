package jobs

import (
	"context"
	"errors"
	"time"
)

// Store keeps jobs. It has one rule of its own: no two jobs in flight are of the
// same request (see [Job.SameRequest]). It is safe for concurrent use, also by
// several processes that share it.
//
// Only the clock of the store decides about time. Functions get it as now, in UTC
// and whole milliseconds. A function has no side effects and does not use the
// Store, because it is called again if another writer was faster.
//
// All fields of a job are kept. Instants are in UTC and whole milliseconds. A slice
// without elements is nil. A returned job shares no memory with the store.
type Store interface {
	// Create stores the job that create returns, and returns it and true. If a job
	// of the same request is in flight, Create returns that job and false. It is an
	// error if another job has the same ID, or if the job is of another
	// organization.
	//
	// create gets the usage of the organization without the new job. Calls for one
	// organization are counted one after the other, so that create can keep to a
	// limit exactly.
	//
	// If create fails, nothing is stored and Create returns its error as it is.
	// create returns the job also then: a job of the same request that is in flight
	// is returned all the same, without an error.
	Create(ctx context.Context, organizationID string, create func(now time.Time, usage Usage) (Job, error)) (Job, bool, error)

	// Get returns a job of an organization. The error matches [export.ErrNotFound] if
	// there is none, or if it is another organization's.
	Get(ctx context.Context, organizationID, jobID string) (Job, error)

	// List returns a page of an organization's jobs, newest first, and the number
	// of all its jobs. Jobs that were created in the same instant keep their order.
	// A page past the end is empty.
	List(ctx context.Context, organizationID string, page Page) ([]Job, int64, error)

	// Update changes a job in one step: change gets the job and alters it. If change
	// fails, nothing is stored and Update returns its error as it is. ID,
	// Organization.ID, Format, Sections, RetryOf and CreatedAt stay as they are,
	// whatever change does to them. The error matches [export.ErrNotFound] if there
	// is no such job. It is an error to put an ended job in flight again while
	// another job of the same request is in flight.
	Update(ctx context.Context, jobID string, change func(now time.Time, j *Job) error) (Job, error)

	// Stale returns up to limit jobs for which something is due: jobs in flight
	// whose LeaseUntil is over or zero, and ended jobs whose PurgeAt is over and not
	// zero. The jobs that have been due longest come first.
	Stale(ctx context.Context, limit int) ([]Job, error)
}

// Usage counts the jobs of an organization, except those that have failed and were not
// cancelled.
type Usage struct {
	InFlight int64
	Day      int64     // created less than 24 hours before now
	Oldest   time.Time // the first CreatedAt of these; zero if there are none
}

// Page is a part of a list.
type Page struct {
	Number int // from 1
	Size   int // of a page, at least 1
}

// Scheduler is implemented by a [Store] that can choose the next job fairly, so
// that no organization waits long because another has requested many exports.
// Without it jobs run in the order in which the [Dispatcher] brings their tasks.
type Scheduler interface {
	// Next returns the id of the job that the next free worker is to claim or to help with. It
	// chooses from the jobs that need a worker (see [Job.NeedsWorker]) and are wanted by, in this
	// order:
	//
	//  1. the greatest Priority,
	//  2. the organization with the fewest workers: jobs processing, and their Helpers,
	//  3. the organization whose last claim was longest ago, or never,
	//  4. the job that was created first.
	//
	// The error matches [export.ErrNotFound] if there is no such job.
	Next(ctx context.Context, want Want) (string, error)
}

// Want says which jobs a worker may claim. Its zero value is all.
type Want struct {
	NoSuspects      bool   // none whose Suspect is more than 0
	NotOrganization string // none of this organization; empty means of all
	PerOrganization int    // none of an organization with so many workers; 0 means no limit
	NoHelp          bool   // only jobs that wait
}

// ArchiveLister is implemented by a [Store] that finds the jobs whose archives are kept,
// of all organizations. [Service.Scrub] needs it to find archives that are gone.
type ArchiveLister interface {
	// Archives returns up to limit completed jobs that have an ObjectKey, in an order
	// of their ids that is the store's own and always the same: those behind the id
	// after, or the first ones if after is empty. Pages together have each such job
	// that is there all the time, once.
	Archives(ctx context.Context, after string, limit int) ([]Job, error)
}

// ArchivesOf returns a page of the jobs whose archives are kept. The error matches
// [errors.ErrUnsupported] if the store is no [ArchiveLister].
func ArchivesOf(ctx context.Context, store Store, after string, limit int) ([]Job, error) {
	if s, ok := store.(ArchiveLister); ok {
		return s.Archives(ctx, after, limit)
	}
	return nil, errors.ErrUnsupported
}

// Stats says how busy a [Store] is. It counts jobs in flight, and Damaged.
type Stats struct {
	Pending    int64
	Processing int64
	Suspects   int64 // of these: see Job.Suspect
	Helpers    int64 // workers that help with jobs that are processing

	// Oldest is the age of the oldest pending job, by the clock of the store. It is
	// 0 if no job is pending.
	Oldest time.Duration

	// Damaged counts the completed jobs whose archive is kept and was found damaged.
	Damaged int64
}

// Statser is implemented by a [Store] that can say how busy it is. That is cheap,
// however many jobs the store has.
type Statser interface {
	// Stats counts the jobs of all organizations.
	Stats(ctx context.Context) (Stats, error)
}

// StatsOf returns how busy a store is. The error matches [errors.ErrUnsupported] if
// the store is no [Statser].
func StatsOf(ctx context.Context, store Store) (Stats, error) {
	if s, ok := store.(Statser); ok {
		return s.Stats(ctx)
	}
	return Stats{}, errors.ErrUnsupported
}
