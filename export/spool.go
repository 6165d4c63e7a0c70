package export

import (
	"context"
	"io"
)

// Spool keeps sealed parts. It is safe for concurrent use.
type Spool interface {
	// Put stores what write writes, replacing an earlier part of that id. The
	// part exists once Put has returned nil; if write fails or panics, or ctx
	// ends, nothing of it does and an earlier part is kept.
	Put(ctx context.Context, id PartID, write func(io.Writer) error) error

	// Open reads a part; [ErrNotFound] if there is none. A part may be opened
	// several times at once, each reader with its own position.
	Open(ctx context.Context, id PartID) (io.ReadSeekCloser, error)

	// Delete removes a part; removing one that does not exist is no error.
	Delete(ctx context.Context, id PartID) error

	// List returns the ids of a job's parts, in no order.
	List(ctx context.Context, jobID string) ([]PartID, error)
}

// PartID names a part in a Spool.
type PartID struct {
	JobID   string
	Section string
	Shard   int // 0 until sections are split
	Attempt int // of the job; a part of one attempt never replaces another's
}

// FreeSpacer is implemented by a Spool that knows how much more it can take.
type FreeSpacer interface {
	// FreeSpace is the number of bytes that can still be written.
	FreeSpace() (int64, error)
}

// JobLister is implemented by a Spool that knows whose parts it keeps. In another
// [jobs.Service.Sweep] does not find the parts that are left over.
type JobLister interface {
	// Jobs returns the ids of all jobs that have parts, each once, in no order.
	Jobs(ctx context.Context) ([]string, error)
}

// Checker is implemented by a Store, Spool, Destination or other port that can
// tell whether it is ready for use.
type Checker interface {
	// Check returns why it is not.
	Check(ctx context.Context) error
}

// Sweeper is implemented by a Spool or Destination in which something is left
// behind if a process ends in the midst of a Put.
type Sweeper interface {
	// Sweep removes what processes have left behind that have ended. What others
	// are writing is left alone.
	Sweep(ctx context.Context) error
}
