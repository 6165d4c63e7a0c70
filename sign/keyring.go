package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/orgexport/orgexport/export/access"
)

const (
	minSecret = 32 // bytes: as many as the digest has
	maxKeyID  = 32 // characters
)

// Key is a secret that links are signed with. However it is printed, the secret
// is not shown.
type Key struct {
	// ID names the key in links: 1 to 32 letters, digits, hyphens and underscores.
	ID string

	// Secret is at least 32 random bytes.
	Secret []byte
}

// Format implements [fmt.Formatter].
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "signing key "+k.ID) }

// LogValue implements [slog.LogValuer].
func (k Key) LogValue() slog.Value { return slog.StringValue("signing key " + k.ID) }

func (k Key) check() error {
	var errs []error
	if k.ID == "" || len(k.ID) > maxKeyID || strings.Trim(k.ID, wordAlphabet) != "" {
		errs = append(errs, fmt.Errorf("the id of a key is 1 to %d letters, digits, hyphens and underscores", maxKeyID))
	}
	if len(k.Secret) < minSecret {
		errs = append(errs, fmt.Errorf("the secret has %d bytes, want at least %d", len(k.Secret), minSecret))
	}
	return errors.Join(errs...)
}

// Keyring is the keys that are in use. It is immutable and safe for concurrent
// use. Make one with [NewKeyring], [ReadKeys] or [ReadKeyFile]. However it is
// printed, no secret is shown.
type Keyring struct{ keys []Key }

// NewKeyring makes a keyring of at least one key. The first one signs, all of them
// check. No two have the same id or the same secret. The error lists everything
// that is wrong, and has no secret.
func NewKeyring(keys ...Key) (*Keyring, error) {
	var errs []error
	if len(keys) == 0 {
		errs = append(errs, errors.New("sign: there is no key"))
	}
	ring := &Keyring{}
	for i, k := range keys {
		if err := ring.add(k); err != nil {
			errs = append(errs, fmt.Errorf("sign: key %d: %w", i+1, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ring, nil
}

// add takes a copy of a key.
func (r *Keyring) add(k Key) error {
	err := k.check()
	for _, old := range r.keys {
		switch {
		case old.ID == k.ID:
			err = errors.Join(err, errors.New("the id is that of another key"))
		case hmac.Equal(old.Secret, k.Secret):
			err = errors.Join(err, errors.New("the secret is that of another key"))
		}
	}
	r.keys = append(r.keys, Key{k.ID, append([]byte(nil), k.Secret...)})
	return err
}

// Format implements [fmt.Formatter].
func (r Keyring) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.text()) }

// LogValue implements [slog.LogValuer].
func (r Keyring) LogValue() slog.Value { return slog.StringValue(r.text()) }

func (r Keyring) text() string { return fmt.Sprintf("keyring of %d signing keys", len(r.keys)) }

func (r *Keyring) size() int {
	if r == nil {
		return 0
	}
	return len(r.keys)
}

// sign completes a link: with the signing key's id and its signature.
func (r *Keyring) sign(l link) link {
	l.kid = r.keys[0].ID
	l.signature = r.keys[0].mac(l)
	return l
}

// verify reports whether one of the keys has signed the link. It takes another time
// if the key is unknown. That gives nothing away: ids of keys are no secret.
func (r *Keyring) verify(l link) bool {
	for _, k := range r.keys {
		if k.ID == l.kid {
			return hmac.Equal(k.mac(l), l.signature)
		}
	}
	return false
}

// open returns whom a link that was verified is made for.
func (r *Keyring) open(l link) (access.Principal, error) {
	for _, k := range r.keys {
		if k.ID == l.kid {
			return k.open(l)
		}
	}
	return access.Principal{}, errors.New("sign: no such key")
}

func (k Key) mac(l link) []byte {
	h := hmac.New(sha256.New, k.Secret)
	h.Write(l.payload())
	return h.Sum(nil)
}
