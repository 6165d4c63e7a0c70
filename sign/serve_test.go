package sign_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/sign"
)

func wantHeader(t *testing.T, h http.Header, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := h.Values(name); len(got) > 1 || h.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

func TestWholeArchive(t *testing.T) {
	w := newWorld(t)
	rec := w.do(t, "GET", w.uri(t), "Accept-Encoding: gzip")
	if rec.Code != http.StatusOK || !bytes.Equal(rec.Body.Bytes(), w.content) {
		t.Fatalf("status %d, %d bytes", rec.Code, rec.Body.Len())
	}
	sum := sha256.Sum256(rec.Body.Bytes())
	wantHeader(t, rec.Header(), map[string]string{
		"Content-Type":           "application/gzip",
		"Content-Length":         fmt.Sprint(len(w.content)),
		"Content-Disposition":    `attachment; filename="` + filename + `"`,
		"Content-Encoding":       "",
		"ETag":                   `"` + hex.EncodeToString(sum[:]) + `"`,
		"Repr-Digest":            "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":",
		"Last-Modified":          "Fri, 26 Jun 2026 20:59:58 GMT",
		"Accept-Ranges":          "bytes",
		"Cache-Control":          "no-store, no-transform",
		"X-Content-Type-Options": "nosniff",
	})
	want := audit.Entry{
		At: start, Action: audit.Downloaded, OrganizationID: organization, JobID: jobID,
		Address: "192.0.2.1", Bytes: int64(len(w.content)), Complete: true,
	}
	if got := w.trail.all(); len(got) != 1 || got[0] != want {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	if w.destination.opened != 1 || w.destination.closed != 1 {
		t.Errorf("%d objects were opened and %d closed", w.destination.opened, w.destination.closed)
	}
	if w.log.String() != "" {
		t.Errorf("logged %s", w.log)
	}
}

// TestClientAddress: the host says who downloads, or else the connection does.
func TestClientAddress(t *testing.T) {
	for client, want := range map[string]string{"2001:db8::1": "2001:db8::1", "": "192.0.2.1"} {
		w := newWorld(t, func(c *sign.Config) {
			c.ClientAddress = func(r *http.Request) string { return r.Header.Get("Client") }
		})
		w.do(t, "GET", w.uri(t), "Client: "+client)
		if got := w.trail.all(); len(got) != 1 || got[0].Address != want {
			t.Errorf("recorded %+v, want %s", got, want)
		}
		w.destination.breaks = []int64{1000}
		func() {
			defer func() { _ = recover() }() // the connection is broken off
			w.do(t, "GET", w.uri(t), "Client: "+client)
		}()
		if !strings.Contains(w.log.String(), "address="+want+" ") {
			t.Errorf("logged %s", w.log)
		}
	}
}

func TestHeadIsNoDownload(t *testing.T) {
	w := newWorld(t)
	rec := w.do(t, "HEAD", w.uri(t))
	if rec.Code != http.StatusOK || rec.Body.Len() != 0 {
		t.Errorf("status %d, %d bytes", rec.Code, rec.Body.Len())
	}
	wantHeader(t, rec.Header(), map[string]string{"Content-Length": fmt.Sprint(len(w.content)), "Accept-Ranges": "bytes"})
	if got := w.trail.all(); len(got) != 0 {
		t.Errorf("recorded %+v", got)
	}
	if w.destination.closed != 1 {
		t.Error("the object is open")
	}
}

func TestRanges(t *testing.T) {
	size := 300_000
	etag := func(w *world) string { return `"` + hex.EncodeToString(w.jobs.job.SHA256) + `"` }
	modified := "Fri, 26 Jun 2026 20:59:58 GMT"
	for _, c := range []struct {
		name, span, ifRange string
		from, to            int // to 0: no body of the archive
		status              int
	}{
		{"first", "bytes=0-99", "", 0, 100, 206},
		{"middle", "bytes=1000-1999", "", 1000, 2000, 206},
		{"open end", "bytes=299990-", "", size - 10, size, 206},
		{"resume", "bytes=100000-", "", 100_000, size, 206},
		{"past the end", "bytes=299999-999999", "", size - 1, size, 206},
		{"suffix", "bytes=-5", "", size - 5, size, 206},
		{"suffix over all", "bytes=-999999", "", 0, size, 206},
		{"behind the end", "bytes=300000-", "", 0, 0, 416},
		{"no last bytes", "bytes=-0", "", 0, 0, 416},
		{"far behind the end", "bytes=99999999999999999999-", "", 0, 0, 416},
		{"far past the end", "bytes=299999-99999999999999999999", "", size - 1, size, 206},
		{"suffix of far too much", "bytes=-99999999999999999999", "", 0, size, 206},
		{"capitals and spaces", "BYTES=0-99 ", "", 0, 100, 206},
		{"other unit", "items=0-99", "", 0, size, 200},
		{"no unit", "0-99", "", 0, size, 200},
		{"upside down", "bytes=9-1", "", 0, 0, 416},
		{"no number", "bytes=x-", "", 0, 0, 416},
		{"If-Range same", "bytes=10-19", "etag", 10, 20, 206},
		{"If-Range other", "bytes=10-19", `"0123"`, 0, size, 200},
		{"If-Range weak", "bytes=10-19", "weak", 0, size, 200},
		{"If-Range date", "bytes=10-19", modified, 10, 20, 206},
		{"If-Range other date", "bytes=10-19", "Fri, 26 Jun 2026 20:59:57 GMT", 0, size, 200},
		{"too many", "bytes=" + strings.Repeat("0-0,", 16) + "1-1", "", 0, size, 200},
		{"more than all", "bytes=0-,0-,0-", "", 0, size, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			header := []string{"Range: " + c.span}
			switch c.ifRange {
			case "":
			case "etag":
				header = append(header, "If-Range: "+etag(w))
			case "weak":
				header = append(header, "If-Range: W/"+etag(w))
			default:
				header = append(header, "If-Range: "+c.ifRange)
			}
			rec := w.do(t, "GET", w.uri(t), header...)
			if rec.Code != c.status {
				t.Fatalf("status %d, want %d", rec.Code, c.status)
			}
			entries := w.trail.all()
			if c.to == 0 {
				wantHeader(t, rec.Header(), map[string]string{
					"Content-Range": "bytes */300000", "ETag": "", "Repr-Digest": "", "Content-Disposition": "",
					"Content-Type": "text/plain; charset=utf-8",
				})
				if rec.Body.String() != "The archive has no such range.\n" || len(entries) != 0 {
					t.Errorf("body %q, recorded %v", rec.Body, entries)
				}
				return
			}
			if !bytes.Equal(rec.Body.Bytes(), w.content[c.from:c.to]) {
				t.Errorf("got %d bytes, want those from %d to %d", rec.Body.Len(), c.from, c.to)
			}
			want := map[string]string{"Content-Length": fmt.Sprint(c.to - c.from), "ETag": etag(w)}
			if c.status == 206 {
				want["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", c.from, c.to-1, size)
			}
			wantHeader(t, rec.Header(), want)
			if len(entries) != 1 || entries[0].Range != c.span || entries[0].Bytes != int64(c.to-c.from) || !entries[0].Complete {
				t.Errorf("recorded %+v", entries)
			}
		})
	}
}

func TestSeveralRanges(t *testing.T) {
	w := newWorld(t)
	rec := w.do(t, "GET", w.uri(t), "Range: bytes=5-9,100000-199999,-3")
	if rec.Code != http.StatusPartialContent {
		t.Fatalf("status %d", rec.Code)
	}
	kind, params, err := mime.ParseMediaType(rec.Header().Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		t.Fatalf("Content-Type %q: %v", rec.Header().Get("Content-Type"), err)
	}
	parts := multipart.NewReader(rec.Body, params["boundary"])
	for _, want := range [][]byte{w.content[5:10], w.content[100_000:200_000], w.content[299_997:]} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(p)
		if err != nil || !bytes.Equal(got, want) || p.Header.Get("Content-Type") != "application/gzip" {
			t.Errorf("a part of %d bytes, %s, %v", len(got), p.Header.Get("Content-Type"), err)
		}
	}
	if _, err := parts.NextPart(); !errors.Is(err, io.EOF) {
		t.Errorf("after the parts: %v", err)
	}
	if e := w.trail.all(); len(e) != 1 || !e[0].Complete {
		t.Errorf("recorded %+v", e)
	}
}

func TestPreconditions(t *testing.T) {
	for _, c := range []struct {
		header string
		status int
		body   string
	}{
		{"If-None-Match: *", 304, ""},
		{"If-Modified-Since: Fri, 26 Jun 2026 20:59:58 GMT", 304, ""},
		{`If-Match: "0123"`, 412, "The archive is not the one that was asked for.\n"},
		{"If-Unmodified-Since: Fri, 26 Jun 2026 20:59:57 GMT", 412, "The archive is not the one that was asked for.\n"},
	} {
		w := newWorld(t)
		rec := w.do(t, "GET", w.uri(t), c.header)
		if rec.Code != c.status || rec.Body.String() != c.body || len(w.trail.all()) != 0 {
			t.Errorf("%s: status %d, body %q, recorded %v", c.header, rec.Code, rec.Body, w.trail.all())
		}
	}
}

func TestMediaTypesAndNames(t *testing.T) {
	formats := append(archive.DefaultFormats(), xz.TarXz(), zstd.TarZst())
	for _, want := range []struct{ extension, name, kind, disposition string }{
		{"zip", "a.zip", "application/zip", `attachment; filename="a.zip"`},
		{"tar.xz", "a b.tar.xz", "application/x-xz", `attachment; filename="a b.tar.xz"`},
		{"tar.zst", "a'b.tar.zst", "application/zstd", `attachment; filename="a'b.tar.zst"`},
		{"zip.age", "a.zip.age", "application/octet-stream", `attachment; filename="a.zip.age"`},
		{"zip", "Käse–日本.zip", "application/zip",
			`attachment; filename="K_se___.zip"; filename*=UTF-8''K%C3%A4se%E2%80%93%E6%97%A5%E6%9C%AC.zip`},
		{"zip", `50% "off"; x=y.zip`, "application/zip",
			`attachment; filename="50_ _off_; x=y.zip"; filename*=UTF-8''50%25%20%22off%22%3B%20x%3Dy.zip`},
	} {
		w := newWorld(t)
		key := strings.Replace(objectKey, "tar.gz", want.extension, 1)
		w.jobs.job.ObjectKey, w.jobs.job.Filename = key, want.name
		anyKey := &struct{ jobs.Destination }{}
		anyKey.Destination = renamed{w.destination}
		c := w.config
		c.Destination, c.Formats = anyKey, formats
		w.handler = newLinks(t, c)
		rec := w.do(t, "GET", w.linkTo(t, w.keys, "http://example.com", key, want.name))
		if rec.Code != http.StatusOK {
			t.Errorf("%s: status %d", want.name, rec.Code)
		}
		wantHeader(t, rec.Header(), map[string]string{"Content-Type": want.kind, "Content-Disposition": want.disposition})
		// An independent parser reads the name that was meant.
		if _, params, err := mime.ParseMediaType(want.disposition); err != nil || params["filename"] != want.name {
			if !strings.Contains(want.disposition, "filename*") || err != nil && !strings.Contains(err.Error(), "duplicate") {
				t.Errorf("%s is read as %v, %v", want.disposition, params, err)
			}
		}
	}
}

// renamed has its one object under every key.
type renamed struct{ *destination }

func (r renamed) Open(ctx context.Context, _ string) (io.ReadSeekCloser, error) {
	return r.destination.Open(ctx, objectKey)
}

func TestNoSuchArchive(t *testing.T) {
	for name, change := range map[string]func(*world){
		"no job":           func(w *world) { w.jobs.job.ID = "other" },
		"other's job":      func(w *world) { w.jobs.job.Organization.ID = "other" },
		"processing again": func(w *world) { w.jobs.job.Status = jobs.Processing },
		"failed":           func(w *world) { w.jobs.job.Status = jobs.Failed },
		"purged":           func(w *world) { w.jobs.job.ObjectKey = "" },
		"other object":     func(w *world) { w.jobs.job.ObjectKey = organization + "/" + jobID + "/3.tar.gz" },
		"other attempt":    func(w *world) { w.jobs.job.Attempt = 3 },
		"other file name":  func(w *world) { w.jobs.job.Filename = "x.tar.gz" },
		"object is gone":   func(w *world) { w.destination.content = nil },
	} {
		w := newWorld(t)
		uri := w.uri(t)
		change(w)
		rec := w.do(t, "GET", uri)
		if rec.Code != http.StatusNotFound || rec.Body.String() != "The archive does not exist any more.\n" {
			t.Errorf("%s: status %d, %q", name, rec.Code, rec.Body)
		}
		wantHeader(t, rec.Header(), map[string]string{"Cache-Control": "no-store", "ETag": ""})
		if w.log.String() != "" || len(w.trail.all()) != 0 {
			t.Errorf("%s: logged %s, recorded %v", name, w.log, w.trail.all())
		}
	}
}

// TestADamagedArchiveIsNotServed: neither whole nor a range of it, nor its header. What a
// job is known for is not logged again.
func TestADamagedArchiveIsNotServed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*world)
		logged int
	}{
		"longer":        {func(w *world) { w.jobs.job.Size-- }, 1},
		"shorter":       {func(w *world) { w.jobs.job.Size++ }, 1},
		"empty":         {func(w *world) { w.destination.content = []byte{} }, 1},
		"known":         {func(w *world) { w.jobs.job.DamagedAt = start }, 0},
		"known, gone":   {func(w *world) { w.jobs.job.DamagedAt, w.destination.content = start, nil }, 0},
		"known, longer": {func(w *world) { w.jobs.job.DamagedAt = start; w.jobs.job.Size-- }, 0},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			w := newWorld(t)
			uri := w.uri(t)
			c.change(w)
			rec := w.do(t, method, uri, "Range: bytes=0-9")
			if rec.Code != http.StatusGone || rec.Body.String() != "The archive was lost or damaged where it was kept. Please request the export again.\n" {
				t.Errorf("%s, %s: status %d, %q", name, method, rec.Code, rec.Body)
			}
			wantHeader(t, rec.Header(), map[string]string{"Cache-Control": "no-store", "ETag": "", "Accept-Ranges": ""})
			log := w.log.String()
			if strings.Count(log, "\n") != c.logged || c.logged > 0 && !strings.Contains(log, jobID) || strings.Contains(log, "signature") || len(w.trail.all()) != 0 {
				t.Errorf("%s, %s: logged %s, recorded %v", name, method, log, w.trail.all())
			}
			if w.destination.opened != w.destination.closed {
				t.Errorf("%s, %s: the object is open", name, method)
			}
		}
	}
}

func TestInternalErrors(t *testing.T) {
	for name, change := range map[string]func(*world){
		"store":    func(w *world) { w.jobs.err = errRead },
		"noDigest": func(w *world) { w.jobs.job.SHA256 = nil },
	} {
		w := newWorld(t)
		uri := w.uri(t)
		change(w)
		rec := w.do(t, "GET", uri)
		if rec.Code != http.StatusInternalServerError || rec.Body.String() != "An internal error occurred.\n" {
			t.Errorf("%s: status %d, %q", name, rec.Code, rec.Body)
		}
		log := w.log.String()
		if strings.Count(log, "\n") != 1 || !strings.Contains(log, jobID) || strings.Contains(log, "signature") {
			t.Errorf("%s: logged %s", name, log)
		}
		if w.destination.opened != w.destination.closed {
			t.Errorf("%s: the object is open", name)
		}
	}
}

// TestErrorHandler sees what a host's own function gets.
func TestErrorHandler(t *testing.T) {
	type call struct {
		status int
		err    error
	}
	var got []call
	w := newWorld(t, func(c *sign.Config) {
		c.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, status int, err error) {
			got = append(got, call{status, err})
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "{}")
		}
	})
	uri := w.uri(t)
	bad, post, far := w.do(t, "GET", uri+"0"), w.do(t, "POST", uri), w.do(t, "GET", uri, "Range: bytes=300000-")
	w.now = start.Add(time.Hour)
	late := w.do(t, "GET", uri)
	for i, c := range []struct {
		rec    int
		status int
		match  error
		public string
	}{
		{bad.Code, 403, sign.ErrLink, "The link is not valid."},
		{post.Code, 405, nil, "A link can only be used with GET and HEAD."},
		{far.Code, 416, nil, "The archive has no such range."},
		{late.Code, 403, sign.ErrExpired, "The link has expired. Ask for the status of the export to get a new one."},
	} {
		if i >= len(got) || got[i].status != c.status || c.rec != c.status || export.PublicText(got[i].err) != c.public ||
			c.match != nil && !errors.Is(got[i].err, c.match) {
			t.Errorf("call %d of %+v, want %+v", i, got, c)
		}
	}
	if far.Body.String() != "{}" || far.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("416 has the body %q of type %q", far.Body, far.Header().Get("Content-Type"))
	}
}

func TestAuditFailureDoesNotBreakTheDownload(t *testing.T) {
	w := newWorld(t)
	w.trail.err = errRead
	rec := w.do(t, "GET", w.uri(t))
	if rec.Code != http.StatusOK || rec.Body.Len() != len(w.content) {
		t.Errorf("status %d, %d bytes", rec.Code, rec.Body.Len())
	}
	if !strings.Contains(w.log.String(), "was not recorded") {
		t.Errorf("logged %s", w.log)
	}
}
