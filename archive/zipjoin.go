package archive

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
)

func (f zipFormat) Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error {
	dst = guard{ctx, dst}
	j := &zipJoiner{dst: dst, directory: NewScratch(o.Scratch)}
	defer j.directory.Close()
	err := fn(j)
	if err == nil {
		err = j.err
	}
	if err != nil {
		return err
	}
	out := bufio.NewWriter(dst)
	if _, err := j.directory.WriteTo(out); err != nil {
		return err
	}
	if _, err := out.Write(j.end()); err != nil {
		return err
	}
	return out.Flush()
}

// zipJoiner copies bodies and merges their directories.
type zipJoiner struct {
	dst       io.Writer
	size      int64 // bytes written
	files     uint64
	directory *Scratch
	err       error
}

func (j *zipJoiner) Part(body, tail io.Reader) error {
	if j.err == nil {
		j.err = j.part(body, tail)
	}
	return j.err
}

func (j *zipJoiner) part(body, tail io.Reader) error {
	t, err := readTail(tail, zipFormat{}.Name())
	if err != nil {
		return err
	}
	if err := t.copyBody(j.dst, body); err != nil {
		return err
	}
	var next int64
	for range t.Records {
		h, err := readZipRecord(t)
		if err != nil {
			return err
		}
		if h.offset != next {
			return refuse("files do not follow each other")
		}
		next = h.offset + int64(len(h.local())) + h.packed
		if next > t.BodySize {
			return refuse("files are longer than the body")
		}
		h.offset += j.size
		if _, err := j.directory.Write(h.central()); err != nil {
			return err
		}
		j.files++
	}
	if next != t.BodySize {
		return refuse("files are shorter than the body")
	}
	j.size += t.BodySize
	return t.end()
}

// end returns the end of central directory record (APPNOTE 4.3.16), before it
// where needed that of zip64 and its locator (4.3.14, 4.3.15).
func (j *zipJoiner) end() []byte {
	files, size, offset := j.files, uint64(j.directory.Size()), uint64(j.size)
	var b []byte
	if files >= max16 || size >= max32 || offset >= max32 {
		b = binary.LittleEndian.AppendUint32(b, zip64EndMagic)
		b = binary.LittleEndian.AppendUint64(b, 44) // bytes of this record from here
		b = binary.LittleEndian.AppendUint16(b, zipUnix|zip64Since)
		b = binary.LittleEndian.AppendUint16(b, zip64Since)
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // disk numbers
		b = binary.LittleEndian.AppendUint64(b, files)
		b = binary.LittleEndian.AppendUint64(b, files)
		b = binary.LittleEndian.AppendUint64(b, size)
		b = binary.LittleEndian.AppendUint64(b, offset)

		b = binary.LittleEndian.AppendUint32(b, zip64FindMagic)
		b = append(b, 0, 0, 0, 0) // disk
		b = binary.LittleEndian.AppendUint64(b, offset+size)
		b = binary.LittleEndian.AppendUint32(b, 1) // disks
		files, size, offset = min(files, max16), min(size, max32), min(offset, max32)
	}
	b = binary.LittleEndian.AppendUint32(b, zipEndMagic)
	b = append(b, 0, 0, 0, 0) // disk numbers
	b = binary.LittleEndian.AppendUint16(b, uint16(files))
	b = binary.LittleEndian.AppendUint16(b, uint16(files))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	b = binary.LittleEndian.AppendUint32(b, uint32(offset))
	return append(b, 0, 0) // no comment
}
