package archive

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
	"sync/atomic"
)

// Zip returns the zip format, as PKWARE's APPNOTE.TXT 6.3.10 has it. Local headers
// hold the sizes (there are no data descriptors), names are UTF-8, zip64
// records appear where they are needed. Files are packed in parallel, large
// ones piece by piece, and a file that does not shrink is stored.
func Zip() Format { return zipFormat{} }

type zipFormat struct{}

func (zipFormat) Name() string      { return "zip" }
func (zipFormat) Extension() string { return "zip" }
func (zipFormat) MediaType() string { return "application/zip" }

// Magic returns the signature of a file's header, and that of the end record,
// which an archive without files begins with.
func (zipFormat) Magic() []string { return []string{"PK\x03\x04", "PK\x05\x06"} }

func (f zipFormat) Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error {
	p := &zipPacker{
		ctx:     ctx,
		pool:    o.pool(),
		key:     encoderKey{zipCodec{}, o.level()},
		scratch: o.Scratch,
		part:    newPartWriter(guard{ctx, body}, o.Scratch),
	}
	defer p.part.close()
	p.lane = newLane(p.pool, p.key)
	if err := runPack(p, fn); err != nil {
		return err
	}
	return p.part.writeTail(guard{ctx, tail}, f.Name())
}

// zipPacker packs the files of one part.
type zipPacker struct {
	ctx     context.Context // of the part, not of a single Add
	pool    *Pool
	key     encoderKey
	scratch string
	part    *partWriter
	lane    *lane

	mu     sync.Mutex // held while a whole file is appended
	closed atomic.Bool
	err    error
}

func (p *zipPacker) Add(ctx context.Context, e Entry, r io.Reader) (File, error) {
	in, err := newIntake(ctx, &p.closed, e, r)
	if err != nil {
		return File{}, err
	}
	content, err := in.fill(p.pool.buffer(segmentSize), segmentSize)
	if err != nil {
		return File{}, err
	}
	if len(content) < segmentSize {
		err = p.append(func() error { return p.queueSmall(e, content) })
	} else {
		var large *staged
		if large, err = stage(in, p.lane, p.scratch, content); err != nil {
			return File{}, err
		}
		if err = p.append(func() error { return p.queueLarge(e, large) }); err != nil {
			large.packed.Close()
		}
	}
	if err != nil {
		return File{}, err
	}
	return in.file(), nil
}

// append queues a whole file. It is not given up when the context of Add ends,
// because half a file would break the part.
func (p *zipPacker) append(queue func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return ErrClosed
	}
	if p.err == nil {
		p.err = queue()
	}
	return p.err
}

// queueSmall hands a file that is one segment to the lane.
func (p *zipPacker) queueSmall(e Entry, content []byte) error {
	return p.lane.pack(p.ctx, content, nil, true, func(seg Segment, packed []byte) error {
		h := newZipHeader(e, methodDeflate, zipSum(seg.Mark), seg.Raw, seg.Packed)
		if zipRaw(seg.Mark) {
			h.method = methodStore
		}
		return p.write(h, func() error {
			_, err := p.part.Write(packed)
			return err
		})
	})
}

// queueLarge queues a file that waits packed in scratch.
func (p *zipPacker) queueLarge(e Entry, large *staged) error {
	return p.lane.then(func(failed bool) error {
		defer large.packed.Close()
		if failed {
			return nil
		}
		return p.writeLarge(e, large)
	})
}

// writeLarge stores the file if none of its segments shrank. Otherwise those
// that did not shrink become stored blocks among the deflated.
func (p *zipPacker) writeLarge(e Entry, large *staged) error {
	var sum uint32
	var raw, packed int64
	stored := true
	for _, s := range large.segments {
		sum = combineCRC(sum, zipSum(s.Mark), s.Raw)
		raw += s.Raw
		if zipRaw(s.Mark) {
			packed += int64(storedSize(int(s.Raw)))
		} else {
			stored = false
			packed += s.Packed
		}
	}
	if stored {
		return p.write(newZipHeader(e, methodStore, sum, raw, raw), func() error {
			_, err := large.packed.WriteTo(p.part)
			return err
		})
	}
	packed += int64(len(deflateEnd))
	return p.write(newZipHeader(e, methodDeflate, sum, raw, packed), func() error {
		framer := &storedFramer{dst: p.part, segments: large.segments}
		if _, err := large.packed.WriteTo(framer); err != nil {
			return err
		}
		_, err := p.part.Write(deflateEnd)
		return err
	})
}

// write appends a file's local header and content to the body and notes its
// directory record.
func (p *zipPacker) write(h zipHeader, content func() error) error {
	h.offset = p.part.size
	if _, err := p.part.Write(h.local()); err != nil {
		return err
	}
	if err := content(); err != nil {
		return err
	}
	return p.part.record(h.record())
}

func (p *zipPacker) end(commit bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed.Store(true)
	if !commit {
		p.lane.fail(ErrClosed)
	}
	if err := p.lane.close(); p.err == nil {
		p.err = err
	}
	return p.err
}

// zipCodec packs the segments of files in a zip part. The mark of a segment
// is its CRC-32, and above it a bit that tells that the segment is raw: it
// shrinks too little to be worth unpacking.
type zipCodec struct{ gzipCodec }

const zipRawBit = 1 << 32

func zipSum(mark uint64) uint32 { return uint32(mark) }
func zipRaw(mark uint64) bool   { return mark&zipRawBit != 0 }

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

// worthPacking tries the first, middle and last 64 KiB of a large segment, so
// that images and the like cost no more than a look.
func (e *zipEncoder) worthPacking(raw []byte) (bool, error) {
	if len(raw) <= 4*probeSize {
		return len(raw) > 0, nil
	}
	middle := (len(raw) - probeSize) / 2
	for _, at := range []int{0, middle, len(raw) - probeSize} {
		packed, err := e.deflate(e.probe[:0], raw[at:at+probeSize], nil, true)
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

// shrinks tells whether packing saves 2 % or more.
func shrinks(raw, packed int) bool { return packed <= raw-raw/50-1 }

// storedFramer copies the segments of a file and puts raw ones into stored
// blocks.
type storedFramer struct {
	dst      io.Writer
	segments []Segment
	done     int64 // bytes of the first segment that have passed
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
