package pgvalue

import (
	"fmt"

	"github.com/orgexport/orgexport/export/record"
)

// What is nested takes up to 32 times as much memory as its text: an element of one digit
// becomes a field of a record. So there are limits.
const (
	maxElements = 1 << 20  // of an array with all that are in it; YAML has no more either
	maxNested   = 16 << 20 // bytes of the text
)

// tooLarge stands for a nested value that is over the limits: its record is left out.
type tooLarge struct{}

// AppendRecord implements [record.Appender].
func (tooLarge) AppendRecord(dst []byte, _ record.Encoding) ([]byte, error) {
	return dst, fmt.Errorf("%w: a nested value has more than %d elements or %d bytes", record.ErrTooLarge, maxElements, maxNested)
}

// bounded returns a Decoder that decodes no text over the limit.
func bounded(decode Decoder) Decoder {
	return func(text string) any {
		if len(text) > maxNested {
			return tooLarge{}
		}
		return decode(text)
	}
}
