package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/klauspost/compress/flate"
)

const (
	zipEndSize      = 22
	zip64EndSize    = 56
	zip64FindSize   = 20
	zipReaderBuffer = 64 << 10
)

// zipReader reads the files of a zip archive and its central directory side by
// side. From the first byte to the directory, the files must follow each other
// in the order of the directory, so that every byte belongs to exactly one.
type zipReader struct {
	src     *sourceAt
	scratch *Scratch // a copy of the source, if one was needed
	meter   meter
	central *bufio.Reader // the directory
	files   *bufio.Reader // what comes before the directory
	left    uint64        // files to come
	pos     int64         // offset of files, but not within contents
	end     int64         // offset of the directory
	err     error

	open    bool
	current zipEntry
	packed  io.LimitedReader // contents of the current file, ...
	buffer  *bufio.Reader    // ... through a buffer, ...
	unpack  io.ReadCloser    // ... unpacked
	content io.Reader        // buffer or unpack
	sum     uint32
	size    int64
}

func (zipFormat) NewReader(src io.Reader, o ReadOptions) (Reader, error) {
	r := &zipReader{meter: meter{limits: o.withDefaults()}}
	ready := false
	defer func() { // also when the source panics
		if !ready {
			_ = r.Close()
		}
	}()
	size, err := r.source(src, o.Scratch)
	if err == nil {
		err = r.explain(r.findDirectory(size))
	}
	if err != nil {
		return nil, err
	}
	ready = true
	return r, nil
}

// explain returns the error to report for err. io.EOF is not a failure.
func (r *zipReader) explain(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return explain(r.src.err, err)
}

// source makes src readable at any place and returns its size.
func (r *zipReader) source(src io.Reader, dir string) (int64, error) {
	if s, ok := src.(interface {
		io.ReaderAt
		io.Seeker
	}); ok {
		if size, err := s.Seek(0, io.SeekEnd); err == nil {
			r.src = &sourceAt{r: s}
			return size, nil
		}
	}
	in := bufio.NewReader(src)
	if b, err := in.Peek(4); err != nil && err != io.EOF {
		return 0, err
	} else if !slices.Contains(zipFormat{}.Magic(), string(b)) {
		return 0, damaged("this is not a zip file")
	}
	r.scratch = NewScratch(dir)
	size, err := io.Copy(r.scratch, in)
	r.src = &sourceAt{r: r.scratch}
	return size, err
}

// findDirectory reads the records at the end (APPNOTE 4.3.14 to 4.3.16).
func (r *zipReader) findDirectory(size int64) error {
	tail := make([]byte, min(size, zipEndSize+max16))
	if err := r.readAt(tail, size-int64(len(tail))); err != nil {
		return err
	}
	// Programs look for the end record from the end. Another one before it, as
	// of a zip file that is stored in this one, does not count.
	at := len(tail) - zipEndSize
	for at >= 0 && binary.LittleEndian.Uint32(tail[at:]) != zipEndMagic {
		at--
	}
	if at < 0 {
		return damaged("there is no end record: the archive is cut or not a zip file")
	}
	end := tail[at:]
	if int(binary.LittleEndian.Uint16(end[20:])) != len(end)-zipEndSize {
		return damaged("the end record is not at the end")
	}
	if binary.LittleEndian.Uint32(end[4:]) != 0 || binary.LittleEndian.Uint16(end[8:]) != binary.LittleEndian.Uint16(end[10:]) {
		return damaged("the archive is one of several volumes")
	}
	r.left = uint64(binary.LittleEndian.Uint16(end[10:]))
	length := uint64(binary.LittleEndian.Uint32(end[12:]))
	offset := uint64(binary.LittleEndian.Uint32(end[16:]))
	stop := size - int64(len(end))
	if stop >= zip64EndSize+zip64FindSize {
		found, err := r.findZip64(stop, &r.left, &length, &offset)
		if err != nil {
			return err
		}
		if found {
			stop -= zip64EndSize + zip64FindSize
		}
	}
	if offset > math.MaxInt64 || length > math.MaxInt64 || int64(offset) > stop || int64(length) != stop-int64(offset) {
		return damaged("the directory is not where the end record has it")
	}
	r.end = int64(offset)
	r.central = bufio.NewReaderSize(io.NewSectionReader(r.src, r.end, int64(length)), zipReaderBuffer)
	r.files = bufio.NewReaderSize(io.NewSectionReader(r.src, 0, r.end), zipReaderBuffer)
	r.buffer = bufio.NewReader(nil)
	return nil
}

// findZip64 reads the zip64 records that end at stop, and reports whether there
// are any. They replace those of the three fields of the end record that have
// their largest value, and must agree with the others.
func (r *zipReader) findZip64(stop int64, files, length, offset *uint64) (bool, error) {
	b := make([]byte, zip64EndSize+zip64FindSize)
	at := stop - int64(len(b))
	if err := r.readAt(b, at); err != nil {
		return false, err
	}
	find := b[zip64EndSize:]
	if binary.LittleEndian.Uint32(find) != zip64FindMagic {
		return false, nil
	}
	if binary.LittleEndian.Uint32(b) != zip64EndMagic ||
		binary.LittleEndian.Uint64(b[4:]) != zip64EndSize-12 ||
		binary.LittleEndian.Uint64(find[8:]) != uint64(at) ||
		binary.LittleEndian.Uint32(find[4:]) != 0 || binary.LittleEndian.Uint32(find[16:]) > 1 ||
		binary.LittleEndian.Uint64(b[16:]) != 0 ||
		binary.LittleEndian.Uint64(b[24:]) != binary.LittleEndian.Uint64(b[32:]) {
		return false, damaged("the zip64 end record is not readable")
	}
	for _, f := range []struct {
		short     *uint64
		saturated uint64
		long      uint64
	}{
		{files, max16, binary.LittleEndian.Uint64(b[32:])},
		{length, max32, binary.LittleEndian.Uint64(b[40:])},
		{offset, max32, binary.LittleEndian.Uint64(b[48:])},
	} {
		if *f.short != f.saturated && *f.short != f.long {
			return false, refuseUnsafe("the end records do not agree")
		}
		*f.short = f.long
	}
	return true, nil
}

// readAt fills b. It is damage if the archive ends before.
func (r *zipReader) readAt(b []byte, at int64) error {
	_, err := io.ReadFull(io.NewSectionReader(r.src, at, int64(len(b))), b)
	return endsEarly(err)
}

// endsEarly returns the end of the archive as damage, and other errors as they
// are.
func endsEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("the archive is cut")
	}
	return err
}

func (r *zipReader) Next() (h Header, err error) {
	if r.err == nil && r.open {
		if _, err := io.Copy(io.Discard, readerFunc(r.Read)); err != nil {
			return h, err
		}
	}
	if r.err == nil {
		h, err = r.next()
		r.err = r.explain(err)
	}
	return h, r.err
}

func (r *zipReader) next() (Header, error) {
	if r.left == 0 {
		if _, err := r.central.ReadByte(); err != io.EOF {
			return Header{}, damaged("the directory has more files than the end record tells")
		}
		if r.pos != r.end {
			return Header{}, refuseUnsafe("there is data that belongs to no file")
		}
		return Header{}, io.EOF
	}
	r.left--
	central, err := readCentral(r.central)
	if err != nil {
		return Header{}, endsEarly(err)
	}
	return r.begin(central)
}

// begin opens the file of the directory's next entry.
func (r *zipReader) begin(e zipEntry) (Header, error) {
	if e.offset != r.pos {
		return Header{}, refuseUnsafe("%q does not follow the file before it", e.name)
	}
	local, n, err := readLocal(r.files)
	if err != nil {
		return Header{}, endsEarly(err)
	}
	if err := agree(local, e); err != nil {
		return Header{}, err
	}
	folder := strings.HasSuffix(e.name, "/")
	if err := e.check(folder); err != nil {
		return Header{}, err
	}
	name, err := cleanName(e.name, folder)
	if err != nil {
		return Header{}, err
	}
	r.pos += n
	if e.packed > r.end-r.pos {
		return Header{}, damaged("%q is longer than the archive", e.name)
	}
	if err := r.meter.file(e.raw); err != nil {
		return Header{}, err
	}
	r.start(e)
	return Header{Name: name, Size: e.raw, ModTime: e.time(), Folder: folder}, nil
}

// start makes the contents of a file readable.
func (r *zipReader) start(e zipEntry) {
	r.current, r.open, r.sum, r.size = e, true, 0, 0
	r.packed = io.LimitedReader{R: r.files, N: e.packed}
	r.buffer.Reset(&r.packed)
	r.content = r.buffer
	if e.method != methodDeflate {
		return
	}
	if r.unpack == nil {
		r.unpack = flate.NewReader(r.buffer)
	} else if err := r.unpack.(flate.Resetter).Reset(r.buffer, nil); err != nil {
		r.err = err // cannot be: resetting reads nothing
	}
	r.content = r.unpack
}

func (r *zipReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if !r.open {
		return 0, io.EOF
	}
	n, err := r.content.Read(p)
	r.sum = crc32.Update(r.sum, crc32.IEEETable, p[:n])
	r.size += int64(n)
	e := r.current
	merr := r.meter.content(n, r.pos+e.packed-r.packed.N)
	switch {
	case r.size > e.raw:
		r.err = damaged("%q is longer than declared", e.name)
	case merr != nil:
		r.err = merr
	case err == io.EOF:
		if r.err = r.explain(r.finish()); r.err == nil {
			r.open = false
			return n, io.EOF
		}
	case err != nil:
		r.err = r.explain(fmt.Errorf("%q: %w", e.name, err))
	}
	return n, r.err
}

// finish checks a file that has been read to its end, with its data descriptor.
func (r *zipReader) finish() error {
	e := r.current
	switch {
	case r.size != e.raw:
		return damaged("%q has %d bytes, %d are declared", e.name, r.size, e.raw)
	case r.packed.N != 0 || r.buffer.Buffered() != 0:
		return damaged("%q ends before its packed contents do", e.name)
	case r.sum != e.crc:
		return damaged("%q has another check sum than declared", e.name)
	}
	r.pos += e.packed
	if e.flags&zipHasDescriptor == 0 {
		return nil
	}
	n, err := e.skipDescriptor(r.files)
	r.pos += n
	return endsEarly(err)
}

// Close releases the copy of the source, if there is one.
func (r *zipReader) Close() error {
	r.err = errReaderClosed
	r.scratch.Close()
	return nil
}
