package archive

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// TarGz returns the tar.gz format: one gzip member (RFC 1952) around a POSIX tar
// stream.
func TarGz() Format { return NewTar(gzipCodec{}) }

// NewTar returns the format of a tar stream that is packed by c. The unit of
// packing is the part's tar stream, headers, contents and padding together,
// cut in segments of [Codec.SegmentSize]; a segment has the stream before it
// as dictionary, never across parts. Files as large as a segment or larger are
// packed on their own, so that a reader that fails leaves nothing.
func NewTar(c Codec) Format { return tarFormat{c} }

type tarFormat struct{ codec Codec }

func (f tarFormat) Name() string      { return "tar." + f.codec.Name() }
func (f tarFormat) Extension() string { return f.Name() }
func (f tarFormat) MediaType() string { return f.codec.MediaType() }
func (f tarFormat) Magic() []string   { return f.codec.Magic() }

func (f tarFormat) Pack(ctx context.Context, body, tail io.Writer, o Options, fn func(Packer) error) error {
	p := &tarPacker{
		ctx:     ctx,
		pool:    o.pool(),
		key:     encoderKey{f.codec, o.level()},
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

// ending is what Pack does with a packer when its function has returned.
type ending interface {
	Packer
	// end completes the part, or with commit false abandons it, and waits for
	// all that is on its way.
	end(commit bool) error
}

// runPack calls fn and ends the part in every case, a panic included.
func runPack(p ending, fn func(Packer) error) (err error) {
	returned := false
	defer func() {
		if eerr := p.end(returned && err == nil); err == nil {
			err = eerr
		}
	}()
	err = fn(p)
	returned = true
	return err
}

// tarPacker packs the tar stream of one part.
type tarPacker struct {
	ctx     context.Context // of the part, not of a single Add
	pool    *Pool
	key     encoderKey
	scratch string
	part    *partWriter
	lane    *lane

	mu      sync.Mutex // held while a whole file is appended
	closed  atomic.Bool
	err     error
	pending []byte // the stream's last bytes, less than a segment
	window  []byte // what comes before pending in the stream
}

func (p *tarPacker) Add(ctx context.Context, e Entry, r io.Reader) (File, error) {
	size := p.key.codec.SegmentSize()
	in, err := newIntake(ctx, &p.closed, e, r)
	if err != nil {
		return File{}, err
	}
	content, err := in.fill(p.pool.buffer(size), size)
	if err != nil {
		return File{}, err
	}
	var large *staged
	if len(content) == size {
		if large, err = stage(in, p.lane, p.scratch, content); err != nil {
			return File{}, err
		}
		content = nil
	}
	header, err := tarHeader(e, in.size)
	if err == nil {
		err = p.append(header, content, large)
	}
	p.pool.release(content)
	if err != nil {
		if large != nil {
			large.packed.Close()
		}
		return File{}, err
	}
	return in.file(), nil
}

// append puts a whole file into the stream: its header, and its content from
// memory or packed already. It is not given up when the context of Add ends,
// because half a file would break the part.
func (p *tarPacker) append(header, content []byte, large *staged) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Load() {
		return ErrClosed
	}
	if p.err == nil {
		p.err = p.lane.failure()
	}
	if p.err == nil {
		p.err = p.appendLocked(header, content, large)
	}
	return p.err
}

func (p *tarPacker) appendLocked(header, content []byte, large *staged) error {
	if err := p.write(header); err != nil {
		return err
	}
	size := int64(len(content))
	if large != nil {
		size = 0
		for _, s := range large.segments {
			size += s.Raw
		}
		if err := p.splice(large); err != nil {
			return err
		}
	} else if err := p.write(content); err != nil {
		return err
	}
	return p.write(zeros[:-size&(tarBlock-1)])
}

const tarBlock = 512

var zeros [tarBlock]byte

// write appends to the stream and packs every segment that is full.
func (p *tarPacker) write(b []byte) error {
	size := p.key.codec.SegmentSize()
	for len(b) > 0 {
		if p.pending == nil {
			p.pending = p.pool.buffer(size)
		}
		n := min(size-len(p.pending), len(b))
		p.pending = append(p.pending, b[:n]...)
		b = b[n:]
		if len(p.pending) == size {
			if err := p.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush packs what is pending as one segment.
func (p *tarPacker) flush() error {
	if len(p.pending) == 0 {
		return nil
	}
	raw, dict := p.pending, p.window
	p.pending = nil
	p.window = slide(dict, raw, p.key.codec.Window())
	return p.lane.pack(p.ctx, raw, dict, false, p.put)
}

// put writes a segment that has been packed.
func (p *tarPacker) put(seg Segment, packed []byte) error {
	if _, err := p.part.Write(packed); err != nil {
		return err
	}
	return p.record(seg)
}

// splice appends a file that is packed already.
func (p *tarPacker) splice(large *staged) error {
	if err := p.flush(); err != nil {
		return err
	}
	p.window = large.window
	return p.lane.then(func(failed bool) error {
		defer large.packed.Close()
		if failed {
			return nil
		}
		if _, err := large.packed.WriteTo(p.part); err != nil {
			return err
		}
		for _, seg := range large.segments {
			if err := p.record(seg); err != nil {
				return err
			}
		}
		return nil
	})
}

// record notes a segment in the tail.
func (p *tarPacker) record(s Segment) error {
	b := binary.AppendUvarint(nil, uint64(s.Raw))
	b = binary.AppendUvarint(b, uint64(s.Packed))
	return p.part.record(binary.AppendUvarint(b, s.Mark))
}

func (p *tarPacker) end(commit bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed.Store(true)
	if !commit {
		p.lane.fail(ErrClosed)
	} else if p.err == nil {
		p.err = p.flush()
	}
	p.pool.release(p.pending)
	p.pending = nil
	if err := p.lane.close(); p.err == nil {
		p.err = err
	}
	return p.err
}

// tarHeader returns the header blocks of a file: USTAR where that can hold it,
// else with PAX records before it.
func tarHeader(e Entry, size int64) ([]byte, error) {
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg,
		Name:     e.Name,
		Size:     size,
		Mode:     0o644,
		ModTime:  e.ModTime.UTC().Truncate(time.Second),
	})
	if err != nil {
		return nil, fmt.Errorf("archive: header of %s: %w", e.Name, err)
	}
	return b.Bytes(), nil
}
