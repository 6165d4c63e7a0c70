package archive

import (
	"errors"
	"fmt"
)

var (
	// ErrPart is matched by the error of a part that joining refuses: cut,
	// changed, of another format, or of a version that this package does not
	// read. Making the part again helps.
	ErrPart = errors.New("archive: part refused")

	// ErrClosed is returned by Add when its part has been completed or
	// abandoned meanwhile.
	ErrClosed = errors.New("archive: part is closed")
)

// ReadError is a failure of the reader that was to be packed. Nothing of the
// file is in the part.
type ReadError struct {
	Name string // of the entry
	Err  error
}

func (e *ReadError) Error() string { return fmt.Sprintf("archive: read %s: %v", e.Name, e.Err) }

// Unwrap returns the reader's own error.
func (e *ReadError) Unwrap() error { return e.Err }

// refuse builds an error that matches ErrPart.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrPart, fmt.Sprintf(format, args...))
}
