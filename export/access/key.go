package access

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// Kind is what a key acts as. Its text is the key's prefix.
type Kind string

// The kinds of keys.
const (
	Business    Kind = "csb" // acts in one organization, with the key's role
	User        Kind = "csu" // acts as its user, in the organizations they are a member of
	Publishable Kind = "cpk" // may be seen by anybody, and may export nothing
)

// Valid tells whether k is one of the kinds.
func (k Kind) Valid() bool { return k == Business || k == User || k == Publishable }

// Key is what is stored of an API key. Instants are in UTC and whole
// milliseconds.
type Key struct {
	ID   string // 22-character short id
	Kind Kind

	// Hash is [Hash] of the key's text, which itself is stored nowhere.
	Hash [sha256.Size]byte

	// OrganizationID is the one that a business or publishable key acts in, and
	// Role what a business key may there. UserID is whom a user key acts for.
	OrganizationID string
	Role           Role
	UserID         string

	// Limits are those of requests with the key.
	Limits Limits

	// Name is what people call the key.
	Name string

	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: not revoked
	LastUsedAt time.Time // zero: never
}

// Active tells whether the key is good at now.
func (k Key) Active(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Principal is who a request with this key comes from.
func (k Key) Principal() Principal {
	p := Principal{Name: "key:" + k.ID, Limits: k.Limits}
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

const (
	bodyAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	bodyLength   = 32
)

// ErrKey is matched when text is not an API key.
var ErrKey = errors.New("access: not an API key")

// ParseKey checks the form and the checksum of a key's text. The error matches
// [ErrKey] and does not quote the text.
func ParseKey(text string) (Kind, error) {
	prefix, rest, _ := strings.Cut(text, "_")
	body, sum, _ := strings.Cut(rest, "_")
	kind := Kind(prefix)
	switch {
	case !kind.Valid():
		return "", fmt.Errorf("%w: unknown prefix", ErrKey)
	case len(body) != bodyLength || strings.Trim(body, bodyAlphabet) != "":
		return "", fmt.Errorf("%w: wrong form", ErrKey)
	case sum != checksum(body):
		return "", fmt.Errorf("%w: wrong checksum", ErrKey)
	}
	return kind, nil
}

// NewKeyText makes the text of a key of random bytes, for example from
// [crypto/rand.Reader].
func NewKeyText(kind Kind, random io.Reader) (string, error) {
	if !kind.Valid() {
		return "", fmt.Errorf("access: kind %q of a key", kind)
	}
	body := make([]byte, 0, bodyLength)
	for b := make([]byte, 1); len(body) < bodyLength; {
		if _, err := io.ReadFull(random, b); err != nil {
			return "", fmt.Errorf("access: random bytes: %w", err)
		}
		// Only the first 248 values are spread evenly over 62 characters.
		if int(b[0]) < 256/len(bodyAlphabet)*len(bodyAlphabet) {
			body = append(body, bodyAlphabet[int(b[0])%len(bodyAlphabet)])
		}
	}
	return string(kind) + "_" + string(body) + "_" + checksum(string(body)), nil
}

// Hash is what is stored and looked up of a key's text.
func Hash(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

func checksum(body string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}
