package export

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ConsistencyLevel is how much it matters that all sections read the data of one moment.
type ConsistencyLevel string

// The levels of consistency.
const (
	// ConsistencyBest reads one moment as long as that is possible, and goes on without it:
	// the manifest says how it went.
	ConsistencyBest ConsistencyLevel = "best"

	// ConsistencyRequired makes an export fail, with a [*ConsistencyError], if it is not of
	// one moment.
	ConsistencyRequired ConsistencyLevel = "required"

	// ConsistencyOff lets each query read its own moment.
	ConsistencyOff ConsistencyLevel = "off"
)

// Snapshots opens snapshots of a database, so that several sections read one moment of it.
// It is safe for concurrent use, and can be compared, as a pointer can.
type Snapshots interface {
	// OpenSnapshot opens a snapshot of the present data. It waits until it may take what a
	// snapshot holds, such as a connection, but never while that leaves none for those that
	// read it. maxAge is when the engine closes it at the latest, so that the database can
	// see to that itself if the process is gone; 0 means that there is no such time. An error
	// may be a fault of the machine: see [MachineFault].
	OpenSnapshot(ctx context.Context, maxAge time.Duration) (Snapshot, error)
}

// SnapshotJoiner is an optional interface of a [Snapshots] whose snapshots other processes can
// read.
type SnapshotJoiner interface {
	// JoinSnapshot returns the snapshot that another process has opened and keeps, by its ID and
	// Moment. It opens nothing; Close of it only ends this process's use. Whether it can be read
	// shows when a query begins: [ErrSnapshotLost]. Several may join one ID at once; what one of
	// them has read of another moment the Check of each says. An ID that no snapshot can have
	// is an error that matches ErrSnapshotLost, too.
	JoinSnapshot(id, moment string) (Snapshot, error)
}

// Snapshot is a moment of the data, for queries to read. It is safe for concurrent use.
type Snapshot interface {
	// ID is [Scope.Snapshot] for the sections that read it.
	ID() string

	// Moment tells moments apart: if those of two snapshots are equal the data is. It may be
	// another one though the data is equal. It says nothing that is secret.
	Moment() string

	// Check returns nil if all that was read by the ID up to now is of the moment. The
	// engine calls it when a section has been read.
	Check(ctx context.Context) error

	// Close ends the snapshot. Queries that have begun to read it may go on. It is called
	// once, and again does nothing.
	Close(ctx context.Context)
}

// SnapshotReader is an optional interface of a [Section] that reads a database by snapshots.
//
// The sections of an export that read by the same Snapshots read one snapshot, whose ID is
// in their [Scope]. It is opened when the first of them begins, and closed when the last
// has ended. If there are several Snapshots, only that of the first section has one: there is
// no moment that two databases have in common.
type SnapshotReader interface {
	// Snapshots returns what opens the snapshots that the section can read, the same each
	// time, or nil if it can read none.
	Snapshots() Snapshots
}

// ErrSnapshotLost is matched by the error of a query that cannot read its snapshot any more:
// the connection that kept it is gone, or it was closed.
var ErrSnapshotLost = errors.New("export: the snapshot can no longer be read")

// ConsistencyError says that an export could not be made of one moment, which
// [ConsistencyRequired] asks for.
type ConsistencyError struct {
	// Final means that another attempt would end in the same way.
	Final bool

	Err error
}

func (e *ConsistencyError) Error() string {
	return fmt.Sprintf("export: consistency is required: %v", e.Err)
}

// Unwrap returns the cause.
func (e *ConsistencyError) Unwrap() error { return e.Err }

// Public returns the public text of the cause, or a fixed sentence.
func (e *ConsistencyError) Public() string {
	return PublicTextOr(e.Err, "The data could not be read as of one point in time.")
}

// SnapshotLost is what a section calls, with an error that matches [ErrSnapshotLost], if it
// cannot read the scope's Snapshot any more. If it returns nil the section may read the rest
// without a snapshot, and the manifest says so. Else consistency is required: the section
// returns that error at once.
func (s Scope) SnapshotLost(cause error) error {
	if s.reading == nil {
		return cause
	}
	return s.reading.lose(cause)
}

// snapshotsOf returns what opens the snapshots that a section can read, or nil.
func snapshotsOf(s Section) Snapshots {
	if r, ok := s.(SnapshotReader); ok {
		return r.Snapshots()
	}
	return nil
}
