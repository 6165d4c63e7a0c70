package archive

import (
	"errors"
	"io"
)

// readAhead reads a stream in a goroutine of its own, up to aheadBuffers chunks
// ahead. So one processor unpacks while another hashes what was unpacked.
// Nobody else may read the stream or its source until Close has returned.
//
// One goroutine may use it at a time. Close must be called, once.
type readAhead struct {
	free chan []byte // buffers to be filled; closed by Close
	full chan chunk  // in order; closed when the goroutine has ended

	rest []byte // of the chunk that is being read
	last chunk  // that chunk
	err  error  // sticky
}

// chunk is the result of one read.
type chunk struct {
	data     []byte
	err      error
	source   source // as it was after the read
	panicked any    // what the read panicked with
}

// aheadBuffers is how many chunks are read ahead.
const aheadBuffers = 8

// errNoReturn is returned after a read that panicked or ended its goroutine.
var errNoReturn = errors.New("archive: reading the source did not return")

// newChunks returns buffers of that size for a readAhead. When it is closed, another can have them.
func newChunks(size int) [][]byte {
	buffers := make([][]byte, aheadBuffers)
	for i := range buffers {
		buffers[i] = make([]byte, size)
	}
	return buffers
}

// newReadAhead starts to read r, which unpacks src or is src, into buffers of newChunks.
func newReadAhead(r io.Reader, src *source, buffers [][]byte) *readAhead {
	a := &readAhead{
		free: make(chan []byte, aheadBuffers),
		full: make(chan chunk, aheadBuffers), // a chunk never waits for room
	}
	for _, b := range buffers {
		a.free <- b
	}
	go a.run(r, src)
	return a
}

// run reads until Close is called or a read fails.
func (a *readAhead) run(r io.Reader, src *source) {
	defer close(a.full)
	for buf := range a.free {
		p := readChunk(r, src, buf)
		a.full <- p
		if p.err != nil || p.panicked != nil {
			return
		}
	}
}

// readChunk reads once. It keeps a panic for next, which panics in the goroutine
// that uses the readAhead.
func readChunk(r io.Reader, src *source, buf []byte) (p chunk) {
	defer func() { p.panicked = recover() }()
	n, err := r.Read(buf)
	return chunk{data: buf[:n], err: err, source: *src}
}

// Read returns what was read ahead. An error comes after all bytes before it.
func (a *readAhead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.next()
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// WriteTo writes what was read ahead, until the stream ends. It implements [io.WriterTo].
func (a *readAhead) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if len(a.rest) > 0 {
			k, err := w.Write(a.rest)
			n, a.rest = n+int64(k), a.rest[k:]
			if err != nil {
				return n, err
			}
		}
		switch {
		case errors.Is(a.err, io.EOF):
			return n, nil
		case a.err != nil:
			return n, a.err
		}
		a.next()
	}
}

// next gives back the buffer of the current chunk and takes the next chunk.
func (a *readAhead) next() {
	if a.last.data != nil {
		a.free <- a.last.data[:cap(a.last.data)]
	}
	p, ok := <-a.full
	if !ok {
		p.err, p.source = errNoReturn, a.last.source
	}
	a.last, a.rest, a.err = p, p.data, p.err
	if p.panicked != nil {
		a.err = errNoReturn
		panic(p.panicked)
	}
}

// source returns the stream's source as it was after the current chunk was read.
func (a *readAhead) source() *source { return &a.last.source }

// Close stops reading ahead. It waits for a read that has begun; after that the
// source is not read any more.
func (a *readAhead) Close() {
	a.rest, a.err = nil, errReaderClosed
	close(a.free)
	for range a.free { // so that no other read begins
	}
	for range a.full { // until the goroutine has ended
	}
}
