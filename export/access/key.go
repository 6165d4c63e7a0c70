package access

import (
	"crypto/sha256"
	"slices"
	"time"
)

// Kind is what a key acts as. Its text is stored, and it is the prefix of keys of
// that kind unless [KeyPrefixes] has another one.
type Kind string

// The kinds of keys.
const (
	Business    Kind = "csb" // acts in one organization, with the key's role
	User        Kind = "csu" // acts as its user, in the organizations they are a member of
	Publishable Kind = "cpk" // may be seen by anybody, and may export nothing
)

func kinds() []Kind { return []Kind{Business, User, Publishable} }

// Valid reports whether k is one of the kinds.
func (k Kind) Valid() bool { return slices.Contains(kinds(), k) }

// Key is an API key as it is stored, without its text. Instants are in UTC and whole
// milliseconds.
type Key struct {
	ID   string // 22-character short id
	Kind Kind

	// Hash is [Hash] of the key's text. The text itself is stored nowhere.
	Hash [sha256.Size]byte

	// OrganizationID is the organization of a business or publishable key. Role is
	// what a business key may do there. UserID is the user that a user key acts for.
	OrganizationID string
	Role           Role
	UserID         string

	// Limits limit the requests with the key.
	Limits Limits

	// Name is what people call the key.
	Name string

	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // zero: never
}

// Active reports whether the key is good at now.
func (k Key) Active(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Principal returns the principal of requests with this key.
func (k Key) Principal() Principal {
	p := Principal{Name: keyPrincipal + k.ID, Limits: k.Limits}
	switch k.Kind {
	case Business:
		p.OrganizationID, p.Role = k.OrganizationID, k.Role
	case User:
		p.Subject = k.UserID
	case Publishable:
		p.OrganizationID = k.OrganizationID
		if p.Limits.PerMinute == 0 {
			p.Limits.PerMinute = publishablePerMinute
		}
	}
	return p
}

// publishablePerMinute is the default limit of publishable keys, as the contract
// has it.
const publishablePerMinute = 100
