package record

import (
	"io"
	"iter"
)

// fillBytes is how much of a record file is encoded ahead of being read.
const fillBytes = 32 << 10

// File reads as the contents of a file that holds many records. It encodes them
// while it is read: no more than 32 KiB and one record are in memory. It is for
// one goroutine. Make one with [NewFile].
type File struct {
	name  string
	enc   encoder
	next  func() (any, error, bool)
	stop  func()
	buf   []byte // encoded, ...
	off   int    // ... of which so much was read
	ended bool
	count int64
	err   error
}

// NewFile returns a File of the records that seq yields. The name is for errors.
// Close it when it is no longer read.
func NewFile(name string, enc Encoding, seq iter.Seq2[any, error], o Options) *File {
	next, stop := iter.Pull2(seq)
	return &File{name: name, enc: newEncoder(enc, o), next: next, stop: stop}
}

// Read implements [io.Reader]. The file is well-formed also when seq fails or
// yields a record that cannot be encoded: it ends with the records before that
// one, and Err returns the reason. Panics of seq pass through.
func (f *File) Read(p []byte) (int, error) {
	for f.off == len(f.buf) {
		if f.ended {
			return 0, io.EOF
		}
		f.buf, f.off = f.buf[:0], 0
		for !f.ended && len(f.buf) < fillBytes {
			f.pull()
		}
	}
	n := copy(p, f.buf[f.off:])
	f.off += n
	return n, nil
}

// pull encodes what seq yields next.
func (f *File) pull() {
	v, err, ok := f.next()
	switch {
	case !ok:
	case err != nil:
		f.err = err
	default:
		if f.err = f.encode(v); f.err == nil {
			return
		}
	}
	f.buf = f.enc.end(f.buf)
	f.ended = true
	f.stop()
}

func (f *File) encode(v any) (err error) {
	defer recoverEncode(f.name, &err)
	if columns, ok := headerOf(v); ok {
		f.buf, err = f.enc.header(f.buf, columns)
	} else if f.buf, err = f.enc.record(f.buf, v); err == nil {
		f.count++
	}
	if err != nil {
		return &EncodeError{Name: f.name, Err: err}
	}
	return nil
}

// Count returns the number of records in the file so far.
func (f *File) Count() int64 { return f.count }

// Err returns why the file ended early: the error of seq as it is, or an
// [*EncodeError]. It is nil if the file has all records.
func (f *File) Err() error { return f.err }

// Close ends seq. It may be called more than once.
func (f *File) Close() { f.stop() }
