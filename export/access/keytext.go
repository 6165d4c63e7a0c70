package access

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"slices"
	"strings"
)

// KeyPrefixes are what the texts of API keys begin with, so that people and
// programs that search for secrets know whose keys they are. An empty field means
// the text of the kind: "csb", "csu" or "cpk". A key that was made with another
// prefix is not a key.
type KeyPrefixes struct {
	Business    string
	User        string
	Publishable string
}

// Of returns the prefix of keys of a kind, empty if there is no such kind.
func (p KeyPrefixes) Of(kind Kind) string {
	switch kind {
	case Business:
		return cmp.Or(p.Business, string(Business))
	case User:
		return cmp.Or(p.User, string(User))
	case Publishable:
		return cmp.Or(p.Publishable, string(Publishable))
	}
	return ""
}

// prefixForm leaves out the underscore, which ends a prefix.
var prefixForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,15}$`)

// Check returns an error that names all problems. A prefix has 2 to 16 ASCII
// letters and digits, of which the first is a letter, and no prefix begins with
// another one.
func (p KeyPrefixes) Check() error {
	var errs []error
	for i, kind := range kinds() {
		prefix := p.Of(kind)
		if !prefixForm.MatchString(prefix) {
			errs = append(errs, fmt.Errorf("access: prefix %q must have 2 to 16 letters and digits, and a letter first", prefix))
		}
		for _, before := range kinds()[:i] {
			if other := p.Of(before); strings.HasPrefix(prefix, other) || strings.HasPrefix(other, prefix) {
				errs = append(errs, fmt.Errorf("access: prefixes %q and %q are the same or one begins with the other", other, prefix))
			}
		}
	}
	return errors.Join(errs...)
}

const (
	bodyAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	bodyLength   = 32
)

// ErrKey is matched when text is not an API key.
var ErrKey = errors.New("access: not an API key")

// ParseKey is [KeyPrefixes.Parse] with the default prefixes.
func ParseKey(text string) (Kind, error) { return KeyPrefixes{}.Parse(text) }

// NewKeyText is [KeyPrefixes.NewText] with the default prefixes.
func NewKeyText(kind Kind, random io.Reader) (string, error) {
	return KeyPrefixes{}.NewText(kind, random)
}

// Parse checks the form and the checksum of a key's text and returns its kind. The
// error matches [ErrKey] and does not quote the text.
func (p KeyPrefixes) Parse(text string) (Kind, error) {
	prefix, rest, _ := strings.Cut(text, "_")
	body, sum, _ := strings.Cut(rest, "_")
	i := slices.IndexFunc(kinds(), func(kind Kind) bool { return p.Of(kind) == prefix })
	switch {
	case i < 0:
		return "", fmt.Errorf("%w: unknown prefix", ErrKey)
	case len(body) != bodyLength || strings.Trim(body, bodyAlphabet) != "":
		return "", fmt.Errorf("%w: wrong form", ErrKey)
	case sum != checksum(body):
		return "", fmt.Errorf("%w: wrong checksum", ErrKey)
	}
	return kinds()[i], nil
}

// NewText makes the text of a key of random bytes, for example from
// [crypto/rand.Reader].
func (p KeyPrefixes) NewText(kind Kind, random io.Reader) (string, error) {
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
	return p.Of(kind) + "_" + string(body) + "_" + checksum(string(body)), nil
}

// Hash is what is stored and looked up of a key's text.
func Hash(text string) [sha256.Size]byte { return sha256.Sum256([]byte(text)) }

func checksum(body string) string {
	return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(body)))
}
