package archive

import (
	"encoding/binary"

	"github.com/klauspost/compress/flate"
)

// window is how far back DEFLATE can refer (RFC 1951, section 2).
const window = 32 << 10

// deflateEnd is an empty last block. It ends a stream of segments. Each segment
// ends at a whole byte, so it can follow any of them.
var deflateEnd = []byte{0x03, 0x00}

// deflater packs segments as DEFLATE blocks. Behind a segment that is not the
// last it writes a sync marker, so that the next can follow.
type deflater struct {
	w     *flate.Writer
	out   appender
	probe []byte // for reuse: see worthPacking
}

func newDeflater(level int) (*deflater, error) {
	w, err := flate.NewWriter(nil, level)
	if err != nil {
		return nil, err
	}
	return &deflater{w: w}, nil
}

// deflate appends raw, packed, to dst. See [Encoder.Encode].
func (d *deflater) deflate(dst, raw, dict []byte, last bool) ([]byte, error) {
	d.out.b = dst
	d.w.ResetDict(&d.out, dict)
	if _, err := d.w.Write(raw); err != nil {
		return nil, err
	}
	end := d.w.Flush
	if last {
		end = d.w.Close
	}
	if err := end(); err != nil {
		return nil, err
	}
	packed := d.out.b
	d.out.b = nil
	return packed, nil
}

// storedSize returns the length of n bytes as stored blocks.
func storedSize(n int) int { return n + 5*((n+maxStored-1)/maxStored) }

const maxStored = 65535 // RFC 1951, section 3.2.4

// appendStored appends raw as stored blocks. None of them is marked as the
// last.
func appendStored(dst, raw []byte) []byte {
	for len(raw) > 0 {
		n := min(len(raw), maxStored)
		dst = append(dst, 0)
		dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
		dst = binary.LittleEndian.AppendUint16(dst, ^uint16(n))
		dst = append(dst, raw[:n]...)
		raw = raw[n:]
	}
	return dst
}

// appender is a writer into a byte slice.
type appender struct{ b []byte }

func (a *appender) Write(p []byte) (int, error) {
	a.b = append(a.b, p...)
	return len(p), nil
}
