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
	return &zipEncoder{d, nil}, nil
}

type zipEncoder struct {
	*deflater
	probe []byte
}

func (e *zipEncoder) Encode(dst, raw, dict []byte, last bool) ([]byte, uint64, error) {
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

const probeSize = 64 << 10

// worthPacking reports whether it is worth trying to pack a segment. It looks at the first,
// the middle and the last 64 KiB of a large one, so that images and the like cost little:
// if their bytes are as frequent as those of noise it packs them to see.
func (e *zipEncoder) worthPacking(raw []byte) (bool, error) {
	if len(raw) <= 4*probeSize {
		return len(raw) > 0, nil
	}
	middle := (len(raw) - probeSize) / 2
	for _, at := range []int{0, middle, len(raw) - probeSize} {
		piece := raw[at : at+probeSize]
		if !likeNoise(piece[:probeSize/4]) {
			return true, nil
		}
		packed, err := e.deflate(e.probe[:0], piece, nil, true)
		if err != nil {
			return false, err
		}
		e.probe = packed
		if shrinks(probeSize, len(packed)) {
			return true, nil
		}
	}
	return false, nil
}

// likeNoise reports whether all bytes are about as frequent in b. Text is far from it: with
// 64 characters that are equally frequent, the sum is 4.
func likeNoise(b []byte) bool {
	var counts [256]int
	for _, c := range b {
		counts[c]++
	}
	var squares int
	for _, n := range counts {
		squares += n * n
	}
	return 256*squares < 2*len(b)*len(b)
}

// shrinks reports whether packing saves 2 % or more.
func shrinks(raw, packed int) bool { return packed <= raw-raw/50-1 }

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
