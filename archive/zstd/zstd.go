// Package zstd has the tar.zst format. It is not in package archive, so that only
// those who use it link its codec, github.com/klauspost/compress/zstd.
package zstd

import (
	"bufio"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/orgexport/orgexport/archive"
)

// TarZst returns the tar.zst format: a POSIX tar stream in Zstandard frames of
// 4 MiB (RFC 8878). Each frame has a check sum and can be unpacked by itself.
//
// The levels 1 and 2, 3 to 6, 7 and 8, and 9 of [archive.Options] are about as
// small as `zstd -1`, `-3`, `-7` and `-11`. The levels 3 to 6 pack a frame as 1 and 2 do
// if that makes a sample of it no larger, as with numbers: it takes half the time.
// A segment in the pool is a frame, and takes four times the memory of one of tar.gz.
//
// Reading refuses a frame that asks for a window of more than 128 MiB, as the
// program zstd does by default.
func TarZst() archive.Format { return archive.NewTar(codec{}) }

// codec packs each segment as a frame. Segments have no marks.
type codec struct{}

func (codec) Name() string            { return "zst" }
func (codec) MediaType() string       { return "application/zstd" } // RFC 8878, section 7.1
func (codec) Magic() []string         { return []string{magic, skippable} }
func (codec) SegmentSize() int        { return frameSize }
func (codec) Window() int             { return 0 }
func (codec) NewFrame() archive.Frame { return stream{} }

const (
	magic      = "\x28\xb5\x2f\xfd" // RFC 8878, section 3.1.1
	skippable  = "\x50\x2a\x4d\x18" // section 3.1.2; pzstd begins with such a frame
	frameSize  = 4 << 20
	maxWindow  = 128 << 20
	sampleSize = 64 << 10
)

func (codec) NewEncoder(level int) (archive.Encoder, error) {
	e := &encoder{}
	var err error
	if e.w, err = newWriter(speed(level)); err == nil && speed(level) == zstd.SpeedDefault {
		e.fast, err = newWriter(zstd.SpeedFastest)
	}
	return e, err
}

func newWriter(level zstd.EncoderLevel) (*zstd.Encoder, error) {
	return zstd.NewWriter(nil,
		zstd.WithEncoderLevel(level),
		zstd.WithWindowSize(frameSize),
		zstd.WithEncoderConcurrency(1))
}

// speed returns the library's level.
func speed(level int) zstd.EncoderLevel {
	switch {
	case level <= 2:
		return zstd.SpeedFastest
	case level <= 6:
		return zstd.SpeedDefault
	case level <= 8:
		return zstd.SpeedBetterCompression
	}
	return zstd.SpeedBestCompression
}

type encoder struct {
	w      *zstd.Encoder
	fast   *zstd.Encoder // is tried first, or nil
	sample []byte        // for reuse
}

func (e *encoder) Encode(dst, raw, _ []byte, _ bool) ([]byte, uint64, error) {
	w := e.w
	if e.fast != nil && e.fastIsEnough(raw) {
		w = e.fast
	}
	return w.EncodeAll(raw, dst), 0, nil
}

// fastIsEnough reports whether the fast encoder makes a sample from the middle of raw no
// larger. Where equal strings lie near each other, or there are none, it does.
func (e *encoder) fastIsEnough(raw []byte) bool {
	if len(raw) <= 8*sampleSize {
		return false
	}
	middle := raw[len(raw)/2:][:sampleSize]
	e.sample = e.fast.EncodeAll(middle, e.sample[:0])
	size := len(e.sample)
	e.sample = e.w.EncodeAll(middle, e.sample[:0])
	return size <= len(e.sample)
}

// NewDecoder reads one or more frames, as the program zstd does.
func (codec) NewDecoder(src io.Reader) (io.ReadCloser, error) {
	in := bufio.NewReaderSize(src, 64<<10)
	if b, _ := in.Peek(len(magic)); string(b) != magic && string(b) != skippable {
		return nil, zstd.ErrMagicMismatch // the library would say so later
	}
	d, err := zstd.NewReader(in,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		return nil, err
	}
	return decoder{d}, nil
}

// decoder is the library's decoder, which can be used again, as an [io.ReadCloser].
type decoder struct{ *zstd.Decoder }

func (d decoder) Close() error {
	d.Decoder.Close()
	return nil
}

// stream has nothing around its frames.
type stream struct{}

func (stream) Open(io.Writer) error  { return nil }
func (stream) Close(io.Writer) error { return nil }

func (stream) Segment(s archive.Segment) error {
	if s.Mark != 0 {
		return errors.New("zstd: a frame has no mark")
	}
	return nil
}
