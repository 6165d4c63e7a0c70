package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
)

// Reader reads an archive that may come from anywhere, file by file in its
// order, in bounded memory. It believes nothing: what two places of an archive
// say must agree, declared lengths and check sums must be true, and names must
// be safe to unpack. One goroutine may use it at a time.
//
// The source may be read by another goroutine, somewhat ahead of what is asked
// for, from [Format.NewReader] until Close returns. If reading it panics, so
// does the method that needs what it was to give.
//
// Errors match [ErrDamaged], [ErrUnsafe] or [ErrBomb], or are the source's own.
// After an error the Reader is of no more use but to be closed.
type Reader interface {
	// Next goes on to the next file; what has not been read of the one before
	// is checked all the same. It returns [io.EOF] behind the last file, when
	// everything that follows it has been checked too.
	Next() (Header, error)

	// Read reads the contents of the file that Next returned last. It returns
	// [io.EOF] when they have ended and are what the archive declares.
	Read(p []byte) (int, error)

	// Close gives back what the Reader holds, and waits for a read of the
	// source that is under way. It does not close the source. Closing again
	// does nothing.
	Close() error
}

// Header tells about a file in an archive.
type Header struct {
	Name    string // without a slash at the end, if it is a folder
	Size    int64  // bytes, as the archive declares it
	ModTime time.Time
	Folder  bool
}

// ReadOptions are the limits of reading. The zero value is ready for use.
type ReadOptions struct {
	// MaxBytes bounds what all files are together. Defaults to 1 TiB; negative
	// means no limit.
	MaxBytes int64

	// MaxFiles bounds how many files and folders there are. Defaults to 10
	// million; negative means no limit.
	MaxFiles int64

	// MaxRatio bounds how many times larger than the archive's bytes read so
	// far the files may be, once they are over 64 MiB. Defaults to 5,000;
	// negative means no limit. DEFLATE reaches 1,032 at most.
	MaxRatio int64

	// Scratch is the folder for a copy of a zip archive whose source cannot
	// seek. Defaults to [os.TempDir].
	Scratch string
}

func (o ReadOptions) withDefaults() ReadOptions {
	for _, d := range []struct {
		field *int64
		value int64
	}{{&o.MaxBytes, 1 << 40}, {&o.MaxFiles, 10_000_000}, {&o.MaxRatio, 5000}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return o
}

var (
	// ErrDamaged is matched when an archive is cut, changed, or not of the
	// format.
	ErrDamaged = errors.New("archive: damaged")

	// ErrUnsafe is matched when unpacking could write outside of a folder, make
	// anything but files and folders, or do different things with different
	// programs.
	ErrUnsafe = errors.New("archive: unsafe")

	// ErrBomb is matched when an archive goes over the limits of reading.
	ErrBomb = errors.New("archive: over the limits")
)

var errReaderClosed = errors.New("archive: reader is closed")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

func refuseUnsafe(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnsafe, fmt.Sprintf(format, args...))
}

// ratioFrom is how large files may be together before their ratio counts.
const ratioFrom = 64 << 20

// meter keeps the limits of reading.
type meter struct {
	limits ReadOptions
	bytes  int64
	files  int64
}

// file counts a file that is about to be read.
func (m *meter) file(declared int64) error {
	m.files++
	if m.limits.MaxFiles >= 0 && m.files > m.limits.MaxFiles {
		return fmt.Errorf("%w: more than %d files", ErrBomb, m.limits.MaxFiles)
	}
	if m.limits.MaxBytes >= 0 && declared > m.limits.MaxBytes-m.bytes {
		return fmt.Errorf("%w: more than %d bytes", ErrBomb, m.limits.MaxBytes)
	}
	return nil
}

// content counts n bytes that came out of the first read bytes of the archive.
func (m *meter) content(n int, read int64) error {
	m.bytes += int64(n)
	if m.limits.MaxBytes >= 0 && m.bytes > m.limits.MaxBytes {
		return fmt.Errorf("%w: more than %d bytes", ErrBomb, m.limits.MaxBytes)
	}
	if m.limits.MaxRatio >= 0 && m.bytes > ratioFrom && m.bytes/m.limits.MaxRatio > read {
		return fmt.Errorf("%w: files are more than %d times larger than the archive", ErrBomb, m.limits.MaxRatio)
	}
	return nil
}

// cleanName returns the name of a file or folder if it is safe: a relative
// path that stays below where it is unpacked, on any system. "./" before it,
// as tar writes, and the slash behind a folder are taken away.
func cleanName(name string, folder bool) (string, error) {
	clean := strings.TrimPrefix(name, "./")
	if folder {
		clean = strings.TrimSuffix(clean, "/")
	}
	if clean == "" && folder {
		return ".", nil
	}
	switch {
	case !utf8.ValidString(clean):
		return "", refuseUnsafe("name %q is not UTF-8", name)
	case !fs.ValidPath(clean), clean == ".":
		return "", refuseUnsafe("name %q is not a plain relative path", name)
	case strings.ContainsFunc(clean, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' || r == ':' }):
		return "", refuseUnsafe("name %q has a character that is not plain", name)
	}
	return clean, nil
}
