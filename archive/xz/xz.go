// Package xz has the tar.xz format. It is not in package archive, so that only
// those who use it link its codec, github.com/ulikunitz/xz. Archives are about as
// large as those of `xz -1`.
package xz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz"

	"github.com/orgexport/orgexport/archive"
)

// TarXz returns the tar.xz format: a POSIX tar stream in an xz stream with one
// index. The xz stream has blocks of 1 MiB, which programs can unpack in
// parallel. While parts are joined, the index takes about 6 bytes of memory for
// each MiB. [archive.Options.Level] has no effect.
//
// There is only one xz stream, because some programs refuse a file with more.
func TarXz() archive.Format { return archive.NewTar(codec{}) }

// codec packs each segment as a block of an xz stream. The mark of a segment is
// the block's unpadded size, which the index has.
type codec struct{}

func (codec) Name() string                            { return "xz" }
func (codec) MediaType() string                       { return "application/x-xz" }
func (codec) Magic() []string                         { return []string{magic} }
func (codec) SegmentSize() int                        { return blockSize }
func (codec) Window() int                             { return 0 }
func (codec) NewFrame() archive.Frame                 { return new(frame) }
func (codec) NewEncoder(int) (archive.Encoder, error) { return encoder{}, nil }

const (
	magic      = "\xfd7zXZ\x00" // of a stream (section 2.1.1.1)
	blockSize  = 1 << 20
	headerSize = 12 // of a stream (xz format 1.2.1, section 2.1.1)
	footerSize = 12 // section 2.1.2
)

// encoder lets the library make a whole stream of each segment, and takes the
// block from it.
type encoder struct{}

func (encoder) Encode(dst, raw, _ []byte, _ bool) ([]byte, uint64, error) {
	var stream bytes.Buffer
	w, err := xz.WriterConfig{DictCap: blockSize, CheckSum: xz.CRC32}.NewWriter(&stream)
	if err != nil {
		return nil, 0, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, 0, err
	}
	if err := w.Close(); err != nil {
		return nil, 0, err
	}
	block, unpadded, err := onlyBlock(stream.Bytes())
	if err != nil {
		return nil, 0, err
	}
	return append(dst, block...), unpadded, nil
}

// onlyBlock returns the block of a stream that has one, and the block's unpadded
// size, from the stream's index.
func onlyBlock(stream []byte) ([]byte, uint64, error) {
	if len(stream) < headerSize+footerSize {
		return nil, 0, errors.New("xz: stream is too short")
	}
	// The footer's backward size is that of the index in units of four bytes,
	// less one.
	units := int64(binary.LittleEndian.Uint32(stream[len(stream)-footerSize+4:]))
	index := int64(len(stream)) - footerSize - 4*(units+1)
	if index < headerSize {
		return nil, 0, errors.New("xz: index is out of place")
	}
	fields := bytes.NewReader(stream[index:])
	var indicator, records, unpadded uint64
	for _, field := range []*uint64{&indicator, &records, &unpadded} {
		v, err := binary.ReadUvarint(fields)
		if err != nil {
			return nil, 0, fmt.Errorf("xz: index: %w", err)
		}
		*field = v
	}
	if indicator != 0 || records != 1 || padded(unpadded) != uint64(index-headerSize) {
		return nil, 0, errors.New("xz: want a stream of one block")
	}
	return stream[headerSize:index], unpadded, nil
}

// padded returns the size of a block with its padding (section 3).
func padded(size uint64) uint64 { return (size + 3) &^ 3 }

// streamFlags say that blocks end in a CRC-32 (section 2.1.1.2).
var streamFlags = []byte{0, 1}

// frame writes the header, the index and the footer of the stream.
type frame struct {
	records uint64
	index   []byte // the records: unpadded size, uncompressed size
}

func (f *frame) Open(dst io.Writer) error {
	b := append([]byte(magic), streamFlags...)
	b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(streamFlags))
	_, err := dst.Write(b)
	return err
}

func (f *frame) Segment(s archive.Segment) error {
	if padded(s.Mark) != uint64(s.Packed) {
		return errors.New("xz: block and its size do not fit")
	}
	f.records++
	f.index = binary.AppendUvarint(f.index, s.Mark)
	f.index = binary.AppendUvarint(f.index, uint64(s.Raw))
	return nil
}

// Close writes the index (section 4) and the footer.
func (f *frame) Close(dst io.Writer) error {
	index := binary.AppendUvarint([]byte{0}, f.records)
	index = append(index, f.index...)
	for len(index)%4 != 0 {
		index = append(index, 0)
	}
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))

	footer := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	footer = append(footer, streamFlags...)
	footer = append(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(footer)), footer...)
	footer = append(footer, 'Y', 'Z')
	_, err := dst.Write(append(index, footer...))
	return err
}
