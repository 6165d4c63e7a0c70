package access

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"
)

// Session is the session of a browser as it is stored, without its text. Instants are
// in UTC and whole milliseconds.
type Session struct {
	ID string // 22-character short id

	// Hash is [Hash] of the text that the browser sends. The text itself is stored
	// nowhere.
	Hash [sha256.Size]byte

	Subject   string // the user
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Active reports whether the session is good at now.
func (s Session) Active(now time.Time) bool { return now.Before(s.ExpiresAt) }

// Principal returns the principal of requests of this session.
func (s Session) Principal() Principal {
	return Principal{Name: "session:" + s.ID, Subject: s.Subject}
}

// SessionStore keeps sessions. It is safe for concurrent use.
type SessionStore interface {
	// CreateSession stores a new session. The error matches [ErrExists] if there
	// is one with the same id or hash.
	CreateSession(ctx context.Context, s Session) error

	// SessionByHash returns the session whose text has that [Hash]. The error matches
	// [ErrNotFound] if there is none. A session that has expired may be returned or
	// removed: see [Session.Active].
	SessionByHash(ctx context.Context, hash [sha256.Size]byte) (Session, error)

	// ExtendSession moves the end of a session to a later instant. An earlier instant
	// changes nothing, and it is no error if there is no such session.
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

// NewSessionText returns the text of a new session: 43 letters, digits, hyphens and
// underscores. It is made of random bytes, for example of [crypto/rand.Reader].
func NewSessionText(random io.Reader) (string, error) {
	var b [sessionBytes]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("access: random bytes: %w", err)
	}
	return sessionEncoding.EncodeToString(b[:]), nil
}

// ValidSession reports whether text has the form of a session's text. Anything else can
// be refused without a look-up.
func ValidSession(text string) bool {
	if len(text) != sessionEncoding.EncodedLen(sessionBytes) {
		return false
	}
	b, err := sessionEncoding.DecodeString(text) // which skips line ends
	return err == nil && len(b) == sessionBytes
}
