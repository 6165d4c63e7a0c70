package verify

import (
	"bytes"
	"errors"
	"io"

	"github.com/orgexport/orgexport/archive"
)

// ErrFormat is returned by [Detect] if an archive is of none of the formats.
var ErrFormat = errors.New("verify: not an archive of a known format")

// magic is how archives of a format, by its name, may begin.
func magic(format string) []string {
	switch format {
	case "zip":
		return []string{"PK\x03\x04", "PK\x05\x06"} // a file, or none at all
	case "tar.gz":
		return []string{"\x1f\x8b"}
	case "tar.xz":
		return []string{"\xfd7zXZ\x00"}
	case "tar.zst":
		return []string{"\x28\xb5\x2f\xfd"}
	}
	return nil
}

const magicSize = 6

// Detect tells by the first bytes of an archive which of the formats it is of.
// The archive is to be read from the returned reader: src itself, back where
// it was, if it can seek.
func Detect(src io.Reader, formats ...archive.Format) (archive.Format, io.Reader, error) {
	head := make([]byte, magicSize)
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
		for _, m := range magic(f.Name()) {
			if bytes.HasPrefix(head, []byte(m)) {
				return f, whole, nil
			}
		}
	}
	return nil, nil, ErrFormat
}
