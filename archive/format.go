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

// Format is a kind of archive. Take one of this package or of a sub-package, or
// implement your own as the package documentation says. The methods of a Format
// must be safe for concurrent use.
type Format interface {
	// Name is the format as users spell it, such as "tar.gz".
	Name() string

	// Extension is what the names of archives end in, without a dot before it.
	Extension() string

	// MediaType is the media type of archives, such as "application/zip".
	MediaType() string

	// Magic returns the byte strings that tell the format: every archive of it
	// begins with one of them, whatever program made it, and no archive of
	// another format does. There is at least one, none is empty, and none is the
	// beginning of another.
	Magic() []string

	// Pack makes a part. It calls fn once; fn adds files to the Packer, which
	// is valid until fn returns. If fn returns nil, Pack completes the part: it
	// returns nil when the whole body and the whole tail have been written. If
	// fn returns an error or a write fails, Pack returns that error, and what
	// has been written is not a part. If fn panics, so does Pack. In every case
	// all goroutines of the part have ended.
	//
	// The tail is written after the body, and by one goroutine at a time, so
	// body and tail may be the same writer. Nothing is written once ctx has
	// ended.
	Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error

	// PackPiece reads r to its end and packs it as a piece of a file, which
	// [Joiner.File] joins. If it returns an error, what has been written is not a
	// piece: that is a [*ReadError] without a name if r failed. Everything else is
	// as in Pack: where body and tail are written, ctx, panics and goroutines.
	PackPiece(ctx context.Context, body, tail io.Writer, o Options, r io.Reader) (Piece, error)

	// Join makes an archive of parts and of files of pieces. It calls fn once; fn
	// hands them to the Joiner, which is valid until fn returns. If fn returns nil,
	// Join completes the archive. If fn returns an error, a part is refused or a
	// write fails, Join returns that error, and what has been written to dst is
	// not an archive: publish it only if Join returns nil. Nothing is written
	// once ctx has ended.
	Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error

	// NewReader reads an archive, whoever made it. The error matches
	// [ErrDamaged] if src is not of this format. Some formats, such as zip, want
	// to read at any place: they do so if src is an [io.ReaderAt] and an
	// [io.Seeker], and else copy it to [ReadOptions.Scratch] first.
	NewReader(src io.Reader, o ReadOptions) (Reader, error)
}

// DefaultFormats returns zip and tar.gz, in this order. Packages that are
// configured with formats use them by default.
func DefaultFormats() []Format { return []Format{Zip(), TarGz()} }

// Packer takes the files of a part. It is safe for concurrent use. The order of
// the files is that in which their readers ended.
type Packer interface {
	// Add reads r to its end and packs it as one file. If it returns an error,
	// nothing of the file is in the part.
	//
	// The part can go on after three kinds of errors: a [*ReadError], if r
	// failed; an error that matches [fs.ErrInvalid], if e has a name that is
	// not allowed; and the cause of ctx, if ctx ended. After any other error
	// every later Add fails, and so does Pack. As packing goes on after Add has
	// returned, a failed write may only show in a later Add or in Pack.
	//
	// If fn of [Format.Pack] returns while Add waits for r, the file is not in
	// the part, and Add returns [ErrClosed] as soon as r answers.
	Add(ctx context.Context, e Entry, r io.Reader) (File, error)
}

// Joiner takes what an archive is made of, in order. One goroutine may use it at a time.
type Joiner interface {
	// Part appends a part. Its body and its tail are read independently, each
	// from where its reader stands. Of body no more is read than belongs to the
	// part. The error matches [ErrPart] if the part is refused. After any error
	// the archive is lost.
	Part(body, tail io.Reader) error

	// File appends one file, which it makes of pieces in their order. At most one
	// of them is open at a time. The error matches [ErrPart] if a piece is refused,
	// and [fs.ErrInvalid] if e has a name that is not allowed. After any error the
	// archive is lost.
	//
	// Packed bytes are only copied, as those of a part. But no SHA-256 of a file
	// follows from those of its pieces, so each piece is also unpacked while it is
	// copied, in parallel by [Options.Pool], and what comes out must be what was
	// packed. With the hash that takes about 2.5 seconds of processor time for 1 GB
	// of text in tar.gz and zip, and in all formats about a quarter of what packing
	// took. The hash alone, which is sequential, takes one second for 1 to 2 GB.
	//
	// Packed pieces are larger than a part by less than 1 %.
	File(e Entry, pieces []PieceSource) (File, error)
}

// Entry names a file to pack.
type Entry struct {
	// Name is the path in the archive. It must satisfy [fs.ValidPath], have no
	// NUL, be at most 65,535 bytes long, and not be ".". Names that are already
	// in the archive are not refused: whoever chooses the names must look.
	Name string

	// ModTime is stored in UTC, in whole seconds. Zip archives keep it exactly
	// from 1970 to 2037, and else as an even second of the years 1980 to 2107.
	ModTime time.Time
}

// checkName refuses names that a format cannot hold or that lead out of the
// folder in which an archive is unpacked.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.Contains(name, "\x00") || len(name) > math.MaxUint16 {
		return fmt.Errorf("archive: name %.100q: %w", name, fs.ErrInvalid)
	}
	return nil
}

// File is what [Packer.Add] has packed or [Joiner.File] has joined.
type File struct {
	Name   string
	Size   int64 // bytes before packing
	SHA256 [sha256.Size]byte
}

// Options are settings of packing and joining. The zero value is ready for use.
type Options struct {
	// Level is the compression level, from 1 (fastest) to 9 (smallest). Defaults
	// to 6; other numbers count as the nearest level. Some formats ignore it.
	Level int

	// Pool packs files in parallel, and unpacks pieces that are joined. Share one
	// among all that are packed and joined at the same time. Defaults to a pool of
	// its own for each part, piece and archive.
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
