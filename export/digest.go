package export

import (
	"crypto/sha256"
	"fmt"
)

// Digester is an optional interface of a [Section]: it says what, besides the data, the
// section's files follow from, such as the text of its queries and the names of its files.
//
// Two sections of one key with equal digests promise the same calls of the [Sink] for the
// same scope and the same data. The engine uses parts again only if their digest is the
// same, so that a changed section runs again in a job that was begun before, and in one
// that retries it. A section without the interface promises that it never changes.
//
// Digest returns the same text in every process of the same configuration: nothing of it
// comes from addresses in memory, the order of a map or a temporary folder. The text may be
// anything, such as "v2". The engine keeps a SHA-256 in which it goes, and never the text,
// but passwords and keys do not belong into it: they do not change a file.
type Digester interface {
	Digest() string
}

// DigestOf returns the digest of a [Digester], and nothing of anything else.
func DigestOf(v any) string {
	if d, ok := v.(Digester); ok {
		return d.Digest()
	}
	return ""
}

// digest is what the bytes of a section's part follow from, besides the data and the
// program. Limits and time-outs are no part of it: a section that reached one says so. The
// job is none either, because a job may take over parts of the one that it retries.
func (x *run) digest(key string) (sum [sha256.Size]byte) {
	c := x.engine.config
	h := sha256.New()
	for _, field := range []any{
		x.Format.Name(), x.top, x.AsOf.Unix(),
		x.Organization.ID, x.Organization.Slug, x.Organization.Name,
		c.Level, *manifestCSV(c),
		key, c.Options[key].Rename, DigestOf(x.engine.byKey[key]),
	} {
		h.Write(fmt.Appendf(nil, "%#v\n", field))
	}
	h.Sum(sum[:0])
	return sum
}
