package archive

import (
	"context"
	"io"
)

// TarGz returns the tar.gz format: a POSIX tar stream in one gzip member
// (RFC 1952).
func TarGz() Format { return NewTar(gzipCodec{}) }

// NewTar returns the format of a POSIX tar stream that is packed by c. Its name
// and extension are "tar." and the name of c.
//
// Headers, contents and padding are packed together, in segments of
// [Codec.SegmentSize]. The dictionary of a segment is the stream before it, but
// nothing of another part. A file of a segment or more has segments of its own,
// so that nothing of it is in the part if its reader fails.
func NewTar(c Codec) Format { return tarFormat{c} }

type tarFormat struct{ codec Codec }

func (f tarFormat) Name() string      { return "tar." + f.codec.Name() }
func (f tarFormat) Extension() string { return f.Name() }
func (f tarFormat) MediaType() string { return f.codec.MediaType() }
func (f tarFormat) Magic() []string   { return f.codec.Magic() }

func (f tarFormat) Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error {
	p := newPacker(ctx, body, o, f.codec)
	p.layout = &tarLayout{packer: p}
	return p.pack(tail, f.Name(), fn)
}

func (f tarFormat) PackPiece(ctx context.Context, body, tail io.Writer, o Options, r io.Reader) (Piece, error) {
	return packPiece(ctx, body, tail, o, f.codec, f.Name(), r)
}

// tarLayout makes a part one tar stream. Small files share segments; a large
// file begins and ends at the border of one.
type tarLayout struct {
	*packer
	pending []byte // the stream's last bytes, less than a segment
	window  []byte // what comes before pending in the stream
	header  []byte // of the last file, for reuse
}

const tarBlock = 512

var zeros [tarBlock]byte

func (l *tarLayout) small(e Entry, content []byte) error {
	defer l.pool.release(content)
	size := int64(len(content))
	return l.file(e, size, func() error { return l.write(content) })
}

func (l *tarLayout) large(e Entry, file *staged) error {
	return l.file(e, file.size, func() error { return l.splice(file) })
}

// file appends a header, contents, and padding to a whole block.
func (l *tarLayout) file(e Entry, size int64, contents func() error) error {
	header, err := appendTarHeader(l.header[:0], e, size)
	if err != nil {
		return err
	}
	l.header = header
	if err := l.write(header); err != nil {
		return err
	}
	if err := contents(); err != nil {
		return err
	}
	return l.write(zeros[:-size&(tarBlock-1)])
}

// write appends to the stream and packs every segment that is full.
func (l *tarLayout) write(b []byte) error {
	size := l.key.codec.SegmentSize()
	for len(b) > 0 {
		if l.pending == nil {
			l.pending = l.pool.buffer(size)
		}
		n := min(size-len(l.pending), len(b))
		l.pending = append(l.pending, b[:n]...)
		b = b[n:]
		if len(l.pending) == size {
			if err := l.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush packs what is pending as one segment.
func (l *tarLayout) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	raw, dict := l.pending, l.window
	l.pending = nil
	l.window = slide(dict, raw, l.key.codec.Window())
	return l.lane.pack(l.ctx, batch{raw: raw, dict: dict}, func(segments []Segment, packed []byte) error {
		defer l.pool.release(packed)
		if _, err := l.part.Write(packed); err != nil {
			return err
		}
		return l.part.recordSegments(segments)
	})
}

// splice appends the segments of a large file.
func (l *tarLayout) splice(file *staged) error {
	if err := l.flush(); err != nil {
		return err
	}
	l.window = file.window
	return l.lane.then(func(failed bool) error {
		defer file.discard() //nolint:errcheck // wait says it
		if err := file.wait(); err != nil || failed {
			return err
		}
		if _, err := file.WriteTo(l.part); err != nil {
			return err
		}
		return l.part.recordSegments(file.segments)
	})
}
