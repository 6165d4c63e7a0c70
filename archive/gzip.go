package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"

	"github.com/orgexport/orgexport/archive/internal/inflate"
)

// gzipCodec packs a stream as one gzip member. The mark of a segment is its
// CRC-32.
type gzipCodec struct{}

func (gzipCodec) Name() string      { return "gz" }
func (gzipCodec) MediaType() string { return "application/gzip" }
func (gzipCodec) Magic() []string   { return []string{gzipMagic} }
func (gzipCodec) SegmentSize() int  { return segmentSize }
func (gzipCodec) Window() int       { return window }
func (gzipCodec) NewFrame() Frame   { return new(gzipFrame) }

const gzipMagic = "\x1f\x8b" // RFC 1952, section 2.3.1

// segmentSize is how much DEFLATE packs at a time. Because each segment has the
// window before it as dictionary, cutting costs less than 0.01 %.
const segmentSize = 1 << 20

func (gzipCodec) NewEncoder(level int) (Encoder, error) {
	d, err := newDeflater(level)
	if err != nil {
		return nil, err
	}
	return gzipEncoder{d}, nil
}

type gzipEncoder struct{ *deflater }

// Encode stores a segment that does not shrink.
func (e gzipEncoder) Encode(dst, raw, dict []byte, last bool) ([]byte, uint64, error) {
	sum := uint64(crc32.ChecksumIEEE(raw))
	worth, err := e.worthPacking(raw)
	if err != nil {
		return nil, 0, err
	}
	if !worth && !last {
		return appendStored(dst, raw), sum, nil
	}
	packed, err := e.deflate(dst, raw, dict, last)
	if err != nil {
		return nil, 0, err
	}
	if !last && len(packed)-len(dst) >= storedSize(len(raw)) {
		packed = appendStored(packed[:len(dst)], raw)
	}
	return packed, sum, nil
}

// NewDecoder reads one or more members, as the program gzip does.
func (gzipCodec) NewDecoder(src io.Reader) (io.ReadCloser, error) {
	return gzip.NewReader(bufio.NewReaderSize(src, 64<<10))
}

func (gzipCodec) newUnpacker() Encoder { return new(gzipUnpacker) }

// gzipUnpacker unpacks a segment between the header and the trailer of gzipFrame.
type gzipUnpacker struct{ decoder inflate.Decoder }

// Encode unpacks stream. See unpackCodec.
func (u *gzipUnpacker) Encode(dst, stream, _ []byte, _ bool) ([]byte, uint64, error) {
	end := len(stream) - gzipTrailer
	packed, trailer := stream[gzipHeader:end], stream[end+len(deflateEnd):]
	begin, size := len(dst), int(binary.LittleEndian.Uint32(trailer[4:]))
	dst = slices.Grow(dst, size)[:begin+size]
	raw := dst[begin:]
	last, err := u.decoder.Unpack(raw, packed)
	if err != nil {
		return nil, 0, refuse("%v", err)
	}
	sum := crc32.ChecksumIEEE(raw)
	if last || sum != binary.LittleEndian.Uint32(trailer) {
		return nil, 0, refuse("segment has changed")
	}
	return dst, uint64(sum), nil
}

const (
	gzipHeader  = 10
	gzipTrailer = 2 + 4 + 4 // deflateEnd, check sum, size
)

// gzipFrame writes the header and the trailer of a gzip member (RFC 1952).
type gzipFrame struct {
	sum  uint32
	size int64
}

// Open writes a header without time, name and system, so that equal contents
// give equal bytes.
func (*gzipFrame) Open(dst io.Writer) error {
	_, err := dst.Write(append([]byte(gzipMagic), 8, 0, 0, 0, 0, 0, 0, 255))
	return err
}

func (f *gzipFrame) Segment(s Segment) error {
	if s.Mark > 1<<32-1 {
		return errors.New("no CRC-32 of a segment")
	}
	f.sum = combineCRC(f.sum, uint32(s.Mark), s.Raw)
	f.size += s.Raw
	return nil
}

func (f *gzipFrame) Close(dst io.Writer) error {
	b := append([]byte(nil), deflateEnd...)
	b = binary.LittleEndian.AppendUint32(b, f.sum)
	b = binary.LittleEndian.AppendUint32(b, uint32(f.size)) // modulo 2^32
	_, err := dst.Write(b)
	return err
}
