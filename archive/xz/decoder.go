package xz

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz"
)

// NewDecoder reads any number of streams, as xz does.
func (codec) NewDecoder(src io.Reader) (io.ReadCloser, error) {
	d := &decoder{src: bufio.NewReader(src)}
	r, err := xz.NewReader(d.tap())
	if err != nil {
		return nil, err
	}
	d.unpacked = r
	return d, nil
}

// decoder makes sure that the last stream ends in its footer: the library takes
// the end of the source between two blocks for the end of the stream.
type decoder struct {
	src      *bufio.Reader
	unpacked io.Reader
	last     [footerSize]byte // that were read from src
}

func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.unpacked.Read(p)
	if err == io.EOF && !isFooter(d.last[:]) {
		return n, errors.New("xz: the stream has no end")
	}
	return n, err
}

func (d *decoder) Close() error { return nil }

// tap returns a reader of src that remembers the last bytes.
func (d *decoder) tap() io.Reader { return tap{d} }

type tap struct{ d *decoder }

func (t tap) Read(p []byte) (int, error) {
	n, err := t.d.src.Read(p)
	t.d.remember(p[:n])
	return n, err
}

// ReadByte keeps the library from buffering on its own.
func (t tap) ReadByte() (byte, error) {
	b, err := t.d.src.ReadByte()
	if err == nil {
		t.d.remember([]byte{b})
	}
	return b, err
}

func (d *decoder) remember(b []byte) {
	b = b[max(0, len(b)-footerSize):]
	copy(d.last[:], d.last[len(b):])
	copy(d.last[footerSize-len(b):], b)
}

// isFooter tells whether b is the footer of a stream (section 2.1.2), or the
// padding behind one, whose length the library has checked.
func isFooter(b []byte) bool {
	if bytes.HasSuffix(b, []byte{0, 0, 0, 0}) {
		return true
	}
	return bytes.HasSuffix(b, []byte("YZ")) && crc32.ChecksumIEEE(b[4:10]) == binary.LittleEndian.Uint32(b)
}
