package archive

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"slices"
)

// unpackCodec unpacks on a lane, where others pack: its encoder gets streams of one segment and
// returns the segments. Their marks are their CRC-32.
type unpackCodec struct{ Codec }

func (c unpackCodec) NewEncoder(int) (Encoder, error) {
	if own, ok := c.Codec.(unpackerCodec); ok {
		return own.newUnpacker(), nil
	}
	return &unpacker{codec: c.Codec}, nil
}

// unpackerCodec is a codec that unpacks a stream of one segment faster than its decoder does.
type unpackerCodec interface {
	// newUnpacker returns the encoder of unpackCodec. It gets a segment in the codec's frame.
	newUnpacker() Encoder
}

// unpacker unpacks with the decoder of any codec.
type unpacker struct {
	codec   Codec
	src     bytes.Reader
	decoder io.ReadCloser // nil if it cannot be used again
}

// Encode unpacks stream. Its error matches ErrPart.
func (u *unpacker) Encode(dst, stream, _ []byte, _ bool) ([]byte, uint64, error) {
	if err := u.open(stream); err != nil {
		return nil, 0, refuse("%v", err)
	}
	begin := len(dst)
	dst, err := u.read(dst)
	if _, ok := u.decoder.(resetter); !ok || err != nil {
		err = errors.Join(err, u.decoder.Close())
		u.decoder = nil
	}
	if err != nil {
		return nil, 0, refuse("%v", err)
	}
	return dst, uint64(crc32.ChecksumIEEE(dst[begin:])), nil
}

// resetter is a decoder that can be used again. See [Codec.NewDecoder].
type resetter interface{ Reset(src io.Reader) error }

func (u *unpacker) open(stream []byte) (err error) {
	u.src.Reset(stream)
	if u.decoder == nil {
		u.decoder, err = u.codec.NewDecoder(&u.src)
		return err
	}
	return u.decoder.(resetter).Reset(&u.src)
}

// read reads the stream to its end, which is where its check sums are checked.
func (u *unpacker) read(dst []byte) ([]byte, error) {
	end := len(dst) + u.codec.SegmentSize() + 1
	dst = slices.Grow(dst, end-len(dst))
	for len(dst) < end {
		n, err := u.decoder.Read(dst[len(dst):end])
		dst = dst[:len(dst)+n]
		if errors.Is(err, io.EOF) {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, errors.New("segment is too long")
}
