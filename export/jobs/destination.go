package jobs

import (
	"context"
	"io"
)

// Destination keeps finished archives. Keys satisfy [io/fs.ValidPath] and have
// letters, digits, dots, hyphens and underscores in their elements. It is safe
// for concurrent use.
type Destination interface {
	// Put stores what write writes under a key, replacing what was there. The
	// object exists once Put has returned nil, and survives a crash then; if
	// write fails or panics, or ctx ends, nothing of it does and what was there
	// is kept.
	Put(ctx context.Context, key string, write func(io.Writer) error) error

	// Open reads an object; the error matches [export.ErrNotFound] if there is none. It
	// may be opened several times at once.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)

	// Delete removes an object; removing one that does not exist is no error.
	Delete(ctx context.Context, key string) error

	// List returns the keys that begin with prefix, in no order.
	List(ctx context.Context, prefix string) ([]string, error)
}
