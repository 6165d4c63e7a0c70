package export

import (
	"errors"
	"fmt"
)

var (
	// ErrSinkFailed is matched by the error of a sink that takes no more files: its
	// storage failed, its section is too large or out of time, or the export was
	// cancelled. A section returns it at once; its own result does not count then.
	ErrSinkFailed = errors.New("export: sink takes no more")

	// ErrTooLarge is matched when a section or an archive is larger than its limit.
	ErrTooLarge = errors.New("export: too large")

	// ErrTimeout is matched when a section took longer than it may.
	ErrTimeout = errors.New("export: section timed out")

	// ErrNoSpace is matched when the spool has too little free space to start. The error
	// is an [*OutageError]: it is not the fault of the export.
	ErrNoSpace = errors.New("export: not enough free space")

	// ErrRunning is matched when an engine is already exporting the job.
	ErrRunning = errors.New("export: job is running")

	// ErrNotFound is matched when something does not exist: a part, a section, a
	// job, an organization.
	ErrNotFound = errors.New("export: not found")
)

// PartError names a part that cannot be joined and has to be made again, because it is
// missing, damaged, of another version or made by another configuration (see [Digester]).
// It wraps [ErrNotFound] or [archive.ErrPart].
type PartError struct {
	Part PartID
	Err  error
}

func (e *PartError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PartError) Unwrap() error { return e.Err }

// NameError says why a name cannot be used in an archive.
type NameError struct {
	Name   string
	Reason string // such as "is not a relative path"
}

func (e *NameError) Error() string {
	return fmt.Sprintf("export: name %q %s", shortenTo(e.Name, maxNameText), e.Reason)
}

// Public returns a text with the name.
func (e *NameError) Public() string {
	return fmt.Sprintf("The name %q %s.", shortenTo(e.Name, maxNameText), e.Reason)
}

// maxNameText is how many bytes of a name are in the texts of an error.
const maxNameText = 300

// SourceError is a failure of a reader that a section gave to [Sink.Binary].
type SourceError struct {
	Name string // of the file
	Err  error
}

func (e *SourceError) Error() string { return fmt.Sprintf("export: read %s: %v", e.Name, e.Err) }

// Unwrap returns the reader's own error.
func (e *SourceError) Unwrap() error { return e.Err }

// Public returns the public text of the cause, or a fixed sentence.
func (e *SourceError) Public() string { return PublicTextOr(e.Err, "The file could not be read.") }

// PanicError is a panic of a section.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("export: section panicked: %v", e.Value) }

// PublicText returns what a customer may see of err: the text of the outermost error
// in its chain that has a method Public() string, else a fixed sentence. Causes are
// not for customers, because they may hold SQL, paths and addresses.
func PublicText(err error) string { return PublicTextOr(err, "An internal error occurred.") }

// PublicTextOr is [PublicText] with another fixed sentence.
func PublicTextOr(err error, otherwise string) string {
	var p interface{ Public() string }
	if errors.As(err, &p) {
		return p.Public()
	}
	return otherwise
}

// WithPublic wraps err so that customers see text. It returns nil if err is
// nil.
func WithPublic(err error, text string) error {
	if err == nil {
		return nil
	}
	return &publicError{err, text}
}

type publicError struct {
	err  error
	text string
}

func (e *publicError) Error() string  { return e.err.Error() }
func (e *publicError) Unwrap() error  { return e.err }
func (e *publicError) Public() string { return e.text }

// tooLarge returns the error of something that is larger than its limit.
func tooLarge(what string, limit int64) error {
	return WithPublic(fmt.Errorf("%w: %s has more than %d bytes", ErrTooLarge, what, limit),
		fmt.Sprintf("The %s is larger than the limit of %d bytes.", what, limit))
}
