package archive

import (
	"context"
	"hash/crc32"
	"io"
)

// joiner copies the bodies of parts and of pieces. What is around them is up to the layout.
type joiner struct {
	ctx    context.Context
	dst    io.Writer
	format string
	codec  Codec // of pieces
	pool   *Pool // unpacks them
	layout joinLayout
	chunks [][]byte // for reading ahead; nil until they are needed
	err    error
}

// joinLayout makes an archive of parts and of files of pieces, as a format wants it. It writes
// what is in none of their bodies.
type joinLayout interface {
	// record reads the next record of a part's tail. The record describes a stretch of the
	// body, which begins at offset; record returns its length.
	record(t *tailReader, offset int64) (length int64, err error)

	// begin writes what stands before a file of pieces.
	begin(e Entry, size int64, sources []PieceSource) error

	// text writes bytes of the file that are in no piece.
	text(b []byte) error

	// segment writes a segment of a piece.
	segment(s Segment, packed []byte) error

	// end writes what stands behind the file.
	end() error
}

// run lets fn use the joiner.
func (j *joiner) run(fn func(Joiner) error) error {
	if err := fn(j); err != nil {
		return err
	}
	return j.err // fn may have ignored it
}

// Part implements [Joiner].
func (j *joiner) Part(body, tail io.Reader) error {
	if j.err == nil {
		j.err = j.part(body, tail)
	}
	return j.err
}

// part makes sure that the stretches of the body are as long as the body.
func (j *joiner) part(body, tail io.Reader) error {
	t, err := readTail(tail, partMagic, j.format)
	if err != nil {
		return err
	}
	if err := j.copyBody(t, body); err != nil {
		return err
	}
	var offset int64
	for range t.Records {
		n, err := j.layout.record(t, offset)
		if err != nil {
			return err
		}
		if n < 0 || n > t.BodySize-offset {
			return refuse("records cover more than the body")
		}
		offset += n
	}
	if offset < t.BodySize {
		return refuse("records cover less than the body")
	}
	return t.end()
}

// copySize is how much is copied at a time.
const copySize = 256 << 10

// ahead returns a reader of the tail's body and no more. A large one is read ahead, until done
// is called.
func (j *joiner) ahead(t *tailReader, body io.Reader) (r io.Reader, done func()) {
	body = io.LimitReader(body, t.BodySize)
	if t.BodySize <= copySize {
		return body, func() {}
	}
	if j.chunks == nil {
		j.chunks = newChunks(copySize)
	}
	a := newReadAhead(body, &source{}, j.chunks)
	return a, a.Close
}

// copyBody copies the tail's body and checks it.
func (j *joiner) copyBody(t *tailReader, body io.Reader) error {
	sum := crc32.New(castagnoli)
	body, done := j.ahead(t, body)
	defer done()
	n, err := io.Copy(io.MultiWriter(j.dst, sum), body)
	if err != nil {
		return err
	}
	if n < t.BodySize {
		return refuse("body ends after %d bytes of %d", n, t.BodySize)
	}
	if sum.Sum32() != t.bodySum {
		return refuse("body has changed")
	}
	return nil
}
