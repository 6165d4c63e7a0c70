package record

import (
	"encoding/json"
	"math"
	"strconv"
)

const hexDigits = "0123456789abcdef"

// appendJSONString appends valid UTF-8 as a JSON string. Only what must be escaped is.
func appendJSONString[T string | []byte](dst []byte, s T) []byte {
	if len(s) > largeText && cap(dst)-len(dst) < 6*len(s)+2 { // which is enough for any
		dst = grow(dst, jsonSize(s))
	}
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		start = i + 1
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// largeText is from how many bytes on room is made for a text before it is written: many small
// steps of append take several times as much memory.
const largeText = 1 << 10

// jsonSize returns how many bytes a text takes as a JSON string.
func jsonSize[T string | []byte](s T) int {
	size := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			size++
		case c < ' ':
			size += len(`\u0000`) - 1
		}
	}
	return size
}

// appendJSONFloat appends a finite float.
func appendJSONFloat(dst []byte, f float64, bits int) []byte {
	small, large := 1e-6, 1e21
	if bits == 32 {
		small, large = float64(float32(small)), float64(float32(large))
	}
	if a := math.Abs(f); a == 0 || a >= small && a < large {
		return strconv.AppendFloat(dst, f, 'f', -1, bits)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	if n := len(dst); dst[n-4] == 'e' && dst[n-3] == '-' && dst[n-2] == '0' { // e-09
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

func isJSONNumber[T ~string | []byte](s T) bool {
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	return len(s) > 0 && (s[0] == '-' || isDigit(s[0])) && isDigit(s[len(s)-1]) && json.Valid([]byte(s))
}
