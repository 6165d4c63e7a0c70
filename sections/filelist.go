package sections

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"iter"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
)

// fileList keeps the files that are to be copied: each as the lengths of its source and its
// name, and then these, which may be no UTF-8.
type fileList struct {
	scratch *archive.Scratch
	buf     []byte
}

// add appends a file, unless the list would be larger than the section may be.
func (l *fileList) add(sink export.Sink, file File) error {
	l.buf = binary.AppendUvarint(l.buf[:0], uint64(len(file.Source)))
	l.buf = binary.AppendUvarint(l.buf, uint64(len(file.Name)))
	size := l.scratch.Size() + int64(len(l.buf)+len(file.Source)+len(file.Name))
	if err := export.CheckScratch(sink, size); err != nil {
		return err
	}
	l.buf = append(append(l.buf, file.Source...), file.Name...)
	_, err := l.scratch.Write(l.buf)
	return err
}

// files yields what was added.
func (l *fileList) files() iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		in := bufio.NewReader(io.NewSectionReader(l.scratch, 0, l.scratch.Size()))
		for {
			file, err := readFile(in)
			if errors.Is(err, io.EOF) || !yield(file, err) || err != nil {
				return
			}
		}
	}
}

// readFile reads a file of the list. At its end the error is io.EOF.
func readFile(in *bufio.Reader) (File, error) {
	source, err := binary.ReadUvarint(in)
	if err != nil {
		return File{}, err
	}
	name, err := binary.ReadUvarint(in)
	if err != nil {
		return File{}, unexpected(err)
	}
	b := make([]byte, source+name)
	_, err = io.ReadFull(in, b)
	return File{Source: string(b[:source]), Name: string(b[source:])}, unexpected(err)
}

// unexpected returns err, and another one if it is io.EOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
