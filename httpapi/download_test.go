package httpapi_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/sign"
)

// TestDownload goes the whole way of a client: request, poll, download.
func TestDownload(t *testing.T) {
	for _, s := range schemes {
		t.Run(s.name, func(t *testing.T) { download(t, s) })
	}
}

func download(t *testing.T, s scheme) {
	const base = "https://archives.test"
	line, err := sign.NewKeyLine("1", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := sign.ReadKeys("keys", strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	var links *sign.Links
	w := newWorldSigning(t, func(w *world) jobs.Signer {
		links, err = sign.New(sign.Config{
			Keys: keys, URL: base + "/downloads", Jobs: w.store, Destination: w.destination, Audit: w.trail,
			ErrorHandler: httpapi.WriteError, Limits: sign.Limits{PerLink: 5},
		})
		if err != nil {
			t.Fatal(err)
		}
		return links
	}, func(w *world) { w.config.Downloads = links })
	w.member(ourOrg, "ann", access.Manager)
	w.credentials = s.of(w, "ann")
	id := w.job("")
	w.work()
	poll := w.send("GET", exports+ourOrg+"/"+id)
	link, ours := strings.CutPrefix(poll.text("download_url"), base)
	if !ours {
		t.Fatalf("the link is %s", poll.body)
	}

	whole := w.send("GET", link, withoutKey)
	whole.want(http.StatusOK)
	sum := sha256.Sum256(whole.body)
	whole.wantHeader("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	whole.wantHeader("Content-Type", "application/zip")
	if float64(len(whole.body)) != poll.json["file_size_bytes"] {
		t.Errorf("the archive has %d bytes, the poll says %v", len(whole.body), poll.json["file_size_bytes"])
	}
	rest := w.send("GET", link, withoutKey, withHeader("Range", "bytes=100-"), withHeader("If-Range", whole.Header.Get("ETag")))
	rest.want(http.StatusPartialContent)
	if !bytes.Equal(rest.body, whole.body[100:]) {
		t.Error("a resumed download is not the rest")
	}

	r := w.send("GET", strings.Replace(link, "expires=1", "expires=2", 1), withoutKey)
	wantError(t, r, http.StatusForbidden, "forbidden", "Forbidden", "The link is not valid.", false)
	r = w.send("POST", link, withoutKey)
	wantError(t, r, http.StatusMethodNotAllowed, "method_not_allowed", "Method Not Allowed", "A link can only be used with GET and HEAD.", false)
	r.wantHeader("Allow", "GET, HEAD")
	r = w.send("GET", link, withoutKey, withHeader("Range", "bytes=1000000-"))
	r.want(http.StatusRequestedRangeNotSatisfiable)
	w.spoil(id, func(b []byte) []byte { return b[:len(b)/2] })
	r = w.send("GET", link, withoutKey)
	wantError(t, r, http.StatusGone, "gone", "Gone", damagedText, false)
	w.send("DELETE", exports+ourOrg+"/"+id).want(http.StatusNoContent)
	r = w.send("GET", link, withoutKey)
	wantError(t, r, http.StatusNotFound, "not_found", "Not Found", "The archive does not exist any more.", false)
	r = w.send("GET", link, withoutKey, withHeader("Range", "bytes=0-0"))
	after, err := strconv.Atoi(r.Header.Get("Retry-After"))
	if err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After is %q", r.Header.Get("Retry-After"))
	}
	wantTooMany(t, r, after, "The link was used too often. Please try again later.")
}
