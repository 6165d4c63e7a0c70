package archive

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// scratchMemory is how many bytes a Scratch keeps in memory.
const scratchMemory = 64 << 10

// Scratch keeps bytes that are first written and then read, any number of times.
// More than 64 KiB go to a [TempFile]. It must be closed. One goroutine may
// write at a time; once all is written, many may read.
type Scratch struct {
	dir  string
	buf  []byte // the last bytes, behind those in file
	file *TempFile
	size int64
}

// NewScratch returns an empty Scratch. If it needs a file it makes it in dir, by
// default in [os.TempDir].
func NewScratch(dir string) *Scratch { return &Scratch{dir: dir} }

// Size returns the number of bytes written.
func (s *Scratch) Size() int64 { return s.size }

// Write appends p. After an error the Scratch can only be closed.
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

// spill moves the buffer into the file, which it makes if there is none, and
// then p. A small p stays in the buffer, so that writes to the file are large.
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

// ReadAt implements [io.ReaderAt].
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

// WriteTo copies everything to w. It implements [io.WriterTo].
func (s *Scratch) WriteTo(w io.Writer) (int64, error) {
	buf := make([]byte, max(min(s.size, copySize), 1))
	return io.CopyBuffer(onlyWriter{w}, io.NewSectionReader(s, 0, s.size), buf)
}

// onlyWriter hides an io.ReaderFrom, which would not use the buffer.
type onlyWriter struct{ io.Writer }

// Close releases memory and file. It may be called again, and on nil.
func (s *Scratch) Close() {
	if s == nil || s.file == nil {
		return
	}
	// Nobody needs the contents any more, so a failure loses nothing.
	_ = s.file.Close()
	s.file = nil
}

// TempFile is a temporary file that leaves nothing behind. Except on Windows it
// has no name from the moment it is made, so its space is released even if the
// process is killed. On Windows, Close removes it.
type TempFile struct{ *os.File }

// NewTempFile makes an empty temporary file in dir, by default in [os.TempDir].
// It must be closed.
func NewTempFile(dir string) (*TempFile, error) {
	f, err := os.CreateTemp(dir, "orgexport-*")
	if err != nil {
		return nil, err
	}
	if runtime.GOOS != "windows" {
		if err := os.Remove(f.Name()); err != nil {
			_ = f.Close()
			return nil, err
		}
	}
	return &TempFile{f}, nil
}

// Close releases the space.
func (t *TempFile) Close() error {
	err := t.File.Close()
	if runtime.GOOS == "windows" {
		_ = os.Remove(t.Name())
	}
	return err
}
