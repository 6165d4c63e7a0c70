// Package audit records who did what with exports.
package audit

import (
	"context"
	"time"
)

// Entry is one thing that was done. It never holds a secret.
type Entry struct {
	// At is when, in UTC and whole milliseconds.
	At time.Time

	// Action is what was done, Actor who did it: see access.Principal.Name. The
	// actor of a download is empty, because a link needs no credentials.
	Action Action
	Actor  string

	// OrganizationID and JobID are what it was done to. Either may be empty.
	OrganizationID string
	JobID          string

	// Object is what else it was done to: the id of a key or session, or the
	// subject of a member. It may be empty.
	Object string

	// Address is the network address that the request came from, without a port.
	Address string

	// Range, Bytes and Complete tell of a download what was asked for (the header
	// field Range, empty for the whole archive), how many bytes were sent, and
	// whether that was all of it.
	Range    string
	Bytes    int64
	Complete bool
}

// Action is what was done.
type Action string

// The actions.
const (
	Requested  Action = "export.requested"
	Linked     Action = "export.linked" // a link was given out: once an hour for each actor and job
	Cancelled  Action = "export.cancelled"
	Purged     Action = "export.purged"
	Downloaded Action = "export.downloaded"

	KeyCreated     Action = "key.created"
	KeyRevoked     Action = "key.revoked"
	SessionCreated Action = "session.created"
	SessionEnded   Action = "session.ended"
	MemberPut      Action = "member.put" // added, or with another role
	MemberRemoved  Action = "member.removed"
)

// Trail keeps entries. It is safe for concurrent use.
type Trail interface {
	// Record adds an entry.
	Record(ctx context.Context, entry Entry) error
}

// Reader is implemented by a Trail that can be read.
type Reader interface {
	// Entries returns the newest entries of an organization, at most limit of
	// them, newest first; of the same instant, those first that were recorded
	// last.
	Entries(ctx context.Context, organizationID string, limit int) ([]Entry, error)
}

// Purger is implemented by a Trail from which what is old can be removed.
type Purger interface {
	// Purge removes the entries whose At is longer ago than kept, by the Trail's
	// own clock, and returns how many it has removed; if it fails, at least so
	// many. It is an error if kept is not positive, and nothing is removed then.
	// Any number of processes may do so at once: each entry is counted by one of
	// them.
	Purge(ctx context.Context, kept time.Duration) (int64, error)
}
