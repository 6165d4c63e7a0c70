package sign

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReadKeys reads a ring from a file of keys. A line is ID:SECRET with the secret
// in standard base64; empty lines and lines that begin with # are comments. The
// name is that of the file and stands in errors, with the number of the line.
// The error tells everything that is wrong, and no secret.
//
// Who may read the file is for the caller to see to.
func ReadKeys(name string, r io.Reader) (*Ring, error) {
	var errs []error
	ring := &Ring{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := parseKey(line)
		if err == nil {
			err = ring.add(k)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("sign: %s:%d: %w", name, n, err))
		}
	}
	if err := lines.Err(); err != nil {
		errs = append(errs, fmt.Errorf("sign: read %s: %w", name, err))
	}
	if len(ring.keys) == 0 && len(errs) == 0 {
		errs = append(errs, fmt.Errorf("sign: %s has no key", name))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return ring, nil
}

// parseKey reads a line. Its errors quote nothing of it: what looks like an id
// may be a part of a secret.
func parseKey(line string) (Key, error) {
	id, text, ok := strings.Cut(line, ":")
	if !ok {
		return Key{}, errors.New("a key is written ID:SECRET")
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return Key{}, errors.New("the secret is not standard base64")
	}
	return Key{id, secret}, nil
}

// NewKeyLine makes a key of random bytes, for example from
// [crypto/rand.Reader], and returns its line for a file of keys, without an end
// of line.
func NewKeyLine(id string, random io.Reader) (string, error) {
	k := Key{id, make([]byte, minSecret)}
	if err := k.check(); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	if _, err := io.ReadFull(random, k.Secret); err != nil {
		return "", fmt.Errorf("sign: random bytes: %w", err)
	}
	return k.ID + ":" + base64.StdEncoding.EncodeToString(k.Secret), nil
}
