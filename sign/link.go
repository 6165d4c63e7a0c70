package sign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	wordAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	keyAlphabet  = wordAlphabet + "." // of the elements of an object's key
)

// signedVersion begins what is signed. It changes with the form of links, so
// that a signature never means something else than it did when it was made.
const signedVersion = "orgexport link 1"

// link is what a signed URL says.
type link struct {
	object    object
	filename  string
	expires   int64 // Unix time in seconds
	kid       string
	signature []byte
}

// payload is what is signed. Each field stands behind its length, so that
// nothing can be moved from one to the next.
func (l link) payload() []byte {
	var b []byte
	for _, field := range []string{
		signedVersion, http.MethodGet, l.object.key, l.filename, strconv.FormatInt(l.expires, 10), l.kid,
	} {
		b = fmt.Appendf(b, "%d:%s,", len(field), field)
	}
	return b
}

// path is the link's path behind the prefix, in its only spelling.
func (l link) path() string { return "/" + l.object.key + "/" + escape(l.filename) }

// query is the link's query in its only spelling.
func (l link) query() string {
	return fmt.Sprintf("expires=%d&kid=%s&signature=%s", l.expires, l.kid, base64.RawURLEncoding.EncodeToString(l.signature))
}

// parseLink reads the path behind the prefix and the query of a URL, both as
// they came. It accepts what path and query write and nothing else: what was
// read is written again and compared, so that upper and lower case, an escape
// too many, the order of the parameters, a second one, leading zeros and unused
// bits in base64 need no rule of their own.
func parseLink(path, query string) (link, error) {
	var l link
	key, filename, err := cutLast(strings.TrimPrefix(path, "/"))
	if err != nil {
		return link{}, err
	}
	if l.object, err = parseObject(key); err != nil {
		return link{}, err
	}
	if l.filename, err = url.PathUnescape(filename); err != nil {
		return link{}, errors.New("escape of the file name")
	}
	if err := checkFilename(l.filename); err != nil {
		return link{}, err
	}
	expires, rest, _ := strings.Cut(strings.TrimPrefix(query, "expires="), "&kid=")
	kid, signature, _ := strings.Cut(rest, "&signature=")
	if l.expires, err = strconv.ParseInt(expires, 10, 64); err != nil {
		return link{}, errors.New("expiry")
	}
	if l.signature, err = base64.RawURLEncoding.DecodeString(signature); err != nil {
		return link{}, errors.New("base64 of the signature")
	}
	l.kid = kid
	if l.path() != path || l.query() != query {
		return link{}, errors.New("spelling")
	}
	return l, nil
}

func cutLast(path string) (before, after string, err error) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", errors.New("path")
	}
	return path[:i], path[i+1:], nil
}

// object is the key of an archive in a Destination, and what it says:
// ORGANIZATION/JOB/ATTEMPT.EXT.
type object struct {
	key               string
	organization, job string
	attempt           int
	extension         string // such as "tar.gz"
}

func parseObject(key string) (object, error) {
	elements := strings.Split(key, "/")
	if len(elements) != 3 {
		return object{}, errors.New("want ORGANIZATION/JOB/ATTEMPT.EXT")
	}
	for _, e := range elements {
		if e == "" || e == "." || e == ".." || strings.Trim(e, keyAlphabet) != "" {
			return object{}, errors.New("an element is not made of letters, digits, dots, hyphens and underscores")
		}
	}
	number, extension, _ := strings.Cut(elements[2], ".")
	attempt, err := strconv.Atoi(number)
	if err != nil || attempt < 1 || strconv.Itoa(attempt) != number || extension == "" {
		return object{}, errors.New("the last element is not ATTEMPT.EXT")
	}
	return object{key, elements[0], elements[1], attempt, extension}, nil
}

// checkFilename takes what is safe as the last element of a path, as a file's
// name and in a header field.
func checkFilename(name string) error {
	switch {
	case name == "" || name == "." || name == "..":
		return errors.New("is no name")
	case len(name) > 255:
		return errors.New("has over 255 bytes")
	case !utf8.ValidString(name):
		return errors.New("is not UTF-8")
	case strings.ContainsAny(name, `/\`):
		return errors.New("has a slash or backslash")
	case strings.ContainsFunc(name, unicode.IsControl):
		return errors.New("has a control character")
	}
	return nil
}

const upperHex = "0123456789ABCDEF"

// escape leaves the unreserved characters of RFC 3986 and writes all others as
// %XX in upper case. This is what normalization makes of any spelling, so that
// proxies that normalize paths do not break links.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c == '~' || strings.IndexByte(keyAlphabet, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', upperHex[c>>4], upperHex[c&15]})
		}
	}
	return b.String()
}
