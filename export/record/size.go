package record

import (
	"encoding/json"
	"fmt"
	"math"
)

// DefaultMaxBytes is [Options.MaxBytes] where that is 0.
const DefaultMaxBytes = 64 << 20

// most returns how many bytes a record may have, or a negative number for any.
func (o Options) most() int64 {
	if o.MaxBytes == 0 {
		return DefaultMaxBytes
	}
	return o.MaxBytes
}

// checkSize returns an error that matches ErrTooLarge if a record has more bytes than most. It
// reads no value, so that a large one takes no more memory than it has already. It returns for
// how many bytes there should be room: those of a record of many values, because one that is
// most of its record makes room for itself.
func checkSize(v any, most int64) (room int64, err error) {
	if most < 0 {
		most = math.MaxInt64
	}
	s := sizer{most: most}
	s.add(v, 0)
	if s.size > most {
		return 0, fmt.Errorf("%w: the record has more than %d bytes", ErrTooLarge, most)
	}
	if s.largest > s.size/2 {
		return 0, nil
	}
	return s.size, nil
}

// sizer counts the bytes of texts, numbers and binary values that a record holds by itself, or
// in rows and lists: what else it has only its encoder knows.
type sizer struct {
	size, most int64
	largest    int64 // of the values
	deep       bool  // it is nested too deep to be encoded: a list may hold itself
}

func (s *sizer) add(v any, depth int) {
	switch v := v.(type) {
	case *Value:
		switch {
		case v == nil:
		case v.kind == otherValue:
			s.add(v.other, depth)
		default:
			s.count(len(v.bytes))
		}
	case string:
		s.count(len(v))
	case []byte:
		s.count(len(v))
	case json.RawMessage:
		s.count(len(v))
	case json.Number:
		s.count(len(v))
	case []string:
		for _, text := range v {
			s.count(len(text))
		}
	case Row:
		s.addAll(v.Values, depth)
	case *Row:
		if v != nil {
			s.addAll(v.Values, depth)
		}
	case []any:
		s.addAll(v, depth)
	}
}

func (s *sizer) count(n int) {
	s.size += int64(n)
	s.largest = max(s.largest, int64(n))
}

func (s *sizer) addAll(list []any, depth int) {
	s.deep = s.deep || depth > maxDepth
	for _, v := range list {
		if s.deep || s.size > s.most {
			return
		}
		s.add(v, depth+1)
	}
}

// roomFor makes room for a record of that size, in one step if it is large.
func roomFor(dst []byte, size int64) []byte {
	if size < fillBytes {
		return dst
	}
	return grow(dst, int(size)+fillBytes)
}
