package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"
)

// Session is what is stored of a browser that is signed in. Instants are in UTC
// and whole milliseconds.
type Session struct {
	ID string // 22-character short id

	// Hash is [Hash] of the text that the browser sends, which itself is stored
	// nowhere.
	Hash [sha256.Size]byte

	Subject   string // the user
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Active tells whether the session is good at now.
func (s Session) Active(now time.Time) bool { return now.Before(s.ExpiresAt) }

// Principal is who a request of this session comes from.
func (s Session) Principal() Principal {
	return Principal{Name: "session:" + s.ID, Subject: s.Subject}
}

// SessionStore keeps sessions. It is safe for concurrent use.
type SessionStore interface {
	// CreateSession stores a new session. The error matches [ErrExists] if there
	// is one with the same id or hash.
	CreateSession(ctx context.Context, s Session) error

	// SessionByHash returns the session whose text has that [Hash]; the error
	// matches [ErrNotFound] if there is none. One that has expired is returned as
	// well, unless it was removed: see [Session.Active].
	SessionByHash(ctx context.Context, hash [sha256.Size]byte) (Session, error)

	// ExtendSession moves the end of a session. An earlier instant than the one
	// noted changes nothing; nor does a session that does not exist.
	ExtendSession(ctx context.Context, id string, until time.Time) error

	// EndSession removes a session, which ends at once. The error matches
	// [ErrNotFound] if there is none.
	EndSession(ctx context.Context, id string) error

	// Sessions returns the sessions of a user, oldest first.
	Sessions(ctx context.Context, subject string) ([]Session, error)
}

// sessionBytes are random: nobody guesses 256 bits.
const sessionBytes = 32

// sessionEncoding has one text for each session.
var sessionEncoding = base64.RawURLEncoding.Strict()

// NewSessionText makes the text of a session of random bytes, for example from
// [crypto/rand.Reader]: 43 letters, digits, hyphens and underscores.
func NewSessionText(random io.Reader) (string, error) {
	var b [sessionBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("access: random bytes: %w", err)
	}
	return sessionEncoding.EncodeToString(b[:]), nil
}

// ValidSession tells whether text has the form of the text of a session, so that
// anything else is refused before it is looked up.
func ValidSession(text string) bool {
	if len(text) != sessionEncoding.EncodedLen(sessionBytes) {
		return false
	}
	b, err := sessionEncoding.DecodeString(text) // which skips line ends
	return err == nil && len(b) == sessionBytes
}
