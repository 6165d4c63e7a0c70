package export

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// maxPieces is how many record files a shard may write. Its part has a list of them.
const maxPieces = 4096

// chunk is what a part of a shard is made of, by the end of the part: files that are whole, or a
// piece of a file that other shards go on with.
type chunk struct {
	Body, BodySize int64 // where it begins in the part's body, and how many bytes it has
	Tail, TailSize int64

	// The rest is that of a piece. Name is that of the file, below the section's folder; it is
	// empty if the chunk has whole files.
	Name  string        `json:",omitempty"`
	Piece archive.Piece `json:",omitzero"`
	Frame record.Piece  `json:",omitzero"`
	List  bool          `json:",omitempty"` // it is one of the engine's own lists
}

// chunks packs the part of a shard: an [archive.Packer] for whole files, and pieces beside it. What
// it has begun and not ended lies in the body, but in no chunk.
type chunks struct {
	ctx     context.Context
	format  archive.Format
	options archive.Options
	body    *partWriter
	tail    *archive.Scratch

	mu   sync.Mutex // guards what follows
	open *openFiles // whole files that are being packed
	gate *gate      // of the last piece
	list []chunk
}

// openFiles is a chunk of whole files that is being packed.
type openFiles struct {
	chunk  chunk
	packer archive.Packer
	end    chan struct{}
	done   chan error
}

// Add implements [archive.Packer].
func (c *chunks) Add(ctx context.Context, e archive.Entry, r io.Reader) (archive.File, error) {
	p, err := c.files()
	if err != nil {
		return archive.File{}, err
	}
	return p.Add(ctx, e, r)
}

// files returns the packer of whole files.
func (c *chunks) files() (archive.Packer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		o := &openFiles{chunk: c.begin(), end: make(chan struct{}), done: make(chan error, 1)}
		ready := make(chan archive.Packer)
		go func() {
			o.done <- c.format.Pack(c.ctx, c.body, c.tail, c.options, func(p archive.Packer) error {
				ready <- p
				<-o.end
				return nil
			})
			close(ready)
		}()
		if o.packer = <-ready; o.packer == nil {
			return nil, <-o.done
		}
		c.open = o
	}
	return c.open.packer, nil
}

// begin returns a chunk that begins where the last one has ended.
func (c *chunks) begin() chunk { return chunk{Body: c.body.n, Tail: c.tail.Size()} }

// ended notes the size of a chunk.
func (c *chunks) ended(k chunk) chunk {
	k.BodySize, k.TailSize = c.body.n-k.Body, c.tail.Size()-k.Tail
	return k
}

// endFiles completes the chunk of whole files, if there is one.
func (c *chunks) endFiles() error {
	if c.open == nil {
		return nil
	}
	o := c.open
	c.open = nil
	close(o.end)
	if err := <-o.done; err != nil {
		return err
	}
	c.list = append(c.list, c.ended(o.chunk))
	return nil
}

// piece packs a piece of a file. It is no chunk until keep is called with what it returns.
func (c *chunks) piece(ctx context.Context, r io.Reader) (chunk, error) {
	c.mu.Lock()
	err := c.endFiles()
	if len(c.list) >= maxPieces {
		err = errors.Join(err, errors.New("export: a shard writes too many record files"))
	}
	k, g := c.begin(), new(gate)
	c.gate = g
	c.mu.Unlock()
	if err != nil {
		return k, err
	}
	k.Piece, err = c.format.PackPiece(ctx, g.to(c.body), g.to(c.tail), c.options, r)
	return k, err
}

// keep notes a piece.
func (c *chunks) keep(k chunk) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, c.ended(k))
}

// revoke lets nothing be written any more by a section that was given up: a piece of it may still
// be waiting for data.
func (c *chunks) revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate != nil {
		c.gate.close()
	}
}

// run lets fn pack, and completes the part. If fn fails, what was packed is of no use.
func (c *chunks) run(fn func(archive.Packer) error) error {
	err := fn(c)
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(err, c.endFiles())
}

// gate lets bytes through until it is closed. Then nothing is being written.
type gate struct {
	mu     sync.Mutex
	closed bool
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// to returns a writer that writes to w through the gate.
func (g *gate) to(w io.Writer) io.Writer { return gated{g, w} }

type gated struct {
	gate *gate
	w    io.Writer
}

func (w gated) Write(p []byte) (int, error) {
	w.gate.mu.Lock()
	defer w.gate.mu.Unlock()
	if w.gate.closed {
		return 0, errSinkClosed
	}
	return w.w.Write(p)
}
