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

// staged is a file of a segment or more. What is packed of it waits until the file is known
// to be whole: in memory as long as the pool has room, and else in scratch.
type staged struct {
	lane     *lane
	kept     [][]byte // packed segments, if scratch is empty
	scratch  *Scratch
	backlog  *backlog
	counted  bool      // in the backlog
	size     int64     // of the file
	segments []Segment // about 24 bytes for each MiB of the file
	window   []byte    // the file's last bytes
}

// stage reads a file to its end and packs it: first, which is a whole segment, and then
// the rest, from in. When it returns, the last segments may still be packed: see wait.
// It tells the part's lane of a failure of scratch or codec, because that is a failure of
// the part.
func stage(in *intake, p *packer, first []byte) (_ *staged, err error) {
	s := &staged{lane: newLane(p.pool, p.key), scratch: NewScratch(p.scratch), backlog: &p.backlog}
	whole := false
	defer func() {
		s.lane.finish()
		if err != nil || !whole { // the reader may have panicked
			p.lane.fail(s.discard())
		}
	}()
	pool, codec := p.pool, p.key.codec
	size, raw := codec.SegmentSize(), first
	for len(raw) > 0 {
		dict, full := s.window, len(raw) == size
		s.window = slide(dict, raw, codec.Window())
		if err := s.lane.pack(in.ctx, batch{raw: raw, dict: dict}, s.put); err != nil {
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

// put keeps what was packed. It is a putFunc.
func (s *staged) put(segments []Segment, packed []byte) error {
	s.segments = append(s.segments, segments...)
	if s.scratch.Size() == 0 {
		if b, ok := s.lane.pool.keep(packed); ok {
			s.kept = append(s.kept, b)
			return nil
		}
		s.count()
	}
	_, err := s.writeKept(s.scratch) // for files that are shorter
	if err == nil {
		_, err = s.scratch.Write(packed)
	}
	s.lane.pool.release(packed)
	return err
}

// count counts the file in the backlog from now on.
func (s *staged) count() {
	if !s.counted {
		s.backlog.add()
		s.counted = true
	}
}

// wait waits until the whole file is packed.
func (s *staged) wait() error { return s.lane.wait() }

// WriteTo writes the packed file. It is called once, after wait.
func (s *staged) WriteTo(w io.Writer) (int64, error) {
	n, err := s.writeKept(w)
	if err != nil {
		return n, err
	}
	more, err := s.scratch.WriteTo(w)
	return n + more, err
}

// writeKept writes the segments that wait in memory, and gives their places back.
func (s *staged) writeKept(w io.Writer) (n int64, err error) {
	for len(s.kept) > 0 {
		if err == nil {
			var k int
			k, err = w.Write(s.kept[0])
			n += int64(k)
		}
		s.lane.pool.drop(s.kept[0])
		s.kept = s.kept[1:]
	}
	return n, err
}

// discard waits until the file is packed and gives back what it takes. It may be called
// again. It returns what went wrong with the packing.
func (s *staged) discard() error {
	err := s.wait()
	_, _ = s.writeKept(io.Discard)
	s.scratch.Close()
	if s.counted {
		s.backlog.remove()
		s.counted = false
	}
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
