package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrNotFound is matched when the thing asked for does not exist.
var ErrNotFound = errors.New("access: not found")

// ErrExists is matched when there is already what was to be created.
var ErrExists = errors.New("access: exists already")

// KeyStore keeps API keys. It is safe for concurrent use.
type KeyStore interface {
	// CreateKey stores a new key. The error matches [ErrExists] if there is one
	// with the same id or hash.
	CreateKey(ctx context.Context, key Key) error

	// KeyByHash returns the key whose text has that [Hash]; the error matches
	// [ErrNotFound] if there is none. A key that has expired or was revoked is
	// returned as well: see [Key.Active].
	KeyByHash(ctx context.Context, hash [sha256.Size]byte) (Key, error)

	// TouchKey notes that a key was used. An earlier instant than the one noted
	// changes nothing; nor does a key that does not exist.
	TouchKey(ctx context.Context, id string, at time.Time) error

	// RevokeKey makes a key useless from now on. Revoking it again changes
	// nothing. The error matches [ErrNotFound] if there is no such key.
	RevokeKey(ctx context.Context, id string, at time.Time) error

	// Keys returns the keys that act in an organization, and those of users if
	// organizationID is empty, oldest first.
	Keys(ctx context.Context, organizationID string) ([]Key, error)
}

// Member is a user's place in an organization.
type Member struct {
	OrganizationID string
	Subject        string // the user
	Role           Role
}

// MemberStore keeps who belongs to which organization. It is safe for concurrent
// use.
type MemberStore interface {
	// PutMember adds a member or changes their role.
	PutMember(ctx context.Context, m Member) error

	// Member returns a user's place in an organization; the error matches
	// [ErrNotFound] if they have none.
	Member(ctx context.Context, organizationID, subject string) (Member, error)

	// Members returns all members of an organization, by subject.
	Members(ctx context.Context, organizationID string) ([]Member, error)

	// RemoveMember ends a membership at once. Removing one that there is not is
	// no error.
	RemoveMember(ctx context.Context, organizationID, subject string) error
}
