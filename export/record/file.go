package record

import (
	"fmt"
	"io"
	"iter"
	"strings"
)

// fillBytes is how much of a record file is encoded ahead of being read.
const fillBytes = 32 << 10

// File reads as the contents of a file that holds many records. It encodes them
// while it is read: no more than 32 KiB and one record are in memory. It is for
// one goroutine. Make one with [NewFile] or, if it is a piece of a file, [NewPiece].
type File struct {
	name   string
	shard  int // 0: it is a whole file
	enc    encoder
	next   func() (any, error, bool)
	stop   func()
	skip   func(ref string, err error)
	most   int64  // bytes of a record
	buf    []byte // encoded, ...
	off    int    // ... of which so much was read
	ended  bool
	number int64 // of records, skipped ones included
	count  int64
	err    error
}

// NewFile returns a File of the records that seq yields. A record that cannot be encoded
// is left out: skip is called with its [Ref] and an [*EncodeError], and the file goes on.
// The name is for errors. Close the File when it is no longer read.
func NewFile(name string, enc Encoding, seq iter.Seq2[any, error], o Options, skip func(ref string, err error)) *File {
	next, stop := iter.Pull2(seq)
	return &File{name: name, enc: newEncoder(enc, o), next: next, stop: stop, skip: skip, most: o.most()}
}

// Read implements [io.Reader]. The file is well-formed also when seq fails, or yields a
// header with columns that cannot be those of the file: it ends with the records before
// that, and Err returns the reason. Panics of seq pass through.
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
	if ok && err == nil {
		if err = f.add(v); err == nil {
			return
		}
	}
	f.err = err
	f.buf = f.enc.end(f.buf)
	f.ended = true
	f.stop()
}

// add encodes a record, or takes note of a header. Columns that cannot be those of the
// file are an error: they would be wrong for every record to come.
func (f *File) add(v any) (err error) {
	if columns, ok := headerOf(v); ok {
		if f.buf, err = f.enc.header(f.buf, columns); err != nil {
			return &EncodeError{Name: f.name, Shard: f.shard, Err: err}
		}
		return nil
	}
	f.number++
	room, err := checkSize(v, f.most)
	if err == nil {
		f.buf, err = f.enc.record(roomFor(f.buf, room), v)
	}
	if err == nil {
		f.count++
		return nil
	}
	f.skip(refOf(f.name, f.number, f.shard, v), &EncodeError{Name: f.name, Shard: f.shard, Number: f.number, Err: err})
	return nil
}

// Ref names a record that is left out, for people who may see the data: by its file, its
// number from 1 on and, if it is a [Row], its first column.
func Ref(name string, number int64, v any) string { return refOf(name, number, 0, v) }

func refOf(name string, number int64, shard int, v any) string {
	ref := fmt.Sprintf("%s, row %d", name, number)
	if shard > 0 {
		ref = fmt.Sprintf("%s of shard %d", ref, shard)
	}
	var row Row
	switch v := v.(type) {
	case Row:
		row = v
	case *Row:
		if v != nil {
			row = *v
		}
	}
	if len(row.Columns) == 0 || len(row.Values) == 0 {
		return ref
	}
	const most = 100 // bytes of the value
	e := newCSVEncoder(Options{RawCSV: true})
	value, err := e.cell(nil, row.Values[0])
	if err != nil || len(value) > most {
		return ref
	}
	return fmt.Sprintf("%s (%s %s)", ref, strings.ToValidUTF8(row.Columns[0], "\uFFFD"), value)
}

// Count returns the number of records in the file so far.
func (f *File) Count() int64 { return f.count }

// Err returns why the file ended early: the error of seq as it is, or an [*EncodeError]
// of a header. It is nil if seq was read to its end.
func (f *File) Err() error { return f.err }

// Close ends seq. It may be called more than once.
func (f *File) Close() { f.stop() }
