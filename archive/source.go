package archive

import (
	"errors"
	"io"
)

// source is what an archive is read from. It counts bytes and remembers its
// failure, so that this can be told from damage of the archive.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) explain(err error) error { return explain(s.err, err) }

// sourceAt is a source that can be read at any place. It remembers its failure.
type sourceAt struct {
	r   io.ReaderAt
	err error
}

func (s *sourceAt) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// explain returns the error to report when reading an archive fails with err. It
// is the failure of the source, if there was one, or err, if that is an error of
// this package. Any other error means damage.
func explain(failure, err error) error {
	switch {
	case failure != nil:
		return failure
	case errors.Is(err, ErrBomb), errors.Is(err, ErrDamaged), errors.Is(err, ErrUnsafe):
		return err
	}
	return damaged("%v", err)
}

// readerFunc is a function as a reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
