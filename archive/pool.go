package archive

import (
	"context"
	"runtime"
	"sync"
)

// Pool packs segments in parallel, with a fixed number of packers. That bounds
// the processors that are used. It also bounds memory: for n packers, at most
// 2n+2 segments have been handed in and not been written. Each of them takes
// up to 1 MiB raw and about as much packed. As many wait in memory, packed, until
// their file is known to be whole; others do so in scratch. A Pool keeps its encoders for
// reuse.
//
// A Pool is safe for concurrent use and needs no closing. Make one with
// [NewPool].
type Pool struct {
	packers chan struct{} // held while a segment is being packed
	flight  chan struct{} // held until a segment has been written, or waits in memory or scratch
	waiting chan struct{} // held by a segment that waits in memory

	mu       sync.Mutex
	encoders map[encoderKey][]Encoder
	buffers  sync.Pool
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
		waiting:  make(chan struct{}, 2*packers+2),
		encoders: make(map[encoderKey][]Encoder),
	}
}

// encode packs a batch with an encoder of its own.
func (p *Pool) encode(key encoderKey, dst []byte, b batch) (packed []byte, segments []Segment, err error) {
	p.packers <- struct{}{}
	defer func() { <-p.packers }()
	enc, err := p.encoder(key)
	if err != nil {
		return nil, nil, err
	}
	if packed, segments, err = b.encode(enc, dst); err != nil {
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

// keep takes a place for a segment that waits in memory, and reports whether there is one.
func (p *Pool) keep() bool {
	select {
	case p.waiting <- struct{}{}:
		return true
	default:
		return false
	}
}

// drop gives back what keep took.
func (p *Pool) drop() { <-p.waiting }

// bufferSize has room for a usual segment, packed or not, so that all buffers
// are alike.
var bufferSize = packedSize(1 << 20)

// packedSize returns how long n bytes may be when packed, as noise grows.
func packedSize(n int) int { return n + n/8 + 64 }

// buffer returns an empty buffer with room for n bytes.
func (p *Pool) buffer(n int) []byte {
	if b, ok := p.buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, max(n, bufferSize))
}

// release takes back a buffer that nobody uses any more.
func (p *Pool) release(b []byte) {
	if cap(b) > 0 {
		p.buffers.Put(&b)
	}
}
