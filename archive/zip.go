package archive

import (
	"context"
	"io"
)

// Zip returns the zip format (PKWARE's APPNOTE.TXT 6.3.10). Its archives have
// the sizes of a file in its local header, not in a data descriptor, names in
// UTF-8, and zip64 records only where they are needed. A file that does not
// shrink is stored, unless it has pieces. Files are packed in parallel, and so are the
// segments of a large file.
func Zip() Format { return zipFormat{} }

type zipFormat struct{}

func (zipFormat) Name() string      { return "zip" }
func (zipFormat) Extension() string { return "zip" }
func (zipFormat) MediaType() string { return "application/zip" }

// Magic returns the signatures of a local header and of the end record. An
// archive without files begins with the latter.
func (zipFormat) Magic() []string { return []string{"PK\x03\x04", "PK\x05\x06"} }

func (f zipFormat) Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error {
	p := newPacker(ctx, body, o, zipCodec{})
	p.layout = &zipLayout{packer: p}
	return p.pack(tail, f.Name(), fn)
}

// PackPiece packs as for tar.gz: no piece knows whether the file is to be stored or deflated, so
// what does not shrink is in stored blocks.
func (f zipFormat) PackPiece(ctx context.Context, body, tail io.Writer, o Options, r io.Reader) (Piece, error) {
	return packPiece(ctx, body, tail, o, gzipCodec{}, f.Name(), r)
}

// zipLayout makes a part a run of files, each behind its local header. Small files are
// packed in batches, because it takes longer to hand one on than to pack it.
type zipLayout struct {
	*packer
	raw     []byte // the contents of a batch, one behind the other
	ends    []int  // where each ends
	entries []Entry
	size    int // of contents and names, and what is noted of each file
}

const (
	// zipBatch is about how many bytes a batch has.
	zipBatch = 256 << 10

	// zipNoted is about how much is noted of a file beside its name: a batch has few files even
	// if all of them are empty.
	zipNoted = 128
)

// small adds a file to the batch, as a segment of its own.
func (l *zipLayout) small(e Entry, content []byte) error {
	size := len(content) + len(e.Name) + zipNoted
	if l.size+size > zipBatch {
		if err := l.flush(); err != nil {
			return err
		}
	}
	if l.raw == nil {
		l.raw = content
	} else {
		l.raw = append(l.raw, content...)
		l.pool.release(content)
	}
	l.ends, l.entries = append(l.ends, len(l.raw)), append(l.entries, e)
	l.size += size
	return nil
}

// flush packs the batch.
func (l *zipLayout) flush() error {
	if len(l.entries) == 0 {
		return nil
	}
	b, entries := batch{raw: l.raw, ends: l.ends, last: true}, l.entries
	l.raw, l.ends, l.entries, l.size = nil, nil, nil, 0
	return l.lane.pack(l.ctx, b, func(segments []Segment, packed []byte) error {
		defer l.pool.release(packed)
		rest := packed
		for i, seg := range segments {
			h := newZipHeader(entries[i], methodDeflate, zipSum(seg.Mark), seg.Raw, seg.Packed)
			if zipRaw(seg.Mark) {
				h.method = methodStore
			}
			content := rest[:seg.Packed]
			rest = rest[seg.Packed:]
			if err := l.write(h, func() error {
				_, err := l.part.Write(content)
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *zipLayout) large(e Entry, file *staged) error {
	if err := l.flush(); err != nil {
		return err
	}
	return l.lane.then(func(failed bool) error {
		defer file.discard() //nolint:errcheck // wait says it
		if err := file.wait(); err != nil || failed {
			return err
		}
		return l.writeLarge(e, file)
	})
}

// writeLarge stores a file if none of its segments shrank. Else it deflates the
// file, and the segments that did not shrink become stored blocks in between.
func (l *zipLayout) writeLarge(e Entry, file *staged) error {
	var sum uint32
	var packed int64
	stored := true
	for _, s := range file.segments {
		sum = combineCRC(sum, zipSum(s.Mark), s.Raw)
		if zipRaw(s.Mark) {
			packed += int64(storedSize(int(s.Raw)))
		} else {
			stored = false
			packed += s.Packed
		}
	}
	if stored {
		return l.write(newZipHeader(e, methodStore, sum, file.size, file.size), func() error {
			_, err := file.WriteTo(l.part)
			return err
		})
	}
	packed += int64(len(deflateEnd))
	return l.write(newZipHeader(e, methodDeflate, sum, file.size, packed), func() error {
		framer := &storedFramer{dst: l.part, segments: file.segments}
		if _, err := file.WriteTo(framer); err != nil {
			return err
		}
		_, err := l.part.Write(deflateEnd)
		return err
	})
}

// write appends a file's local header and content to the body, and its record to
// the tail.
func (l *zipLayout) write(h zipHeader, content func() error) error {
	h.offset = l.part.size
	if _, err := l.part.Write(h.local()); err != nil {
		return err
	}
	if err := content(); err != nil {
		return err
	}
	return l.part.record(h.record())
}
