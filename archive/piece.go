package archive

import (
	"context"
	"hash/crc32"
	"io"
	"sync/atomic"
)

// Piece is what [Format.PackPiece] has packed of a file. The headers of a file have sizes and
// check sums, so whoever joins the file needs them of each piece before the first body is read.
type Piece struct {
	Size   int64  `json:"size"`   // bytes before packing
	Packed int64  `json:"packed"` // bytes of the body
	CRC32  uint32 `json:"crc32"`  // of the bytes before packing, by the polynomial of IEEE 802.3
}

// PieceSource is what comes next in a file of pieces: Text, and then a piece.
type PieceSource struct {
	// Text is what is in no piece, such as the commas between them. It is packed when the
	// file is joined, so it should be short. It must not change until then.
	Text []byte

	// Piece is what PackPiece has returned.
	Piece Piece

	// Open opens the piece's body and tail. They are read independently, each from where its
	// reader stands. Then done is called, unless it is nil. If Open is nil there is no piece.
	Open func() (body, tail io.Reader, done func(), err error)
}

// packPiece does what [Format.PackPiece] does for the named format.
func packPiece(ctx context.Context, body, tail io.Writer, o Options, codec Codec, format string, r io.Reader) (Piece, error) {
	w := newPartWriter(guard{ctx, body}, o.Scratch)
	defer w.close()
	sum := crc32.NewIEEE()
	in := &intake{ctx: ctx, closed: new(atomic.Bool), r: r, digest: sum}
	if err := packSegments(in, w, o.pool(), encoderKey{codec, o.level()}); err != nil {
		return Piece{}, err
	}
	if err := w.writeTail(guard{ctx, tail}, pieceMagic, format); err != nil {
		return Piece{}, err
	}
	return Piece{Size: in.size, Packed: w.size, CRC32: sum.Sum32()}, nil
}

// packSegments packs a stream in segments that need nothing of each other, so that joining can
// unpack them in parallel.
func packSegments(in *intake, w *partWriter, pool *Pool, key encoderKey) (err error) {
	lane := newLane(pool, key)
	defer func() { // also when the reader panics
		if lerr := lane.close(); err == nil {
			err = lerr
		}
	}()
	put := func(segments []Segment, packed []byte) error {
		defer pool.release(packed)
		if _, err := w.Write(packed); err != nil {
			return err
		}
		return w.recordSegments(segments)
	}
	size := key.codec.SegmentSize()
	for !in.ended {
		raw, err := in.fill(pool.buffer(size), size)
		if err != nil {
			return err
		}
		if len(raw) == 0 {
			pool.release(raw)
			break
		}
		if err := lane.pack(in.ctx, batch{raw: raw}, put); err != nil {
			return err
		}
	}
	return nil
}
