package sign

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// ReadKeyFile reads a keyring from a file of keys: see [ReadKeys]. It refuses a
// file that others than its owner may read, except on Windows, where the mode of a
// file does not tell. Errors of the file system are returned as they are.
func ReadKeyFile(path string) (*Keyring, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s can be read by others than its owner: chmod 600 it", path)
	}
	return ReadKeys(path, file)
}

// ReadKeys reads a keyring from the text of a file of keys. A line is ID:SECRET
// with the secret in standard base64. Empty lines and lines that begin with # are
// comments. The name stands in errors, with the number of the line. The error
// lists everything that is wrong, and has no secret.
func ReadKeys(name string, r io.Reader) (*Keyring, error) {
	var errs []error
	ring := &Keyring{}
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

// parseKey reads a line. Its errors do not quote it: what looks like an id may be a
// part of a secret.
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
