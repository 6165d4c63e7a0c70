package archive

import (
	"errors"
	"fmt"
)

// Errors of packing and joining.
var (
	// ErrPart is matched by the error for a part or a piece that cannot be joined: it was
	// cut or changed, or it is of another format or of a version that this
	// package does not read. Pack it again.
	ErrPart = errors.New("archive: part refused")

	// ErrClosed is returned by [Packer.Add] after its part has ended.
	ErrClosed = errors.New("archive: part is closed")
)

// Errors of reading.
var (
	// ErrDamaged is matched by the error for an archive that was cut or changed,
	// or is not of the format.
	ErrDamaged = errors.New("archive: damaged")

	// ErrUnsafe is matched by the error for an archive that must not be
	// unpacked: it could write outside of its folder, make something other than
	// files and folders, or be understood differently by different programs.
	ErrUnsafe = errors.New("archive: unsafe")

	// ErrBomb is matched by the error for an archive that exceeds
	// [ReadOptions].
	ErrBomb = errors.New("archive: over the limits")

	errReaderClosed = errors.New("archive: reader is closed")
)

// ReadError is returned by [Packer.Add] when the reader of a file fails.
// Nothing of the file is in the part. [Format.PackPiece] returns it for its reader.
type ReadError struct {
	Name string // of the entry; empty for a piece
	Err  error
}

func (e *ReadError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("archive: read a piece: %v", e.Err)
	}
	return fmt.Sprintf("archive: read %s: %v", e.Name, e.Err)
}

// Unwrap returns the reader's own error.
func (e *ReadError) Unwrap() error { return e.Err }

// refuse returns an error that matches ErrPart.
func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrPart, fmt.Sprintf(format, args...))
}

// damaged returns an error that matches ErrDamaged.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// refuseUnsafe returns an error that matches ErrUnsafe.
func refuseUnsafe(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsafe, fmt.Sprintf(format, args...))
}
