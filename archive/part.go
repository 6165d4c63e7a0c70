package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash"
	"hash/crc32"
	"io"
)

// A part is a body and a tail, and so is a piece of a file. The body is whatever bytes the
// format wants in the archive. The tail is a header, the format's records, and a check sum:
//
//	magic          4 bytes, which tell parts from pieces
//	part version   1 byte
//	format name    1 byte of length, then the name
//	body length    8 bytes, little endian like all that follow
//	body CRC-32C   4 bytes
//	records        8 bytes: how many follow
//	record ...     unsigned varints and byte strings, as the format defines
//	tail CRC-32C   4 bytes over everything before
const (
	partMagic  = "oxpt"
	pieceMagic = "oxpc"
)

// partVersion must be raised by a change of this layout or of a codec's output,
// because older code could then not join a newer part, or to other bytes.
const partVersion = 2

// castagnoli is the table of CRC-32C, which processors compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// partWriter writes a part. It counts and sums the bytes of the body and
// collects the records of the tail.
type partWriter struct {
	body    io.Writer
	size    int64
	sum     uint32
	records *Scratch
	count   uint64
}

func newPartWriter(body io.Writer, scratchDir string) *partWriter {
	return &partWriter{body: body, records: NewScratch(scratchDir)}
}

// Write appends to the body.
func (w *partWriter) Write(p []byte) (int, error) {
	n, err := w.body.Write(p)
	w.size += int64(n)
	w.sum = crc32.Update(w.sum, castagnoli, p[:n])
	return n, err
}

// record appends one record to the tail.
func (w *partWriter) record(b []byte) error {
	w.count++
	_, err := w.records.Write(b)
	return err
}

// recordSegments appends a record for each segment.
func (w *partWriter) recordSegments(segments []Segment) error {
	for _, s := range segments {
		b := binary.AppendUvarint(nil, uint64(s.Raw))
		b = binary.AppendUvarint(b, uint64(s.Packed))
		if err := w.record(binary.AppendUvarint(b, s.Mark)); err != nil {
			return err
		}
	}
	return nil
}

// writeTail writes the tail of the finished body.
func (w *partWriter) writeTail(dst io.Writer, magic, format string) error {
	sum := crc32.New(castagnoli)
	out := bufio.NewWriter(io.MultiWriter(dst, sum))
	head := append([]byte(magic), partVersion, byte(len(format)))
	head = append(head, format...)
	head = binary.LittleEndian.AppendUint64(head, uint64(w.size))
	head = binary.LittleEndian.AppendUint32(head, w.sum)
	head = binary.LittleEndian.AppendUint64(head, w.count)
	if _, err := out.Write(head); err != nil {
		return err
	}
	if _, err := w.records.WriteTo(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := dst.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32()))
	return err
}

// close releases the scratch.
func (w *partWriter) close() { w.records.Close() }

// tailReader reads a tail. It sums the bytes that it reads.
type tailReader struct {
	r        *bufio.Reader
	sum      hash.Hash32
	BodySize int64
	bodySum  uint32
	Records  uint64
}

// readTail reads the header of a tail with the given magic and of the given format.
func readTail(r io.Reader, magic, format string) (*tailReader, error) {
	t := &tailReader{r: bufio.NewReader(r), sum: crc32.New(castagnoli)}
	head, err := t.bytes(len(magic) + 2)
	if err != nil {
		return nil, err
	}
	if string(head[:len(magic)]) != magic {
		return nil, refuse("the tail is of another kind")
	}
	if version := head[len(magic)]; version != partVersion {
		return nil, refuse("version %d, this is version %d", version, partVersion)
	}
	name, err := t.bytes(int(head[len(magic)+1]))
	if err != nil {
		return nil, err
	}
	if string(name) != format {
		return nil, refuse("format %q, want %q", name, format)
	}
	rest, err := t.bytes(8 + 4 + 8)
	if err != nil {
		return nil, err
	}
	t.BodySize = int64(binary.LittleEndian.Uint64(rest))
	t.bodySum = binary.LittleEndian.Uint32(rest[8:])
	t.Records = binary.LittleEndian.Uint64(rest[12:])
	if t.BodySize < 0 {
		return nil, refuse("negative length")
	}
	return t, nil
}

// end checks the check sum behind the last record.
func (t *tailReader) end() error {
	want := t.sum.Sum32()
	got, err := t.bytes(4)
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(got) != want {
		return refuse("tail has changed")
	}
	return nil
}

// bytes reads n bytes of the tail.
func (t *tailReader) bytes(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(t.r, b); err != nil {
		return nil, cut(err)
	}
	t.sum.Write(b)
	return b, nil
}

// ReadByte implements [io.ByteReader], for package binary.
func (t *tailReader) ReadByte() (byte, error) {
	b, err := t.r.ReadByte()
	if err == nil {
		t.sum.Write([]byte{b})
	}
	return b, err
}

// uvarint reads a number.
func (t *tailReader) uvarint() (uint64, error) {
	v, err := binary.ReadUvarint(t)
	return v, cut(err)
}

// length reads a number that is a length or an offset and fits into int64.
func (t *tailReader) length() (int64, error) {
	v, err := t.uvarint()
	if err == nil && int64(v) < 0 {
		return 0, refuse("number out of range")
	}
	return int64(v), err
}

// segment reads what recordSegments wrote of a segment.
func (t *tailReader) segment() (s Segment, err error) {
	if s.Raw, err = t.length(); err != nil {
		return s, err
	}
	if s.Packed, err = t.length(); err != nil {
		return s, err
	}
	s.Mark, err = t.uvarint()
	return s, err
}

// cut turns the early end of a tail, or a number that is too long, into a
// refusal. Package binary has no error value for the latter.
func cut(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return refuse("tail is cut")
	case err.Error() == "binary: varint overflows a 64-bit integer":
		return refuse("tail has changed")
	}
	return err
}
