package archive

import "io"

// Codec compresses a stream segment by segment. [NewTar] makes a tar format of it.
// Its methods must be safe for concurrent use. A Codec must be comparable: equal
// codecs share encoders.
type Codec interface {
	// Name is the codec's short name, such as "gz". The tar format has it in
	// its own name and extension.
	Name() string

	// MediaType is the media type of a packed stream, such as
	// "application/gzip".
	MediaType() string

	// Magic returns the byte strings that a packed stream can begin with, as
	// [Format.Magic] does for archives.
	Magic() []string

	// SegmentSize returns how many bytes [Encoder.Encode] gets at a time. The last
	// segment of a part or of a piece may be shorter.
	SegmentSize() int

	// Window returns how many bytes before a segment of a part the encoder gets as its
	// dictionary, or 0 if it needs none. Segments of a piece have none.
	Window() int

	// NewEncoder returns an encoder for a level from 1 to 9.
	NewEncoder(level int) (Encoder, error)

	// NewDecoder unpacks a whole packed stream, or several behind each other, as the
	// format's own program does. Its memory is bounded, whatever the stream asks
	// for. Reading returns [io.EOF] only if the streams are whole, their check
	// sums are right and nothing follows them. One
	// goroutine reads the decoder; another may close it, after the last read
	// has returned.
	//
	// A decoder that has a method Reset(io.Reader) error can unpack another stream, however
	// far it has read the one before. It is kept for that, without being closed, so it must
	// hold nothing but memory.
	NewDecoder(src io.Reader) (io.ReadCloser, error)

	// NewFrame returns the frame of one archive.
	NewFrame() Frame
}

// Encoder packs segments, one after the other. It is used by one goroutine at a
// time, and for segments of different streams.
type Encoder interface {
	// Encode packs raw and returns dst with the result appended. dict is what stands
	// before raw in the stream: [Codec.Window] bytes, or fewer at the beginning of
	// a part. last says that the stream ends with raw; tar formats never set it.
	// mark is any number about the segment, such as a check sum:
	// [Frame.Segment] gets it. Equal raw, dict, last and level give equal packed
	// bytes, whatever was encoded before. They are longer than raw by an eighth and 64
	// bytes at most.
	Encode(dst, raw, dict []byte, last bool) (packed []byte, mark uint64, err error)
}

// Segment describes a packed segment.
type Segment struct {
	Raw    int64  // bytes before packing
	Packed int64  // bytes in the part's body
	Mark   uint64 // from [Encoder.Encode]
}

// Frame writes what stands before and behind the segments of an archive. Open
// is called first, then Segment for each segment in their order, then Close, all
// by one goroutine.
type Frame interface {
	// Open writes what stands before the first segment.
	Open(dst io.Writer) error

	// Segment takes note of the next segment. It returns an error if there can
	// be no such segment.
	Segment(s Segment) error

	// Close writes what stands behind the last segment.
	Close(dst io.Writer) error
}
