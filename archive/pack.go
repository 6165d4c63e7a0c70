package archive

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
)

// packer makes one part. It reads files and packs them, and each is in the part
// whole or not at all. Where its bytes go is up to the layout.
type packer struct {
	ctx     context.Context // of the part, not of a single Add
	pool    *Pool
	key     encoderKey
	scratch string
	part    *partWriter
	lane    *lane
	layout  layout
	backlog backlog

	mu     sync.Mutex // held while a whole file is appended
	closed atomic.Bool
	err    error
}

// layout puts the files of a part behind each other, as a format wants them.
// It packs on the packer's lane and writes to the packer's part. One goroutine
// calls it at a time. An error is a failure of the part.
type layout interface {
	// small appends a file of less than a segment. It takes content over.
	small(e Entry, content []byte) error

	// large appends a file that was read to its end, and that may still be packed. If it
	// returns nil it discards the file at last, else the caller does.
	large(e Entry, file *staged) error

	// flush appends what small has kept back. It is called after the last file.
	flush() error
}

// newPacker returns a packer without a layout. Its pack must be called.
func newPacker(ctx context.Context, body io.Writer, o Options, codec Codec) *packer {
	p := &packer{
		ctx:     ctx,
		pool:    o.pool(),
		key:     encoderKey{codec, o.level()},
		scratch: o.Scratch,
		part:    newPartWriter(guard{ctx, body}, o.Scratch),
	}
	p.lane = newLane(p.pool, p.key)
	return p
}

// pack does what [Format.Pack] does for the named format.
func (p *packer) pack(tail io.Writer, format string, fn func(Packer) error) error {
	defer p.part.close()
	if err := p.run(fn); err != nil {
		return err
	}
	return p.part.writeTail(guard{p.ctx, tail}, partMagic, format)
}

// run lets fn add files and ends the packing in every case, a panic included.
func (p *packer) run(fn func(Packer) error) (err error) {
	returned := false
	defer func() {
		if eerr := p.end(returned && err == nil); err == nil {
			err = eerr
		}
	}()
	err = fn(p)
	returned = true
	return err
}

// Add implements [Packer].
func (p *packer) Add(ctx context.Context, e Entry, r io.Reader) (File, error) {
	in, err := newIntake(ctx, &p.closed, e, r)
	if err != nil {
		return File{}, err
	}
	size := p.key.codec.SegmentSize()
	content, err := in.fill(p.pool.buffer(size), size)
	if err != nil {
		return File{}, err
	}
	if len(content) < size {
		err = p.append(func() error { return p.layout.small(e, content) })
	} else {
		err = p.addLarge(in, content)
	}
	if err != nil {
		return File{}, err
	}
	return in.file(), nil
}

// addLarge packs a file apart until it is known to be whole, and then appends it. It does
// not wait for the packing, so that the next file can be read meanwhile, unless too many wait in
// scratch. first is its first segment.
func (p *packer) addLarge(in *intake, first []byte) error {
	if err := p.backlog.wait(in.ctx); err != nil {
		return err
	}
	file, err := stage(in, p, first)
	if err != nil {
		return err
	}
	err = p.append(func() error { return p.layout.large(in.entry, file) })
	if err != nil {
		_ = file.discard() // the part has failed already
	}
	return err
}

// append appends a whole file. It does not stop when the context of Add ends,
// because half a file would break the part.
func (p *packer) append(file func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return ErrClosed
	}
	if p.err == nil {
		p.err = p.lane.failure()
	}
	if p.err == nil {
		p.err = file()
	}
	return p.err
}

// end completes the part, or with commit false abandons it, and waits for
// everything that is on its way.
func (p *packer) end(commit bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed.Store(true)
	if !commit {
		p.lane.fail(ErrClosed)
	} else if p.err == nil {
		p.err = p.layout.flush()
	}
	if err := p.lane.close(); p.err == nil {
		p.err = err
	}
	return p.err
}

// guard is a writer that fails once ctx has ended. It also fails when w takes
// less than it is given without an error.
type guard struct {
	ctx context.Context
	w   io.Writer
}

func (g guard) Write(p []byte) (int, error) {
	if g.ctx.Err() != nil {
		return 0, context.Cause(g.ctx)
	}
	n, err := g.w.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
