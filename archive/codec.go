package archive

import "io"

// Codec is a way to pack a stream segment by segment. Its methods are safe for
// concurrent use. A Codec must be comparable: equal codecs share encoders.
type Codec interface {
	// Name is the codec's short name and what a tar format adds to its
	// extension, such as "gz".
	Name() string

	// MediaType is that of a packed stream, such as "application/gzip".
	MediaType() string

	// Magic returns the byte strings that a packed stream can begin with, as
	// [Format.Magic] does for archives.
	Magic() []string

	// SegmentSize is how many bytes of the stream are packed at a time.
	SegmentSize() int

	// Window is how many bytes of the stream before a segment the encoder
	// wants as dictionary; 0 for none.
	Window() int

	// NewEncoder makes an encoder for a level of 1 to 9.
	NewEncoder(level int) (Encoder, error)

	// NewDecoder unpacks a whole packed stream. Reading returns [io.EOF] only
	// when the stream is whole, its check sums are right and nothing follows it.
	// The decoder is read by one goroutine and closed by another, which waits
	// for the last read.
	NewDecoder(src io.Reader) (io.ReadCloser, error)

	// NewFrame makes what surrounds the segments of one archive.
	NewFrame() Frame
}

// Encoder packs single segments. It is used by one goroutine at a time, again
// and again.
type Encoder interface {
	// Encode packs raw, appends it to dst and returns the extended buffer and a
	// mark that [Frame.Segment] gets back. dict is what comes right before raw
	// in the stream, as much as the codec's window, shorter or empty at the
	// beginning of a part. last is not set for tar formats, whose stream goes
	// on. The result must depend on raw, dict, last and the level only.
	Encode(dst, raw, dict []byte, last bool) (packed []byte, mark uint64, err error)
}

// Frame writes what a packed stream has before and behind its segments. It is
// used by one goroutine, in the order of its methods.
type Frame interface {
	// Open writes what comes before the first segment.
	Open(dst io.Writer) error

	// Segment takes note of the next segment in the stream. An error means that
	// no such segment can exist.
	Segment(s Segment) error

	// Close writes what comes behind the last segment.
	Close(dst io.Writer) error
}
