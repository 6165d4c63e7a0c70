package archive

import (
	"fmt"
	"io"
)

// scratchMemory is how much a Scratch keeps in memory before it makes a file.
const scratchMemory = 64 << 10

// Scratch holds bytes that are written first and then read, as often as
// wanted. What is more than a little goes to a [TempFile]. It must be closed.
// Writing is for one goroutine; reading, once the last byte is written, for
// many.
type Scratch struct {
	dir  string
	buf  []byte // the last bytes, behind those in file
	file *TempFile
	size int64
}

// NewScratch returns an empty Scratch whose file, if it comes to that, is in
// dir, by default [os.TempDir].
func NewScratch(dir string) *Scratch { return &Scratch{dir: dir} }

// Size is the number of bytes written.
func (s *Scratch) Size() int64 { return s.size }

// Write appends p. After an error the Scratch is of no more use.
func (s *Scratch) Write(p []byte) (int, error) {
	if len(s.buf)+len(p) > scratchMemory {
		if err := s.spill(p); err != nil {
			return 0, fmt.Errorf("archive: scratch: %w", err)
		}
	} else {
		s.buf = append(s.buf, p...)
	}
	s.size += int64(len(p))
	return len(p), nil
}

// spill moves the buffer and p into the file, which it makes when there is
// none. Small p stay in the buffer, so that the file is written in large
// pieces.
func (s *Scratch) spill(p []byte) error {
	if s.file == nil {
		f, err := NewTempFile(s.dir)
		if err != nil {
			return err
		}
		s.file = f
	}
	_, err := s.file.Write(s.buf)
	s.buf = s.buf[:0]
	if err != nil {
		return err
	}
	if len(p) <= scratchMemory {
		s.buf = append(s.buf, p...)
		return nil
	}
	_, err = s.file.Write(p)
	return err
}

// ReadAt reads from any place, as [io.ReaderAt] has it.
func (s *Scratch) ReadAt(p []byte, off int64) (n int, err error) {
	filed := s.size - int64(len(s.buf))
	if off < filed {
		n, err = s.file.ReadAt(p[:min(int64(len(p)), filed-off)], off)
		if err != nil || n == len(p) {
			return n, err
		}
		off = filed
	}
	if off < s.size {
		n += copy(p[n:], s.buf[off-filed:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteTo copies everything to w, as [io.WriterTo] has it.
func (s *Scratch) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, io.NewSectionReader(s, 0, s.size))
}

// Close gives the space back. It may be called more than once and on nil.
func (s *Scratch) Close() {
	if s == nil || s.file == nil {
		return
	}
	// Its contents are of no more use, so there is nothing to report.
	_ = s.file.Close()
	s.file = nil
}
