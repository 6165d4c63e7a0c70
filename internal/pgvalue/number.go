package pgvalue

import (
	"encoding/json"
	"strings"
)

// ExactNumber returns a decimal text as a JSON number with the same digits. It mends what
// is a number in SQL and not in JSON, such as .5, 5., +1 and 007. It reports false if the
// text is no number.
func ExactNumber(s string) (json.Number, bool) {
	rest := strings.TrimLeft(s, "+-")
	sign := s[:len(s)-len(rest)]
	whole, rest := digits(rest)
	fraction := ""
	if strings.HasPrefix(rest, ".") {
		fraction, rest = digits(rest[1:])
	}
	if len(sign) > 1 || whole+fraction == "" || !isExponent(rest) {
		return "", false
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return json.Number(strings.TrimPrefix(sign, "+") + whole + fraction + rest), true
}

// isExponent reports whether s is empty or as in 1e-7.
func isExponent(s string) bool {
	if s == "" {
		return true
	}
	power := strings.TrimLeft(s[1:], "+-")
	number, rest := digits(power)
	return (s[0] == 'e' || s[0] == 'E') && len(s)-1-len(power) <= 1 && number != "" && rest == ""
}

// digits returns the digits that s begins with, and the rest of s.
func digits(s string) (number, rest string) {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return s[:n], s[n:]
}
