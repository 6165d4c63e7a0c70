package archive

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"time"
)

// Format is an archive container. Take one of this package or of a
// sub-package, or implement your own (see the package documentation). A Format is immutable and safe for
// concurrent use.
type Format interface {
	// Name is the format as users spell it, such as "tar.gz".
	Name() string

	// Extension is what a file name of this format ends in, without the
	// leading dot.
	Extension() string

	// MediaType is the archive's media type, such as "application/zip".
	MediaType() string

	// Magic returns the byte strings that an archive of this format can begin
	// with, whatever program made it. There is at least one, none is empty, and
	// none begins with another.
	Magic() []string

	// Pack makes one part. It calls fn once with a Packer that is valid until
	// fn returns. If fn returns nil the part is completed: its body has been
	// written to body and its tail to tail when Pack returns nil. If fn returns
	// an error or panics, or a write fails, the part is abandoned, what has
	// been written so far is of no use, and Pack returns the error. In every
	// case all of the part's goroutines have ended when Pack returns.
	//
	// Writes to body come from one goroutine at a time, writes to tail after
	// all of them; body and tail may be the same writer. Nothing more is
	// written once ctx has ended.
	Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error

	// Join makes one archive of finished parts. It calls fn once with a Joiner
	// that is valid until fn returns. If fn returns nil the archive is
	// completed on dst. If fn returns an error or a write fails, what has been
	// written so far is not an archive, and Join returns the error: publish dst
	// only if Join returns nil. Nothing more is written once ctx has ended.
	Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error

	// NewReader reads an archive of this format, whoever made it. The error
	// matches [ErrDamaged] if src is not of this format. A zip archive is read
	// in place from a source that is an [io.ReaderAt] and an [io.Seeker], and
	// else copied to scratch first.
	NewReader(src io.Reader, o ReadOptions) (Reader, error)
}

// DefaultFormats returns zip and tar.gz: the formats of packages that are given
// none.
func DefaultFormats() []Format { return []Format{Zip(), TarGz()} }

// Packer takes the files of one part. It is safe for concurrent use; files
// stand in the part in the order in which their readers came to an end.
type Packer interface {
	// Add reads r to its end and packs it as one file. It is all or nothing:
	// if it fails, nothing of the file is in the part and the part is intact.
	//
	// A failure of r is returned as a [*ReadError], a name that e must not have
	// as an error that matches [fs.ErrInvalid]; the part can go on. Any other
	// error but the context's is a failure of the part's own storage, and
	// every later Add fails too. Because packing runs behind Add, a
	// failure to write may also surface at a later Add or from Pack.
	//
	// Add may still be blocked in r.Read when fn of Pack returns (its caller
	// has given up on it): the file is then not part of the archive and Add
	// returns [ErrClosed] once r answers.
	Add(ctx context.Context, e Entry, r io.Reader) (File, error)
}

// Joiner takes the parts of one archive. One goroutine may call it at a time.
type Joiner interface {
	// Part appends a part whose body and tail are read from two independent
	// readers. The two must stand at the beginning of body and tail; body is
	// read exactly to its end, as the tail tells it, and may have more behind
	// it. A refused part gives an error that matches [ErrPart]. After any
	// error the archive is lost.
	Part(body, tail io.Reader) error
}

// Entry names a file to pack.
type Entry struct {
	// Name is the path in the archive: relative, with forward slashes, valid
	// UTF-8 as [fs.ValidPath] wants it, without NUL and at most 65,535 bytes
	// long. Pack does not look for duplicates: that is for who chooses names.
	Name string

	// ModTime is stored in UTC, cut to whole seconds. In zip that holds from
	// 1970 to 2037; other times become even seconds of the years 1980 to 2107.
	ModTime time.Time
}

// checkName finds names that a format cannot hold or that lead out of the
// folder in which an archive is unpacked.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, "\x00") || len(name) > math.MaxUint16 {
		return fmt.Errorf("archive: name %.100q: %w", name, fs.ErrInvalid)
	}
	return nil
}

// File tells what was packed.
type File struct {
	Name   string
	Size   int64 // bytes before packing
	SHA256 [sha256.Size]byte
}

// Options are the settings of packing and joining. The zero value is ready
// for use.
type Options struct {
	// Level is the compression level, 1 (fastest) to 9 (smallest). Defaults to
	// 6. Formats without levels ignore it.
	Level int

	// Pool packs segments in parallel. It is meant to be shared by all parts
	// that are packed at one time. Defaults to a pool of its own for each part.
	Pool *Pool

	// Scratch is the folder for temporary files. Defaults to [os.TempDir].
	Scratch string
}

func (o Options) level() int {
	if o.Level == 0 {
		return 6
	}
	return min(max(o.Level, 1), 9)
}

func (o Options) pool() *Pool {
	if o.Pool == nil {
		return NewPool(0)
	}
	return o.Pool
}
