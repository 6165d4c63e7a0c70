package xz

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"slices"

	"github.com/ulikunitz/xz/lzma"
)

// maxDictionary bounds the memory that a block may ask for. `xz -9` needs 64 MiB.
const maxDictionary = 64 << 20

// NewDecoder reads one or more streams, as the program xz does. The library only
// unpacks the contents of blocks. Its own reader of streams cannot be used for
// archives that come from anywhere: it allocates whatever a header asks for,
// remembers every block, and takes a stream that is cut between two blocks for
// whole.
func (codec) NewDecoder(src io.Reader) (io.ReadCloser, error) {
	d := &decoder{src: bufio.NewReaderSize(src, 64<<10)}
	if err := d.openStream(); err != nil {
		return nil, unexpected(err)
	}
	return d, nil
}

type decoder struct {
	src *bufio.Reader
	n   int64 // bytes read from src
	err error

	check []byte    // flags of the stream, which name its check
	seen  blockList // blocks of the stream so far

	block        io.Reader // nil between blocks
	header       blockHeader
	sum          hash.Hash
	start        int64 // n behind the block's header
	raw          int64 // bytes unpacked from the block
	total        int64 // bytes unpacked from all blocks
	dictionaries int64 // bytes, of all blocks
}

func (d *decoder) Read(p []byte) (int, error) {
	for d.err == nil {
		if d.block == nil {
			d.err = d.next()
			continue
		}
		n, err := d.block.Read(p)
		d.raw += int64(n)
		d.sum.Write(p[:n])
		if errors.Is(err, io.EOF) {
			err = unexpected(d.closeBlock())
		}
		d.err = err
		if n > 0 {
			return n, nil
		}
	}
	return 0, d.err
}

func (d *decoder) Close() error { return nil }

// input counts what is read from the source.
type input struct{ d *decoder }

func (in input) Read(p []byte) (int, error) {
	n, err := in.d.src.Read(p)
	in.d.n += int64(n)
	return n, err
}

func (in input) ReadByte() (byte, error) {
	b, err := in.d.src.ReadByte()
	if err == nil {
		in.d.n++
	}
	return b, err
}

// take reads n bytes.
func (d *decoder) take(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(input{d}, b)
	return b, err
}

// unexpected turns io.EOF into [io.ErrUnexpectedEOF], where nothing may end.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// openStream reads a stream's header (section 2.1.1).
func (d *decoder) openStream() error {
	b, err := d.take(headerSize)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(b, []byte(magic)) || crc32.ChecksumIEEE(b[6:8]) != binary.LittleEndian.Uint32(b[8:]) {
		return errors.New("xz: no header of a stream")
	}
	d.check, d.seen = b[6:8], newBlockList()
	_, err = newCheck(d.check)
	return err
}

// newCheck returns the check of a stream's blocks (section 2.1.1.2).
func newCheck(flags []byte) (hash.Hash, error) {
	switch binary.BigEndian.Uint16(flags) {
	case 0:
		return noCheck{}, nil
	case 1:
		return crc32.NewIEEE(), nil
	case 4:
		return crc64.New(crc64.MakeTable(crc64.ECMA)), nil
	case 10:
		return sha256.New(), nil
	}
	return nil, errors.New("xz: check of an unknown kind")
}

// noCheck is the check of a stream without one.
type noCheck struct{}

func (noCheck) Write(p []byte) (int, error) { return len(p), nil }
func (noCheck) Sum(b []byte) []byte         { return b }
func (noCheck) Reset()                      {}
func (noCheck) Size() int                   { return 0 }
func (noCheck) BlockSize() int              { return 1 }

// next begins the next block. At the end of all streams it returns io.EOF.
func (d *decoder) next() error {
	size, err := input{d}.ReadByte()
	if err != nil {
		return unexpected(err)
	}
	if size == 0 {
		if err := d.closeStream(); err != nil {
			return unexpected(err)
		}
		return d.nextStream()
	}
	rest, err := d.take(4*int(size) + 3)
	if err != nil {
		return unexpected(err)
	}
	if d.header, err = parseBlock(append([]byte{size}, rest...)); err != nil {
		return err
	}
	if d.dictionaries += d.header.dictionary; d.dictionaries > 4*maxDictionary+16*d.total {
		return errors.New("xz: dictionaries are far larger than what is packed")
	}
	d.start, d.raw = d.n, 0
	if d.sum, err = newCheck(d.check); err != nil {
		return err
	}
	config := lzma.Reader2Config{DictCap: int(max(d.header.dictionary, lzma.MinDictCap))}
	d.block, err = config.NewReader2(input{d})
	return err
}

// nextStream passes over padding (section 2.2) and begins the next stream.
func (d *decoder) nextStream() error {
	for {
		b, err := d.src.Peek(4)
		if len(b) == 0 && err != nil {
			return err // io.EOF: this is the end
		}
		if !bytes.Equal(b, make([]byte, 4)) {
			return unexpected(d.openStream())
		}
		if _, err := d.take(4); err != nil {
			return err
		}
	}
}

// closeBlock checks what follows the contents of a block (section 3).
func (d *decoder) closeBlock() error {
	packed := d.n - d.start
	h := d.header
	if h.packed >= 0 && packed != h.packed || h.raw >= 0 && d.raw != h.raw {
		return errors.New("xz: block has another length than its header tells")
	}
	padding := int(padded(uint64(packed)) - uint64(packed))
	tail, err := d.take(padding + d.sum.Size())
	if err != nil {
		return err
	}
	sum := d.sum.Sum(nil)
	if d.sum.Size() < sha256.Size { // the CRCs are little-endian
		slices.Reverse(sum)
	}
	if !bytes.Equal(tail[:padding], make([]byte, padding)) || !bytes.Equal(tail[padding:], sum) {
		return errors.New("xz: check of a block is wrong")
	}
	d.seen.add(uint64(h.size)+uint64(packed)+uint64(d.sum.Size()), uint64(d.raw))
	d.total += d.raw
	d.block = nil
	return nil
}

// closeStream checks the index (section 4), whose first byte has been read, and
// the footer (section 2.1.2).
func (d *decoder) closeStream() error {
	start := d.n - 1
	sum := crc32.NewIEEE()
	sum.Write([]byte{0})
	in := &summed{input{d}, sum}
	records, err := binary.ReadUvarint(in)
	if err != nil {
		return err
	}
	list := newBlockList()
	for range min(records, d.seen.n+1) {
		unpadded, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		raw, err := binary.ReadUvarint(in)
		if err != nil {
			return err
		}
		list.add(unpadded, raw)
	}
	if !list.equal(d.seen) || records != d.seen.n {
		return errors.New("xz: index does not fit the blocks")
	}
	for (d.n-start)%4 != 0 {
		if b, err := in.ReadByte(); err != nil || b != 0 {
			return errors.Join(errors.New("xz: index is not padded with zeros"), err)
		}
	}
	b, err := d.take(4 + footerSize)
	if err != nil {
		return err
	}
	units := uint32((d.n-footerSize-start)/4 - 1)
	footer := b[4:]
	if binary.LittleEndian.Uint32(b) != sum.Sum32() ||
		binary.LittleEndian.Uint32(footer) != crc32.ChecksumIEEE(footer[4:10]) ||
		binary.LittleEndian.Uint32(footer[4:]) != units ||
		!bytes.Equal(footer[8:10], d.check) || string(footer[10:]) != "YZ" {
		return errors.New("xz: stream does not end as it should")
	}
	return nil
}

// summed sums the bytes that it reads.
type summed struct {
	in  input
	sum hash.Hash32
}

func (s *summed) ReadByte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

// blockList is a list of lengths of blocks, in bounded memory: two lists can only
// be compared.
type blockList struct {
	n   uint64
	sum hash.Hash
}

func newBlockList() blockList { return blockList{sum: sha256.New()} }

func (l *blockList) add(unpadded, raw uint64) {
	l.n++
	b := binary.LittleEndian.AppendUint64(nil, unpadded)
	l.sum.Write(binary.LittleEndian.AppendUint64(b, raw))
}

func (l *blockList) equal(other blockList) bool {
	return l.n == other.n && bytes.Equal(l.sum.Sum(nil), other.sum.Sum(nil))
}

// blockHeader is the header of a block (section 3.1).
type blockHeader struct {
	size        int   // of the header itself
	packed, raw int64 // -1 if the header does not say
	dictionary  int64
}

// parseBlock reads a header with LZMA2 (section 5.3.1) as the only filter.
func parseBlock(b []byte) (h blockHeader, err error) {
	h = blockHeader{size: len(b), packed: -1, raw: -1}
	fields := b[2 : len(b)-4]
	if crc32.ChecksumIEEE(b[:len(b)-4]) != binary.LittleEndian.Uint32(b[len(b)-4:]) {
		return h, errors.New("xz: header of a block is wrong")
	}
	if b[1]&0x3f != 0 {
		return h, errors.New("xz: filters other than LZMA2 are not read")
	}
	for _, f := range []struct {
		flag  byte
		field *int64
	}{{0x40, &h.packed}, {0x80, &h.raw}} {
		if b[1]&f.flag == 0 {
			continue
		}
		v, n := binary.Uvarint(fields)
		if n <= 0 || v > 1<<62 {
			return h, errors.New("xz: header of a block has no lengths")
		}
		*f.field, fields = int64(v), fields[n:]
	}
	if !bytes.HasPrefix(fields, []byte{0x21, 1}) || len(fields) < 3 || len(bytes.Trim(fields[3:], "\x00")) > 0 {
		return h, errors.New("xz: filters other than LZMA2 are not read")
	}
	if h.dictionary, err = lzma.DecodeDictCap(fields[2]); err != nil {
		return h, err
	}
	if h.dictionary > maxDictionary {
		return h, fmt.Errorf("xz: dictionary of %d bytes, at most %d are read", h.dictionary, maxDictionary)
	}
	return h, nil
}
