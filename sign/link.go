package sign

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/internal/attachment"
)

// What is signed begins with its version. It changes with the form of links, so
// that a signature never means something else than it did when it was made.
const (
	signedVersion = "orgexport link 1"
	boundVersion  = "orgexport link 2" // of a link that says whom it is for
)

// link is what a signed URL says.
type link struct {
	object    object
	filename  string
	expires   int64  // Unix time in seconds
	holder    []byte // sealed; empty of a link that is not bound
	kid       string
	signature []byte
}

// payload returns what is signed. Each field stands behind its length, so that
// nothing can be moved from one field to the next.
func (l link) payload() []byte {
	fields := []string{signedVersion, http.MethodGet, l.object.key, l.filename, strconv.FormatInt(l.expires, 10), l.kid}
	if len(l.holder) > 0 {
		fields[0] = boundVersion
		fields = append(fields, string(l.holder))
	}
	var b []byte
	for _, field := range fields {
		b = fmt.Appendf(b, "%d:%s,", len(field), field)
	}
	return b
}

// path returns the link's path, without what [Config].Path says, in its only
// spelling.
func (l link) path() string { return "/" + l.object.key + "/" + attachment.Escape(l.filename) }

// query returns the link's query in its only spelling.
func (l link) query() string {
	var holder string
	if len(l.holder) > 0 {
		holder = "&for=" + base64.RawURLEncoding.EncodeToString(l.holder)
	}
	return fmt.Sprintf("expires=%d%s&kid=%s&signature=%s", l.expires, holder, l.kid, base64.RawURLEncoding.EncodeToString(l.signature))
}

// parseLink reads the path, without what [Config].Path says, and the query of a
// URL, both as they came. It accepts only what the methods path and query write:
// what was read is written again and compared. So upper and lower case, an escape
// too many, the order of the parameters, a second one, leading zeros and unused
// bits in base64 need no rules of their own.
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
	expires, holder, bound := strings.Cut(expires, "&for=")
	if l.holder, err = base64.RawURLEncoding.DecodeString(holder); err != nil || bound && len(l.holder) == 0 {
		return link{}, errors.New("base64 of the holder")
	}
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
