package archive

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool packs segments in parallel, with a fixed number of packers. That bounds
// the processors that are used. It unpacks pieces, too: see [Joiner]. It also bounds memory: for n packers, at most
// 2n+2 segments have been handed in and not been written. Each of them takes
// up to [Codec.SegmentSize] raw and about as much packed: 1 MiB in the formats of
// this package. 2n+2 MiB wait in memory, packed, until their file is known to be
// whole; the rest does so in scratch. A Pool keeps its encoders for reuse.
//
// A Pool is safe for concurrent use and needs no closing. Make one with
// [NewPool].
type Pool struct {
	packers chan struct{} // held while a segment is being packed
	flight  chan struct{} // held until a segment has been written, or waits in memory or scratch
	waiting atomic.Int64  // units of packed segments that wait in memory

	mu       sync.Mutex
	encoders map[encoderKey][]Encoder
	buffers  sync.Pool // of one unit
	large    sync.Pool // of several
}

type encoderKey struct {
	codec Codec
	level int
}

// NewPool returns a pool with a number of packers. Less than 1 means
// [runtime.GOMAXPROCS].
func NewPool(packers int) *Pool {
	if packers < 1 {
		packers = runtime.GOMAXPROCS(0)
	}
	return &Pool{
		packers:  make(chan struct{}, packers),
		flight:   make(chan struct{}, 2*packers+2),
		encoders: make(map[encoderKey][]Encoder),
	}
}

// encode packs a batch with an encoder of its own, into a buffer of the pool.
func (p *Pool) encode(key encoderKey, b batch) (packed []byte, segments []Segment, err error) {
	p.packers <- struct{}{}
	defer func() { <-p.packers }()
	enc, err := p.encoder(key)
	if err != nil {
		return nil, nil, err
	}
	if packed, segments, err = b.encode(enc, p.buffer(max(b.room, packedSize(len(b.raw))))); err != nil {
		return nil, nil, err // an encoder that failed is not used again
	}
	p.mu.Lock()
	p.encoders[key] = append(p.encoders[key], enc)
	p.mu.Unlock()
	return packed, segments, nil
}

// encode packs the segments of a batch, one behind the other.
func (b batch) encode(enc Encoder, dst []byte) ([]byte, []Segment, error) {
	ends := b.ends
	if ends == nil {
		ends = []int{len(b.raw)}
	}
	segments, begin := make([]Segment, len(ends)), 0
	for i, end := range ends {
		before := len(dst)
		packed, mark, err := enc.Encode(dst, b.raw[begin:end], b.dict, b.last)
		if err != nil {
			return nil, nil, err
		}
		segments[i] = Segment{Raw: int64(end - begin), Packed: int64(len(packed) - before), Mark: mark}
		dst, begin = packed, end
	}
	return dst, segments, nil
}

// encoder returns an idle encoder or a new one.
func (p *Pool) encoder(key encoderKey) (Encoder, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if idle := p.encoders[key]; len(idle) > 0 {
		enc := idle[len(idle)-1]
		p.encoders[key] = idle[:len(idle)-1]
		return enc, nil
	}
	return key.codec.NewEncoder(key.level)
}

// board waits for a place among the segments in flight. It takes none if ctx
// has ended.
func (p *Pool) board(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case p.flight <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// land gives back what board took.
func (p *Pool) land() { <-p.flight }

// keep takes room in memory for a packed segment that waits, and reports whether there is
// any. It returns the segment, in a buffer that is not larger than it has to be.
func (p *Pool) keep(packed []byte) ([]byte, bool) {
	n := units(len(packed))
	if p.waiting.Add(n) > int64(cap(p.flight)) {
		p.waiting.Add(-n)
		return packed, false
	}
	if units(cap(packed)) > n {
		fits := append(p.buffer(len(packed)), packed...)
		p.release(packed)
		packed = fits
	}
	return packed, true
}

// drop releases a segment that keep has kept.
func (p *Pool) drop(packed []byte) {
	p.waiting.Add(-units(len(packed)))
	p.release(packed)
}

// bufferSize has room for a usual segment, packed or not. Buffers are as large, or a
// multiple of it, so that they are alike.
var bufferSize = packedSize(1 << 20)

// units returns how many times bufferSize has room for n bytes, at least 1.
func units(n int) int64 { return int64(max(1, (n+bufferSize-1)/bufferSize)) }

// packedSize returns how long n bytes may be when packed, as noise grows.
func packedSize(n int) int { return n + n/8 + 64 }

// buffer returns an empty buffer with room for n bytes.
func (p *Pool) buffer(n int) []byte {
	size := int(units(n)) * bufferSize
	if b, ok := p.buffersOf(size).Get().(*[]byte); ok && cap(*b) >= size {
		return (*b)[:0]
	}
	return make([]byte, 0, size)
}

// release takes back a buffer that nobody uses any more.
func (p *Pool) release(b []byte) {
	if cap(b) > 0 {
		p.buffersOf(cap(b)).Put(&b)
	}
}

func (p *Pool) buffersOf(size int) *sync.Pool {
	if units(size) > 1 {
		return &p.large
	}
	return &p.buffers
}
