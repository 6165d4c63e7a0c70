// Package httpfield reads what stands in the header fields of HTTP.
package httpfield

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const tokenAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&'*+-.^_`|~"

// IsToken reports whether text is a token (RFC 9110, section 5.6.2), as the name of a field is.
func IsToken(text string) bool { return text != "" && strings.Trim(text, tokenAlphabet) == "" }

// RetryAfter returns how long a server wants to be left alone: the value of Retry-After is seconds or
// a time (RFC 9110, section 10.2.3). It is 0 if the value is neither, or a time that has passed, and
// the longest duration if there are more seconds than that.
func RetryAfter(value string, now time.Time) time.Duration {
	const most = math.MaxInt64 / int64(time.Second)
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		return time.Duration(min(seconds, uint64(most))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
