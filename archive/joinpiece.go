package archive

import (
	"crypto/sha256"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// File implements [Joiner].
func (j *joiner) File(e Entry, pieces []PieceSource) (File, error) {
	if j.err != nil {
		return File{}, j.err
	}
	f, err := j.file(e, pieces)
	if err != nil {
		j.err = err
		return File{}, err
	}
	return f, nil
}

// file hashes the file in the lane's goroutine, while this one copies.
func (j *joiner) file(e Entry, sources []PieceSource) (f File, err error) {
	if err := checkName(e.Name); err != nil {
		return f, err
	}
	f = File{Name: e.Name}
	if f.Size, err = sizeOf(sources); err != nil {
		return f, err
	}
	h := &pieceHash{lane: newLane(j.pool, encoderKey{unpackCodec{j.codec}, 0}), digest: sha256.New()}
	defer func() { // also when a reader panics
		if lerr := h.lane.close(); err == nil {
			err = lerr
		}
		h.digest.Sum(f.SHA256[:0])
	}()
	if err := j.layout.begin(e, f.Size, sources); err != nil {
		return f, err
	}
	for _, s := range sources {
		if err := j.text(h, s.Text); err != nil {
			return f, err
		}
		if err := j.piece(h, s); err != nil {
			return f, err
		}
	}
	return f, j.layout.end()
}

// sizeOf returns the size of a file of pieces.
func sizeOf(sources []PieceSource) (int64, error) {
	var size int64
	for _, s := range sources {
		size += int64(len(s.Text))
		if s.Open == nil {
			continue
		}
		if s.Piece.Size < 0 || s.Piece.Packed < 0 || max(s.Piece.Size, s.Piece.Packed) > math.MaxInt64/2-size {
			return 0, refuse("size out of range")
		}
		size += s.Piece.Size
	}
	return size, nil
}

func (j *joiner) text(h *pieceHash, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if err := j.layout.text(b); err != nil {
		return err
	}
	return h.lane.then(func(failed bool) error {
		if !failed {
			h.digest.Write(b)
		}
		return nil
	})
}

// piece copies a piece and makes sure that it is the one that the headers tell of.
func (j *joiner) piece(h *pieceHash, s PieceSource) error {
	if s.Open == nil {
		return nil
	}
	body, tail, done, err := s.Open()
	if err != nil {
		return err
	}
	if done != nil {
		defer done()
	}
	t, err := readTail(tail, pieceMagic, j.format)
	if err != nil {
		return err
	}
	if t.BodySize != s.Piece.Packed {
		return refuse("piece has %d packed bytes, want %d", t.BodySize, s.Piece.Packed)
	}
	if err := j.segments(h, t, body); err != nil {
		return err
	}
	if err := t.end(); err != nil {
		return err
	}
	return h.lane.then(func(failed bool) error {
		if !failed && (h.size != s.Piece.Size || h.sum != s.Piece.CRC32) {
			return refuse("piece has other bytes than were packed")
		}
		h.size, h.sum = 0, 0
		return nil
	})
}

// segments copies the body of a piece segment by segment, and hands each in for unpacking.
func (j *joiner) segments(h *pieceHash, t *tailReader, body io.Reader) error {
	body, done := j.ahead(t, body)
	defer done()
	var offset int64
	var sum uint32
	size := j.codec.SegmentSize()
	for range t.Records {
		seg, err := t.segment()
		if err != nil {
			return err
		}
		if seg.Raw > int64(size) || seg.Packed > min(t.BodySize-offset, int64(packedSize(size))) {
			return refuse("segment is too long")
		}
		stream, packed, err := j.read(seg, body)
		if err != nil {
			return err
		}
		offset += seg.Packed
		sum = crc32.Update(sum, castagnoli, packed)
		if err := j.layout.segment(seg, packed); err != nil {
			return err
		}
		if err := h.lane.pack(j.ctx, batch{raw: stream, room: size + 1}, h.put(seg)); err != nil {
			return err
		}
	}
	if offset < t.BodySize {
		return refuse("records cover less than the body")
	}
	if sum != t.bodySum {
		return refuse("body has changed")
	}
	return nil
}

// read reads a segment into a buffer of the pool. It puts a frame around it, so that it is a
// stream that can be unpacked by itself.
func (j *joiner) read(seg Segment, body io.Reader) (stream, packed []byte, err error) {
	const frames = 256 // more than a frame takes
	out := &appender{j.pool.buffer(int(seg.Packed) + frames)}
	frame := j.codec.NewFrame()
	if err := frame.Open(out); err != nil {
		return nil, nil, err
	}
	begin, n := len(out.b), int(seg.Packed)
	out.b = slices.Grow(out.b, n)[:begin+n]
	if k, err := io.ReadFull(body, out.b[begin:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = refuse("body ends in a segment, after %d bytes of %d", k, n)
		}
		return nil, nil, err
	}
	if err := frame.Segment(seg); err != nil {
		return nil, nil, refuse("%v", err)
	}
	if err := frame.Close(out); err != nil {
		return nil, nil, err
	}
	return out.b, out.b[begin : begin+n], nil
}

// pieceHash hashes a file while it is joined. The lane unpacks the segments of its pieces.
type pieceHash struct {
	lane   *lane
	digest hash.Hash // of the file
	size   int64     // of the piece, up to now
	sum    uint32    // likewise, its CRC-32
}

// put returns what hashes a segment when it is unpacked.
func (h *pieceHash) put(seg Segment) putFunc {
	return func(unpacked []Segment, raw []byte) error {
		defer h.lane.pool.release(raw)
		if int64(len(raw)) != seg.Raw {
			return refuse("segment has %d bytes, want %d", len(raw), seg.Raw)
		}
		h.digest.Write(raw)
		h.size += seg.Raw
		h.sum = combineCRC(h.sum, uint32(unpacked[0].Mark), seg.Raw)
		return nil
	}
}
