// Package attachment writes names of files for clients that download them.
package attachment

import "strings"

// Disposition returns a Content-Disposition that makes the client save a file of that
// name (RFC 6266). A name that is not plain ASCII is given twice: for clients that know
// RFC 8187, and with underscores for the others.
func Disposition(filename string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, filename)
	value := `attachment; filename="` + plain + `"`
	if plain != filename {
		value += "; filename*=UTF-8''" + Escape(filename)
	}
	return value
}

const (
	unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
	upperHex   = "0123456789ABCDEF"
)

// Escape leaves the unreserved characters of RFC 3986 and writes all others as %XX in
// upper case. This is what normalization makes of any spelling, so that proxies that
// normalize paths do not break links.
func Escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; strings.IndexByte(unreserved, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
