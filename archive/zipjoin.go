package archive

import (
	"bufio"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
)

func (f zipFormat) Join(ctx context.Context, dst io.Writer, o Options, fn func(Joiner) error) error {
	dst = guard{ctx, dst}
	d := &zipDirectory{headers: NewScratch(o.Scratch)}
	defer d.headers.Close()
	j := &joiner{ctx: ctx, dst: dst, format: f.Name(), codec: gzipCodec{}, pool: o.pool(), layout: &zipJoin{dst, d}}
	if err := j.run(fn); err != nil {
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

// zipJoin makes a file of pieces one stream of DEFLATE, of which each piece has whole blocks.
type zipJoin struct {
	dst       io.Writer
	directory *zipDirectory
}

func (z *zipJoin) record(t *tailReader, offset int64) (int64, error) {
	h, err := readZipRecord(t)
	if err != nil {
		return 0, err
	}
	if h.offset != offset {
		return 0, refuse("files do not follow each other")
	}
	return z.directory.add(h)
}

// begin needs no piece to be open: sizes and check sums of all are known.
func (z *zipJoin) begin(e Entry, size int64, sources []PieceSource) error {
	var sum uint32
	packed := int64(len(deflateEnd))
	for _, s := range sources {
		sum = combineCRC(sum, crc32.ChecksumIEEE(s.Text), int64(len(s.Text)))
		packed += int64(storedSize(len(s.Text)))
		if s.Open != nil {
			sum = combineCRC(sum, s.Piece.CRC32, s.Piece.Size)
			packed += s.Piece.Packed
		}
	}
	h := newZipHeader(e, methodDeflate, sum, size, packed)
	if _, err := z.dst.Write(h.local()); err != nil {
		return err
	}
	_, err := z.directory.add(h)
	return err
}

func (z *zipJoin) text(b []byte) error {
	_, err := z.dst.Write(appendStored(nil, b))
	return err
}

func (z *zipJoin) segment(_ Segment, packed []byte) error {
	_, err := z.dst.Write(packed)
	return err
}

func (z *zipJoin) end() error {
	_, err := z.dst.Write(deflateEnd)
	return err
}

// zipDirectory is the central directory of an archive.
type zipDirectory struct {
	headers *Scratch
	files   uint64
	size    int64 // bytes of the files, which come before the directory
}

// add adds the next file and returns the length of all of it.
func (d *zipDirectory) add(h zipHeader) (length int64, err error) {
	length = int64(len(h.local())) + h.packed
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
