package archive

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

// zipCodec packs the segments of a file. The mark of a segment is its CRC-32. A
// bit above that is set if the segment is raw, because packing it saved too
// little.
type zipCodec struct{ gzipCodec }

const zipRawBit = 1 << 32

// zipSum returns the CRC-32 in a mark.
func zipSum(mark uint64) uint32 { return uint32(mark) }

// zipRaw reports whether a segment is raw.
func zipRaw(mark uint64) bool { return mark&zipRawBit != 0 }

func (zipCodec) NewEncoder(level int) (Encoder, error) {
	d, err := newDeflater(level)
	if err != nil {
		return nil, err
	}
	return zipEncoder{d}, nil
}

type zipEncoder struct{ *deflater }

func (e zipEncoder) Encode(dst, raw, dict []byte, last bool) ([]byte, uint64, error) {
	mark := uint64(crc32.ChecksumIEEE(raw))
	worth, err := e.worthPacking(raw)
	if err != nil {
		return nil, 0, err
	}
	if worth {
		packed, err := e.deflate(dst, raw, dict, last)
		if err != nil {
			return nil, 0, err
		}
		if shrinks(len(raw), len(packed)-len(dst)) {
			return packed, mark, nil
		}
		dst = packed[:len(dst)]
	}
	return append(dst, raw...), mark | zipRawBit, nil
}

// storedFramer copies the segments of a file. It puts raw segments into stored
// blocks of DEFLATE.
type storedFramer struct {
	dst      io.Writer
	segments []Segment
	done     int64 // bytes of the first segment that have been copied
}

func (f *storedFramer) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		seg := f.segments[0]
		n := min(int64(len(p)), seg.Packed-f.done)
		if zipRaw(seg.Mark) {
			n = min(n, maxStored-f.done%maxStored)
			if f.done%maxStored == 0 {
				if err := f.header(min(maxStored, seg.Packed-f.done)); err != nil {
					return 0, err
				}
			}
		}
		if _, err := f.dst.Write(p[:n]); err != nil {
			return 0, err
		}
		p = p[n:]
		if f.done += n; f.done == seg.Packed {
			f.segments, f.done = f.segments[1:], 0
		}
	}
	return total, nil
}

// header begins a stored block of n bytes.
func (f *storedFramer) header(n int64) error {
	b := binary.LittleEndian.AppendUint16([]byte{0}, uint16(n))
	_, err := f.dst.Write(binary.LittleEndian.AppendUint16(b, ^uint16(n)))
	return err
}
