package archive

import (
	"context"
	"io"
)

func (f tarFormat) Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error {
	dst = guard{ctx, dst}
	t := &tarJoin{dst: dst, codec: f.codec, level: o.level(), frame: f.codec.NewFrame()}
	if err := t.frame.Open(dst); err != nil {
		return err
	}
	j := &joiner{ctx: ctx, dst: dst, format: f.Name(), codec: f.codec, pool: o.pool(), layout: t}
	if err := j.run(fn); err != nil {
		return err
	}
	if err := t.pack(make([]byte, 2*tarBlock)); err != nil { // the end of a tar stream
		return err
	}
	return t.frame.Close(dst)
}

// tarJoin makes an archive one packed tar stream. What is in no part and in no piece has
// segments of its own.
type tarJoin struct {
	dst     io.Writer
	codec   Codec
	level   int
	frame   Frame
	encoder Encoder // nil until it is needed
	pending []byte  // of a file of pieces: what stands before the next one, less than a segment
	size    int64   // of that file
}

func (t *tarJoin) record(tail *tailReader, _ int64) (int64, error) {
	seg, err := tail.segment()
	if err != nil {
		return 0, err
	}
	if err := t.frame.Segment(seg); err != nil {
		return 0, refuse("%v", err)
	}
	return seg.Packed, nil
}

func (t *tarJoin) begin(e Entry, size int64, _ []PieceSource) error {
	t.size = size
	header, err := appendTarHeader(nil, e, size)
	if err != nil {
		return err
	}
	return t.text(header)
}

func (t *tarJoin) text(b []byte) error {
	size := t.codec.SegmentSize()
	for len(b) > 0 {
		n := min(size-len(t.pending), len(b))
		t.pending = append(t.pending, b[:n]...)
		b = b[n:]
		if len(t.pending) == size {
			if err := t.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tarJoin) segment(s Segment, packed []byte) error {
	if err := t.flush(); err != nil {
		return err
	}
	if err := t.frame.Segment(s); err != nil {
		return refuse("%v", err)
	}
	_, err := t.dst.Write(packed)
	return err
}

func (t *tarJoin) end() error {
	if err := t.text(zeros[:-t.size&(tarBlock-1)]); err != nil {
		return err
	}
	return t.flush()
}

// flush packs what is pending as one segment.
func (t *tarJoin) flush() error {
	if len(t.pending) == 0 {
		return nil
	}
	err := t.pack(t.pending)
	t.pending = t.pending[:0]
	return err
}

// pack packs raw as one segment.
func (t *tarJoin) pack(raw []byte) (err error) {
	if t.encoder == nil {
		if t.encoder, err = t.codec.NewEncoder(t.level); err != nil {
			return err
		}
	}
	packed, mark, err := t.encoder.Encode(nil, raw, nil, false)
	if err != nil {
		return err
	}
	if _, err := t.dst.Write(packed); err != nil {
		return err
	}
	return t.frame.Segment(Segment{Raw: int64(len(raw)), Packed: int64(len(packed)), Mark: mark})
}
