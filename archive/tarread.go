package archive

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
)

// aheadSize is what DEFLATE unpacks at a time.
const aheadSize = 32 << 10

// tarReader reads a packed tar stream.
type tarReader struct {
	codec io.ReadCloser // unpacks
	ahead *readAhead    // of codec
	tar   *tar.Reader
	meter meter
	left  int64 // of the current file
	zeros int   // that end what was read of the stream for the last header
	err   error

	closed bool
}

func (f tarFormat) NewReader(src io.Reader, o ReadOptions) (Reader, error) {
	in := &source{r: src}
	codec, err := f.codec.NewDecoder(in)
	if err != nil {
		return nil, in.explain(err)
	}
	r := &tarReader{codec: codec, ahead: newReadAhead(codec, in, newChunks(aheadSize)), meter: meter{limits: o.withDefaults()}}
	r.tar = tar.NewReader(readerFunc(r.unpacked))
	return r, nil
}

// unpacked reads the tar stream. All of it counts towards the limits, because
// endless headers are a bomb, too.
func (r *tarReader) unpacked(p []byte) (int, error) {
	n, err := r.ahead.Read(p)
	if merr := r.meter.content(n, r.ahead.source().n); merr != nil {
		return 0, merr
	}
	rest := len(bytes.TrimRight(p[:n], "\x00"))
	if rest > 0 {
		r.zeros = 0
	}
	r.zeros += n - rest
	return n, err
}

func (r *tarReader) Next() (h Header, err error) {
	if r.err == nil {
		if _, r.err = io.Copy(io.Discard, readerFunc(r.Read)); r.err == nil {
			h, r.err = r.next()
		}
	}
	return h, r.err
}

func (r *tarReader) next() (Header, error) {
	r.zeros = 0
	h, err := r.tar.Next()
	if errors.Is(err, io.EOF) {
		if r.zeros < tarBlock { // the stream may be cut between two files
			return Header{}, damaged("there is no end of the tar stream")
		}
		return Header{}, r.end()
	}
	if err != nil {
		return Header{}, r.ahead.source().explain(err)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") { // any length from a few bytes, and not for every program
			return Header{}, refuseUnsafe("%q is sparse", h.Name)
		}
	}
	if err := r.meter.file(h.Size); err != nil {
		return Header{}, err
	}
	folder := h.Typeflag == tar.TypeDir
	if !folder && h.Typeflag != tar.TypeReg {
		return Header{}, refuseUnsafe("%q is neither a file nor a folder", h.Name)
	}
	name, err := cleanName(h.Name, folder)
	if err != nil {
		return Header{}, err
	}
	if folder && h.Size != 0 {
		return Header{}, damaged("folder %q has contents", h.Name)
	}
	r.left = h.Size
	return Header{Name: name, Size: h.Size, ModTime: h.ModTime, Folder: folder}, nil
}

// end checks that nothing but zeros follows the last file and that the packed
// stream ends there and is whole.
func (r *tarReader) end() error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.unpacked(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return damaged("there is data behind the end of the tar stream")
			}
		}
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		if err != nil {
			return r.ahead.source().explain(err)
		}
	}
}

func (r *tarReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.tar.Read(p)
	r.left -= int64(n)
	switch {
	case err == io.EOF && r.left > 0:
		r.err = damaged("a file ends too early")
	case err != nil && err != io.EOF:
		r.err = r.ahead.source().explain(err)
	}
	return n, r.err
}

func (r *tarReader) Close() error {
	if r.closed {
		return nil
	}
	r.closed, r.err = true, errReaderClosed
	r.ahead.Close()
	return r.codec.Close()
}
