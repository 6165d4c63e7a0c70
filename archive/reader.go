package archive

import (
	"fmt"
	"io/fs"
	"strings"
	"time"
	"unicode/utf8"
)

// Reader reads an archive file by file, in its order and in bounded memory. The
// archive may come from anywhere, and the Reader trusts nothing in it: lengths
// and check sums must be true, what is said in two places must agree, and names
// must be safe to unpack. One goroutine may use it at a time.
//
// From [Format.NewReader] until Close, another goroutine may read the source
// ahead of what was asked for. If the source panics, so does the method that
// needs its bytes.
//
// An error matches [ErrDamaged], [ErrUnsafe] or [ErrBomb], or is the source's
// own. After an error the Reader can only be closed.
type Reader interface {
	// Next goes on to the next file. It first checks the rest of the file
	// before. Behind the last file it checks the rest of the archive and
	// returns [io.EOF].
	Next() (Header, error)

	// Read reads the contents of the current file. It returns [io.EOF] at their
	// end if they are what the archive declares.
	Read(p []byte) (int, error)

	// Close releases what the Reader holds. It waits for a read of the source
	// that has begun, and does not close the source. Closing again does
	// nothing.
	Close() error
}

// Header describes a file or a folder in an archive.
type Header struct {
	Name    string // that of a folder has no slash at its end
	Size    int64  // bytes, as the archive declares it
	ModTime time.Time
	Folder  bool
}

// ReadOptions are the limits of reading. The zero value is ready for use.
type ReadOptions struct {
	// MaxBytes bounds the bytes of all files together, in tar formats with their
	// headers. Defaults to 1 TiB; negative means no limit.
	MaxBytes int64

	// MaxFiles bounds the number of files and folders. Defaults to 10 million;
	// negative means no limit.
	MaxFiles int64

	// MaxRatio bounds how many bytes of files may come from a byte of the
	// archive, on average so far. It counts once the files have more than
	// 64 MiB. Defaults to 5,000; negative means no limit. DEFLATE reaches 1,032
	// at most.
	MaxRatio int64

	// Scratch is the folder for a copy of the archive, if the format needs one
	// (see [Format.NewReader]). Defaults to [os.TempDir].
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

// ratioFrom is how many bytes the files may have before MaxRatio counts.
const ratioFrom = 64 << 20

// meter enforces the limits of reading.
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

// content counts n more bytes of files. read is how many bytes of the archive
// have been read.
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

// cleanName returns the name of a file or folder if it is safe: a relative path
// that stays inside the folder in which it is unpacked, on any system. It takes
// away "./" at the beginning, which tar writes, and the slash behind a folder.
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
