package archive

import (
	"context"
	"io"
)

func (f tarFormat) Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error {
	dst = guard{ctx, dst}
	j := &tarJoiner{dst: dst, format: f.Name(), frame: f.codec.NewFrame()}
	if err := j.frame.Open(dst); err != nil {
		return err
	}
	err := fn(j)
	if err == nil {
		err = j.err
	}
	if err != nil {
		return err
	}
	// The end of a tar stream is two blocks of zeros, packed like the rest.
	var seg Segment
	enc, err := f.codec.NewEncoder(o.level())
	if err != nil {
		return err
	}
	packed, mark, err := enc.Encode(nil, make([]byte, 2*tarBlock), nil, false)
	if err != nil {
		return err
	}
	seg = Segment{Raw: 2 * tarBlock, Packed: int64(len(packed)), Mark: mark}
	if _, err := dst.Write(packed); err != nil {
		return err
	}
	if err := j.frame.Segment(seg); err != nil {
		return err
	}
	return j.frame.Close(dst)
}

// tarJoiner copies bodies and tells the frame of their segments.
type tarJoiner struct {
	dst    io.Writer
	format string
	frame  Frame
	err    error
}

func (j *tarJoiner) Part(body, tail io.Reader) error {
	if j.err == nil {
		j.err = j.part(body, tail)
	}
	return j.err
}

func (j *tarJoiner) part(body, tail io.Reader) error {
	t, err := readTail(tail, j.format)
	if err != nil {
		return err
	}
	if err := t.copyBody(j.dst, body); err != nil {
		return err
	}
	rest := t.BodySize
	for range t.Records {
		seg, err := readSegment(t)
		if err != nil {
			return err
		}
		if rest -= seg.Packed; rest < 0 {
			return refuse("segments are longer than the body")
		}
		if err := j.frame.Segment(seg); err != nil {
			return refuse("%v", err)
		}
	}
	if rest > 0 {
		return refuse("segments are shorter than the body")
	}
	return t.end()
}

func readSegment(t *tailReader) (s Segment, err error) {
	if s.Raw, err = t.length(); err != nil {
		return s, err
	}
	if s.Packed, err = t.length(); err != nil {
		return s, err
	}
	s.Mark, err = t.uvarint()
	return s, err
}
