package archive

import (
	"errors"
	"io"
)

// NewDecoder is not there: the test codec only packs.
func (testCodec) NewDecoder(io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("test codec does not unpack")
}
