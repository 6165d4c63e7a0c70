package export

import "io"

// sinkReader passes a file on to the packer. It keeps the section's limit,
// reports progress, and holds the sink's commit lock from the end of the file
// until it has settled.
type sinkReader struct {
	sink    *sink
	r       io.Reader
	size    int64
	left    int64
	holding bool
}

func (in *sinkReader) Read(p []byte) (int, error) {
	if in.left < 0 {
		return 0, tooLarge("section", in.sink.maxBytes)
	}
	n, err := in.r.Read(p)
	in.size += int64(n)
	if in.left -= int64(n); in.left < 0 {
		return 0, tooLarge("section", in.sink.maxBytes)
	}
	if err == io.EOF && !in.holding {
		in.sink.commit.Lock()
		if in.sink.closed {
			in.sink.commit.Unlock()
			return 0, errSinkClosed
		}
		in.holding = true
	}
	if err == nil {
		in.sink.advance(in.size)
	}
	return n, err
}

func (in *sinkReader) settle() {
	if in.holding {
		in.sink.commit.Unlock()
	}
}
