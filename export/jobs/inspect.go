package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/orgexport/orgexport/export"
)

// ErrDamaged is matched when the archive of a job is not there, or is not the one that
// was made. Its text is public.
var ErrDamaged = export.WithPublic(errors.New("jobs: the archive is damaged"),
	"The archive was lost or damaged where it was kept. Please request the export again.")

// Damage says what is wrong with an archive.
type Damage string

// The kinds of damage.
const (
	DamageMissing Damage = "missing" // there is no such object
	DamageSize    Damage = "size"    // it is shorter or longer
	DamageDigest  Damage = "digest"  // it has other bytes
)

// DamageError says what is wrong with an archive in a [Destination]. It matches
// [ErrDamaged].
type DamageError struct {
	Kind Damage

	// Size is how many bytes there are, and Want how many there should be. Both are
	// zero unless Kind is DamageSize.
	Size, Want int64
}

func (e *DamageError) Error() string {
	switch e.Kind {
	case DamageMissing:
		return "the archive is missing"
	case DamageSize:
		return fmt.Sprintf("the archive has %d bytes, not %d", e.Size, e.Want)
	case DamageDigest:
	}
	return "the archive has another SHA-256 than when it was made"
}

// Unwrap returns ErrDamaged.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// content is what an object is to be.
type content struct {
	size   int64
	sha256 []byte // nil: it is not read, and only its size counts
}

// inspect compares an object with what it is to be. The error is a [*DamageError] if it
// is another one or is not there. Any other error means that nobody knows. took, which
// may be nil, is called after each piece that is read, and may wait or return an error.
func inspect(ctx context.Context, d Destination, key string, want content, took func(n int) error) error {
	r, err := d.Open(ctx, key)
	if errors.Is(err, export.ErrNotFound) {
		return &DamageError{Kind: DamageMissing}
	}
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	defer r.Close()
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("size: %w", err)
	}
	if size != want.size {
		return &DamageError{DamageSize, size, want.size}
	}
	if want.sha256 == nil {
		return nil
	}
	forget(r)
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("seek: %w", err)
	}
	return compare(ctx, r, want, took)
}

// compareAtOnce is how many bytes are read between two looks at the context.
const compareAtOnce = 256 << 10

// compare reads an object to its end, and compares it with what it is to be.
func compare(ctx context.Context, r io.Reader, want content, took func(n int) error) error {
	digest := sha256.New()
	var size int64
	piece := make([]byte, compareAtOnce)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := r.Read(piece)
		size += int64(n)
		_, _ = digest.Write(piece[:n]) // never fails
		if n > 0 && took != nil {
			if err := took(n); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
	}
	switch {
	case size != want.size:
		return &DamageError{DamageSize, size, want.size}
	case !bytes.Equal(digest.Sum(nil), want.sha256):
		return &DamageError{Kind: DamageDigest}
	}
	return nil
}
