package archive

import (
	"context"
	"runtime"
	"sync"
)

// Pool packs segments in parallel. It bounds both the processors and the
// memory that packing takes: at most its number of packers run at once, and at
// most twice that plus two segments (of up to 1 MiB; each once raw and once
// packed) are on their way between being handed in and being written. It keeps
// its encoders for reuse as long as it lives.
//
// A Pool is safe for concurrent use and needs no closing. The zero value is of
// no use; call [NewPool].
type Pool struct {
	packers chan struct{} // held while a segment is being packed
	flight  chan struct{} // held until a segment has been written

	mu       sync.Mutex
	encoders map[encoderKey][]Encoder
	buffers  sync.Pool
}

type encoderKey struct {
	codec Codec
	level int
}

// NewPool makes a pool. packers less than 1 means one for each processor that
// Go may use.
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

// encode packs one segment with an encoder that nobody else uses.
func (p *Pool) encode(key encoderKey, dst, raw, dict []byte, last bool) ([]byte, uint64, error) {
	p.packers <- struct{}{}
	defer func() { <-p.packers }()
	enc, err := p.encoder(key)
	if err != nil {
		return nil, 0, err
	}
	packed, mark, err := enc.Encode(dst, raw, dict, last)
	if err != nil {
		return nil, 0, err // an encoder that failed is not used again
	}
	p.mu.Lock()
	p.encoders[key] = append(p.encoders[key], enc)
	p.mu.Unlock()
	return packed, mark, nil
}

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

// board takes a place among the segments in flight. A context that has ended
// gets none, even if there is one.
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

func (p *Pool) land() { <-p.flight }

// bufferSize has room for a usual segment that grew while being packed, so
// that one kind of buffer serves for raw and packed segments.
var bufferSize = packedSize(1 << 20)

// packedSize is room for n bytes that grow while being packed.
func packedSize(n int) int { return n + n/8 + 64 }

// buffer returns an empty buffer with room for n bytes.
func (p *Pool) buffer(n int) []byte {
	if b, ok := p.buffers.Get().(*[]byte); ok && cap(*b) >= n {
		return (*b)[:0]
	}
	return make([]byte, 0, max(n, bufferSize))
}

func (p *Pool) release(b []byte) {
	if cap(b) > 0 {
		p.buffers.Put(&b)
	}
}
