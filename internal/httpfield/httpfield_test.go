package httpfield_test

import (
	"math"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/httpfield"
)

func TestIsToken(t *testing.T) {
	for text, want := range map[string]bool{
		"X-Api-Key": true, "a": true, "!#$%&'*+-.^_`|~09azAZ": true,
		"": false, " ": false, "a b": false, "a:": false, `"a"`: false, "a/b": false, "ä": false, "a\n": false, "a\x00": false, "(a)": false,
	} {
		if got := httpfield.IsToken(text); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0": 0, "5": 5 * time.Second, "86400": 24 * time.Hour,
		"18446744073709551615": time.Duration(math.MaxInt64).Truncate(time.Second),
		"18446744073709551616": 0, "-5": 0, "+5": 0, "5.5": 0, "5s": 0, "": 0, "soon": 0,
		"Fri, 26 Jun 2026 21:01:30 GMT": 90 * time.Second, "Fri, 26 Jun 2026 20:00:00 GMT": 0,
		"Friday, 26-Jun-26 21:00:05 GMT": 5 * time.Second, "Fri, 26 Jun 2026 21:01:30": 0,
	} {
		if got := httpfield.RetryAfter(value, now); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}
