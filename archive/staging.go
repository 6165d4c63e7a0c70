package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"sync/atomic"
)

// intake reads one file that is to be packed, and hashes it. It stops when the
// context ends or the part is closed. Errors of the reader become a ReadError.
type intake struct {
	ctx    context.Context
	closed *atomic.Bool // of the part
	entry  Entry
	r      io.Reader
	digest hash.Hash
	size   int64
	ended  bool
}

func newIntake(ctx context.Context, closed *atomic.Bool, e Entry, r io.Reader) (*intake, error) {
	if err := checkName(e.Name); err != nil {
		return nil, err
	}
	return &intake{ctx: ctx, closed: closed, entry: e, r: r, digest: sha256.New()}, nil
}

// fill reads until buf holds n bytes. It returns fewer only if the file has
// ended, however small the pieces are in which the reader gives it.
func (in *intake) fill(buf []byte, n int) ([]byte, error) {
	start, empty := len(buf), 0
	for len(buf) < n && !in.ended {
		if in.closed.Load() {
			return nil, ErrClosed
		}
		if in.ctx.Err() != nil {
			return nil, context.Cause(in.ctx)
		}
		k, err := in.r.Read(buf[len(buf):n])
		if k < 0 || k > n-len(buf) {
			return nil, &ReadError{in.entry.Name, errors.New("reader returned an impossible count")}
		}
		buf = buf[:len(buf)+k]
		switch {
		case err == io.EOF:
			in.ended = true
		case err != nil:
			return nil, in.failed(err)
		case k > 0:
			empty = 0
		default:
			if empty++; empty == maxEmptyReads {
				return nil, &ReadError{in.entry.Name, io.ErrNoProgress}
			}
		}
	}
	in.digest.Write(buf[start:])
	in.size += int64(len(buf) - start)
	return buf, nil
}

// maxEmptyReads is how often a reader may return nothing in a row, as in
// package bufio.
const maxEmptyReads = 100

// failed returns the error for a failure of the reader. If the context has ended
// too, that is the usual cause.
func (in *intake) failed(err error) error {
	if in.ctx.Err() != nil {
		return context.Cause(in.ctx)
	}
	return &ReadError{in.entry.Name, err}
}

// file describes the file once it has been read to its end.
func (in *intake) file() File {
	f := File{Name: in.entry.Name, Size: in.size}
	in.digest.Sum(f.SHA256[:0])
	return f
}

// staged is a file of a segment or more. It is packed into scratch until it is
// known to be whole.
type staged struct {
	packed   *Scratch
	size     int64     // of the file
	segments []Segment // about 24 bytes for each MiB of the file
	window   []byte    // the file's last bytes
}

// stage packs a file into scratch: first, which is a whole segment, and then
// the rest, from in. It also tells the part's lane of a failure of scratch or
// codec, because that is a failure of the part.
func stage(in *intake, part *lane, dir string, first []byte) (_ *staged, err error) {
	s := &staged{packed: NewScratch(dir)}
	pool, key := part.pool, part.key
	lane := newLane(pool, key)
	whole := false
	defer func() { // also when the reader panics
		cerr := lane.close()
		part.fail(cerr)
		if err == nil {
			err = cerr
		}
		if err != nil || !whole {
			s.packed.Close()
		}
	}()
	size, raw := key.codec.SegmentSize(), first
	for len(raw) > 0 {
		dict, full := s.window, len(raw) == size
		s.window = slide(dict, raw, key.codec.Window())
		if err := lane.pack(in.ctx, raw, dict, false, s.put); err != nil {
			return nil, err
		}
		if !full {
			break
		}
		if raw, err = in.fill(pool.buffer(size), size); err != nil {
			return nil, err
		}
	}
	whole, s.size = true, in.size
	return s, nil
}

func (s *staged) put(seg Segment, packed []byte) error {
	s.segments = append(s.segments, seg)
	_, err := s.packed.Write(packed)
	return err
}

// slide returns a copy of the last n bytes of window and next together.
func slide(window, next []byte, n int) []byte {
	if len(next) >= n {
		return append([]byte(nil), next[len(next)-n:]...)
	}
	keep := min(len(window), n-len(next))
	out := make([]byte, 0, keep+len(next))
	out = append(out, window[len(window)-keep:]...)
	return append(out, next...)
}
