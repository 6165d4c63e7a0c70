package archive

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
)

func (f zipFormat) Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error {
	dst = guard{ctx, dst}
	d := &zipDirectory{headers: NewScratch(o.Scratch)}
	defer d.headers.Close()
	if err := joinParts(dst, f.Name(), d.add, fn); err != nil {
		return err
	}
	out := bufio.NewWriter(dst)
	if _, err := d.headers.WriteTo(out); err != nil {
		return err
	}
	if _, err := out.Write(d.end()); err != nil {
		return err
	}
	return out.Flush()
}

// zipDirectory is the central directory of an archive.
type zipDirectory struct {
	headers *Scratch
	files   uint64
	size    int64 // bytes of the files, which come before the directory
}

// add adds the file of a part's next record. It is a readRecord.
func (d *zipDirectory) add(t *tailReader, offset int64) (int64, error) {
	h, err := readZipRecord(t)
	if err != nil {
		return 0, err
	}
	if h.offset != offset {
		return 0, refuse("files do not follow each other")
	}
	length := int64(len(h.local())) + h.packed
	h.offset = d.size
	if _, err := d.headers.Write(h.central()); err != nil {
		return 0, err
	}
	d.files++
	d.size += length
	return length, nil
}

// end returns the end of central directory record (APPNOTE 4.3.16). Where needed
// the record of zip64 and its locator are before it (4.3.14, 4.3.15).
func (d *zipDirectory) end() []byte {
	files, size, offset := d.files, uint64(d.headers.Size()), uint64(d.size)
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
