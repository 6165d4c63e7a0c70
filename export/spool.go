package export

import (
	"context"
	"io"
)

// Spool keeps sealed parts. It is safe for concurrent use.
type Spool interface {
	// Put stores what write writes, and replaces an earlier part of that id. The part
	// exists once Put has returned nil. If write fails or panics, or ctx ends, nothing
	// of it exists and an earlier part is kept.
	Put(ctx context.Context, id PartID, write func(io.Writer) error) error

	// Open reads a part. The error matches [ErrNotFound] if there is none. A part may
	// be opened several times at once; each reader has its own position.
	Open(ctx context.Context, id PartID) (io.ReadSeekCloser, error)

	// Delete removes a part. It is no error if there is none.
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

// FreeSpacer is implemented by a [Spool] that knows its free space.
type FreeSpacer interface {
	// FreeSpace returns the number of bytes that can still be written.
	FreeSpace() (int64, error)
}

// JobLister is implemented by a [Spool] that can list its jobs. Without it nobody finds
// parts that a crash has left behind.
type JobLister interface {
	// Jobs returns the ids of all jobs that have parts, each once, in no order.
	Jobs(ctx context.Context) ([]string, error)
}

// Checker is implemented by a port, such as a [Spool], that can say whether it is
// ready to be used.
type Checker interface {
	// Check returns nil, or why the port is not ready.
	Check(ctx context.Context) error
}

// Sweeper is implemented by a [Spool], or another port with a Put, in which a killed
// process leaves unfinished files behind.
type Sweeper interface {
	// Sweep removes the unfinished files of ended processes, and no others.
	Sweep(ctx context.Context) error
}
