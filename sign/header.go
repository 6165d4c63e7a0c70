package sign

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/jobs"
)

// setHeader sets the fields about the archive. They are the same whatever part of
// it is served.
func setHeader(h http.Header, job jobs.Job, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", disposition(job.Filename))
	h.Set("ETag", `"`+hex.EncodeToString(job.SHA256)+`"`)
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(job.SHA256)+":")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Cache-Control", "no-store, no-transform") // nobody keeps what somebody else could read
	h.Set("X-Content-Type-Options", "nosniff")
}

// clearHeader turns the header of an archive into that of a refusal.
func clearHeader(h http.Header) {
	for _, name := range []string{
		"Content-Type", "Content-Disposition", "Content-Length", "ETag", "Repr-Digest", "Last-Modified",
	} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
}

// mediaType returns the media type of an archive with the extension.
func mediaType(formats []archive.Format, extension string) string {
	for _, f := range formats {
		if f.Extension() == extension {
			return f.MediaType()
		}
	}
	return "application/octet-stream"
}

// disposition makes the client save a file of that name (RFC 6266). A name that
// is not plain ASCII is given twice: for clients that know RFC 8187, and with
// underscores for the others.
func disposition(filename string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, filename)
	value := `attachment; filename="` + plain + `"`
	if plain != filename {
		value += "; filename*=UTF-8''" + escape(filename)
	}
	return value
}
