// Package audit is the record of who did what with exports.
package audit

import (
	"context"
	"time"
)

// Entry records one action. It never holds a secret.
type Entry struct {
	// At is when it happened, in UTC and whole milliseconds.
	At time.Time

	// Action is what was done. Actor is the name of the principal that did it: see
	// access.Principal. For a download it is whom the link was made for if the link is
	// bound, else empty: a link needs no credentials.
	Action Action
	Actor  string

	// OrganizationID and JobID say what it was done to. Each may be empty.
	OrganizationID string
	JobID          string

	// Object is the id of the key or session, or the subject of the member, that it
	// was done to, and of a request that retries a job the id of that job. Else it is empty.
	Object string

	// Address is the network address of the client, without a port. Behind proxies it is
	// what those say that are trusted.
	Address string

	// Range, Bytes and Complete are about a download: the header field Range of the
	// request (empty for the whole archive), the number of bytes that were sent, and
	// whether that was everything the request asked for.
	Range    string
	Bytes    int64
	Complete bool

	// Requests is how many requests an entry about downloads stands for. 0 stands for
	// one.
	Requests int64
}

// Action names what was done.
type Action string

// The actions.
const (
	Requested  Action = "export.requested"
	Linked     Action = "export.linked" // a link was given out; recorded once an hour for each actor and job
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

// Log keeps entries: the audit log. It is safe for concurrent use.
type Log interface {
	// Record adds an entry.
	Record(ctx context.Context, entry Entry) error
}

// Reader is implemented by a [Log] that can be read.
type Reader interface {
	// Entries returns up to limit entries of an organization, newest first. Entries
	// of the same instant come in the reverse order of their recording.
	Entries(ctx context.Context, organizationID string, limit int) ([]Entry, error)
}

// Finder is implemented by a [Log] that can be asked for an entry.
type Finder interface {
	// Has reports whether there is an entry that is equal to this one in all fields.
	Has(ctx context.Context, entry Entry) (bool, error)
}

// Purger is implemented by a [Log] whose old entries can be removed.
type Purger interface {
	// Purge removes the entries that are older than kept, by the clock of the log,
	// and returns how many it has removed. After an error it may have removed more.
	// It is an error if kept is not positive, and then nothing is removed. Several
	// processes may call it at once; each removed entry is counted by one of them.
	Purge(ctx context.Context, kept time.Duration) (int64, error)
}
