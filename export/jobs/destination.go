package jobs

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/export"
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

// objectPrefix begins the keys of all archives of a job.
func objectPrefix(j Job) string { return j.Organization.ID + "/" + j.ID + "/" }

// objectKey is the key of the archive that an attempt at a job makes.
func objectKey(j Job, extension string) string {
	return objectPrefix(j) + strconv.Itoa(j.Attempt) + "." + extension
}

// parseObjectKey returns the prefix of a key that objectKey has made.
func parseObjectKey(key string) (prefix string, ok bool) {
	fields := strings.Split(key, "/")
	if len(fields) != 3 {
		return "", false
	}
	number, extension, _ := strings.Cut(fields[2], ".")
	attempt, err := strconv.Atoi(number)
	j := Job{ID: fields[1], Organization: export.Organization{ID: fields[0]}, Attempt: attempt}
	return objectPrefix(j), err == nil && extension != "" && key == objectKey(j, extension)
}
