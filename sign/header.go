package sign

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/attachment"
)

// setHeader sets the fields about the archive. They are the same whatever part of
// it is served.
func setHeader(h http.Header, job jobs.Job, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", attachment.Disposition(job.Filename))
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
