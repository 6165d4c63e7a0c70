package export

import (
	"io"
	"iter"
)

// fillBytes is how much of a record file is encoded ahead of being read.
const fillBytes = 32 << 10

// recordFile is a reader of the contents of a file that holds many records. It
// holds one buffer of them, no more than one record beyond fillBytes.
type recordFile struct {
	name  string
	enc   recordEncoder
	next  func() (any, error, bool)
	stop  func()
	buf   []byte // encoded, ...
	off   int    // ... of which so much was read
	ended bool
	count int64
	err   error
}

// newRecordFile makes a recordFile of what seq yields. It must be closed.
func newRecordFile(name string, enc Encoding, seq iter.Seq2[any, error], rawCSV bool) *recordFile {
	next, stop := iter.Pull2(seq)
	return &recordFile{name: name, enc: newRecordEncoder(enc, rawCSV), next: next, stop: stop}
}

// Read reads the file, which is well-formed also when seq fails or yields what
// cannot be encoded: then it ends with the records before that, and Err tells
// why. Panics of seq pass through.
func (f *recordFile) Read(p []byte) (int, error) {
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
func (f *recordFile) pull() {
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

func (f *recordFile) encode(v any) (err error) {
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

// Count is the number of records in the file so far.
func (f *recordFile) Count() int64 { return f.count }

// Err is the error of seq as it is, or an [*EncodeError].
func (f *recordFile) Err() error { return f.err }

// Close releases seq. It may be called again.
func (f *recordFile) Close() { f.stop() }
