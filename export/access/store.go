package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrNotFound is matched when there is no such key, member or session.
var ErrNotFound = errors.New("access: not found")

// ErrExists is matched when the key or session to create exists already.
var ErrExists = errors.New("access: exists already")

// KeyStore keeps API keys. It is safe for concurrent use.
type KeyStore interface {
	// CreateKey stores a new key. The error matches [ErrExists] if there is one
	// with the same id or hash.
	CreateKey(ctx context.Context, key Key) error

	// KeyByHash returns the key whose text has that [Hash]. The error matches
	// [ErrNotFound] if there is none. A key that has expired or was revoked is
	// returned too: see [Key.Active].
	KeyByHash(ctx context.Context, hash [sha256.Size]byte) (Key, error)

	// TouchKey notes when a key was last used. An earlier instant changes nothing, and
	// it is no error if there is no such key.
	TouchKey(ctx context.Context, id string, at time.Time) error

	// RevokeKey makes a key useless from now on. Revoking it again changes
	// nothing. The error matches [ErrNotFound] if there is no such key.
	RevokeKey(ctx context.Context, id string, at time.Time) error

	// Keys returns the keys of an organization, oldest first. If organizationID is
	// empty, it returns the keys of all users.
	Keys(ctx context.Context, organizationID string) ([]Key, error)
}

// Member is a user's place in an organization.
type Member struct {
	OrganizationID string
	Subject        string // the user
	Role           Role
}

// MemberStore keeps the members of organizations. It is safe for concurrent use.
type MemberStore interface {
	// PutMember adds a member or changes their role.
	PutMember(ctx context.Context, m Member) error

	// Member returns a member of an organization. The error matches [ErrNotFound] if
	// the subject is none.
	Member(ctx context.Context, organizationID, subject string) (Member, error)

	// Members returns all members of an organization, by subject.
	Members(ctx context.Context, organizationID string) ([]Member, error)

	// RemoveMember ends a membership at once. It is no error if there is none.
	RemoveMember(ctx context.Context, organizationID, subject string) error
}
