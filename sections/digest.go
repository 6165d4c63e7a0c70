package sections

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"

	"github.com/orgexport/orgexport/export"
)

// digest returns a SHA-256 of texts, numbers, booleans and structs of them.
func digest(fields ...any) string {
	h := sha256.New()
	for _, field := range fields {
		h.Write(fmt.Appendf(nil, "%#v\n", field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// origin says which files a file system has, as far as it tells.
func origin(fsys fs.FS) string { return fmt.Sprintf("%T %s", fsys, export.DigestOf(fsys)) }

// digest is that of the section, without its data: what is asked, of which database, and
// what is made of it. It has all fields but Scratch.
func (c *SQL) digest() string {
	source := c.source()
	fields := []any{c.Dialect, c.Rename, c.Shards, c.ShardKey, fmt.Sprintf("%T %s", source, export.DigestOf(source))}
	for _, f := range c.Files {
		fields = append(fields, f)
	}
	for _, a := range c.Assets {
		from := origin(a.FS)
		if a.From != nil {
			from = fmt.Sprintf("%T %s", a.From, export.DigestOf(a.From))
		}
		a.FS, a.From, a.Ahead = nil, nil, 0
		fields = append(fields, from, a)
	}
	return digest(fields...)
}
