package verify

import (
	"bytes"
	"errors"
	"io"

	"github.com/orgexport/orgexport/archive"
)

// ErrFormat is returned by [Detect] if an archive is of none of the formats.
var ErrFormat = errors.New("verify: not an archive of a known format")

// Detect finds the format of an archive by its first bytes: the first of
// formats with a [archive.Format.Magic] that src begins with. Read the archive
// from the returned reader. That is src itself, back where it was, if src can
// seek.
func Detect(src io.Reader, formats ...archive.Format) (archive.Format, io.Reader, error) {
	size := 0
	for _, f := range formats {
		for _, magic := range f.Magic() {
			size = max(size, len(magic))
		}
	}
	head := make([]byte, size)
	n, err := io.ReadFull(src, head)
	head = head[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	whole := io.MultiReader(bytes.NewReader(head), src)
	if s, ok := src.(io.Seeker); ok {
		if _, err := s.Seek(int64(-n), io.SeekCurrent); err == nil {
			whole = src
		}
	}
	for _, f := range formats {
		for _, magic := range f.Magic() {
			if bytes.HasPrefix(head, []byte(magic)) {
				return f, whole, nil
			}
		}
	}
	return nil, nil, ErrFormat
}
