package fetch_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections/fetch"
)

// TestAnswers: each answer of a server has a reason that customers see, and is asked for again
// if that may help.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		want   string
		is     error
		again  bool
	}{
		{404, notFound, fs.ErrNotExist, false},
		{410, notFound, fs.ErrNotExist, false},
		{401, "The file may not be read.", fs.ErrPermission, false},
		{403, "The file may not be read.", fs.ErrPermission, false},
		{400, "The server of the file refused the request.", nil, false},
		{405, "The server of the file refused the request.", nil, false},
		{416, changed, nil, false},
		{204, "The server of the file refused the request.", nil, false},
		{206, changed, nil, false}, // nobody has asked for a part
		{408, broken, nil, true},
		{425, broken, nil, true},
		{429, "The server of the file is too busy. Try again later.", nil, true},
		{500, broken, nil, true},
		{501, broken, nil, true},
		{502, broken, nil, true},
		{503, "The server of the file is too busy. Try again later.", nil, true},
		{504, broken, nil, true},
		{599, broken, nil, true},
	} {
		var asked atomic.Int64
		address, config := local(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/file" {
				say(w, "the file")
				return
			}
			asked.Add(1)
			w.WriteHeader(c.status)
		})
		config.Retries, config.Patience, config.RetryDelay = 2, 1, 1
		session := newSource(t, config).NewSession()
		if body, _, err := get(t.Context(), session, address+"/file"); err != nil || body != "the file" {
			t.Fatalf("got %q, %v", body, err)
		}
		_, err := session.Open(t.Context(), address+"/a?X-Signature=SECRET")
		wantPublic(t, err, c.want)
		if c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%d: %v is not %v", c.status, err, c.is)
		}
		want := int64(1)
		if c.again {
			want = 3
		}
		if asked.Load() != want {
			t.Errorf("%d: asked %d times", c.status, asked.Load())
		}
		if fault := export.MachineFault(err); fault != "" {
			t.Errorf("%d of one file is a fault: %s", c.status, fault)
		}
	}
}

// TestContents: what comes is what the server has, its size is compared, and it comes as it is.
func TestContents(t *testing.T) {
	const limit = 1000
	address, config := local(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding is %q", got)
		}
		size := limit
		switch r.URL.Path {
		case "/sized":
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Header().Set("Last-Modified", "Fri, 26 Jun 2026 21:00:00 GMT")
		case "/empty":
			return
		case "/larger":
			w.Header().Set("Content-Length", fmt.Sprint(size+1))
			size++
		case "/larger-unsized":
			size++
		case "/gzip":
			w.Header().Set("Content-Encoding", "gzip")
		case "/identity":
			w.Header().Set("Content-Encoding", "Identity")
		}
		for i := range size {
			_, _ = w.Write([]byte{byte('a' + i%26)})
			if i == 10 {
				_ = http.NewResponseController(w).Flush()
			}
		}
	})
	config.MaxFileBytes = limit
	session := newSource(t, config).NewSession()
	whole := strings.Repeat("abcdefghijklmnopqrstuvwxyz", limit/26+1)[:limit]
	for path, want := range map[string]struct {
		size   int64
		reason string
	}{
		"/sized":          {limit, ""},
		"/unsized":        {-1, ""},
		"/identity":       {-1, ""},
		"/larger":         {0, "The file is larger than the limit of 1000 bytes."},
		"/larger-unsized": {-1, "The file is larger than the limit of 1000 bytes."},
		"/gzip":           {0, "The server sends the file in a form that was not asked for."},
	} {
		body, content, err := get(t.Context(), session, address+path)
		if want.reason != "" {
			wantPublic(t, err, want.reason)
			continue
		}
		if err != nil || body != whole || content.Size != want.size {
			t.Errorf("%s: %d bytes of %d, %v", path, len(body), content.Size, err)
		}
		if content.Modified.IsZero() != (path != "/sized") || path == "/sized" && !content.Modified.Equal(time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: modified %v", path, content.Modified)
		}
	}
	if body, content, err := get(t.Context(), session, address+"/empty"); err != nil || body != "" || content.Size != 0 {
		t.Errorf("the empty file: %q, %d, %v", body, content.Size, err)
	}
}

// TestRetries: what fails at first is fetched in the end, also if the server says when.
func TestRetries(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"500": func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"503": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"429 with a time": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", time.Now().UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusTooManyRequests)
		},
		"503 with no time": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "soon")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"the connection is shut": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"no HTTP": func(w http.ResponseWriter) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = conn.Write([]byte("* OK IMAP4rev1\r\n"))
				conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			address, config := local(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) <= 3 {
					fail(w)
					return
				}
				say(w, "the file")
			})
			body, _, err := get(t.Context(), newSource(t, config).NewSession(), address)
			if err != nil || body != "the file" || asked.Load() != 4 {
				t.Errorf("got %q, %v after %d", body, err, asked.Load())
			}
		})
	}
}

// versions serves a file and cuts the connection within it. It notes the ranges that are asked for.
type versions struct {
	contents []string // one for each request; the last one stays
	etags    []string // likewise
	cuts     []int    // how many bytes are sent of each answer, and 0 for all; behind the last one all
	sized    bool     // Content-Length is sent
	ranges   bool     // Range is understood
	lies     string   // a Content-Range instead of the right one
	deaf     bool     // If-Range is not heard, and a part has no ETag

	asked  atomic.Int64
	wanted []string
	parts  int // answers that have not the whole file
}

func of[T any](list []T, n int) (v T) {
	if len(list) > 0 {
		v = list[min(n, len(list)-1)]
	}
	return v
}

func (v *versions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(v.asked.Add(1)) - 1
	v.wanted = append(v.wanted, r.Header.Get("Range"))
	body, etag := of(v.contents, n), of(v.etags, n)
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	first, status := 0, http.StatusOK
	if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && v.ranges && (v.deaf || r.Header.Get("If-Range") == etag) {
		if v.deaf {
			w.Header().Del("ETag")
		}
		_, _ = fmt.Sscanf(from, "%d-", &first)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, len(body)-1, len(body)))
		if v.lies != "" {
			w.Header().Set("Content-Range", v.lies)
		}
		status = http.StatusPartialContent
		v.parts++
	}
	body = body[first:]
	if v.sized {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(status)
	cut := 0
	if n < len(v.cuts) {
		cut = v.cuts[n]
	}
	if cut == 0 {
		say(w, body)
		return
	}
	say(w, body[:cut])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// TestResume: a file that is cut goes on where it was cut, and is never made of two.
func TestResume(t *testing.T) {
	a := strings.Repeat("first version ", 20_000)
	b := strings.Repeat("other version ", 20_000)
	grown := a + "and more"
	short := a[:150_000]
	for _, c := range []struct {
		name   string
		server *versions
		want   string // the contents, or
		reason string
		ranges string // that were asked for
	}{
		{"by ETag", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000, 50_000}, sized: true, ranges: true}, a, "", "|bytes=100000-|bytes=150000-"},
		{"by ETag, unsized", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, ranges: true}, a, "", "|bytes=100000-"},
		{"no ranges", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true}, a, "", "|bytes=100000-"},
		{"no ETag", &versions{contents: []string{a}, cuts: []int{100_000, 120_000, 50_000}, sized: true, ranges: true}, a, "", "|||"},
		{"weak ETag", &versions{contents: []string{a}, etags: []string{`W/"1"`}, cuts: []int{100_000}, sized: true, ranges: true}, a, "", "|"},
		{"no ETag, unsized", &versions{contents: []string{a}, cuts: []int{100_000}}, a, "", "|"},
		{"changed, by ETag", &versions{contents: []string{a, b}, etags: []string{`"1"`, `"2"`}, cuts: []int{100_000}, sized: true, ranges: true}, "", changed, "|bytes=100000-"},
		{"changed, no ETag", &versions{contents: []string{a, b}, cuts: []int{100_000}, sized: true}, "", changed, "|"},
		{"changed, the same ETag, another size", &versions{contents: []string{a, grown}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true}, "", changed, "|bytes=100000-"},
		{"another ETag, the same contents", &versions{contents: []string{a}, etags: []string{`"1"`, `"2"`}, cuts: []int{100_000}, sized: true, ranges: true}, a, "", "|bytes=100000-"},
		{"shortened", &versions{contents: []string{a, a[:50_000]}, cuts: []int{100_000}, sized: true}, "", changed, "|"},
		{"shortened behind the cut", &versions{contents: []string{a, short}, cuts: []int{100_000}, sized: true}, short, "", "|"}, // the whole of the new one
		{"another part", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true, lies: "bytes 0-9/280000"}, "", changed, "|bytes=100000-"},
		{"a part that begins before", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true, lies: "bytes 99999-279999/280000"}, "", changed, "|bytes=100000-"},
		{"no part", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true, lies: "bytes */280000"}, "", changed, "|bytes=100000-"},
		{"a part of who knows what", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true, deaf: true}, a, "", "|bytes=100000-|"},
		{"a part of another one", &versions{contents: []string{a, b}, etags: []string{`"1"`, `"2"`}, cuts: []int{100_000}, sized: true, ranges: true, deaf: true}, "", changed, "|bytes=100000-|"},
		{"a part of a part", &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: []int{100_000}, sized: true, ranges: true, lies: "bytes 100000-100009/280000"}, "", changed, "|bytes=100000-"},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, config := local(t, c.server.ServeHTTP)
			body, content, err := get(t.Context(), newSource(t, config).NewSession(), address)
			if c.reason != "" {
				wantPublic(t, err, c.reason)
			} else if err != nil || body != c.want {
				t.Errorf("%d bytes of %d, %v", len(body), content.Size, err)
			}
			if got := strings.Join(c.server.wanted, "|"); got != c.ranges {
				t.Errorf("asked for %s, want %s", got, c.ranges)
			}
			if strings.HasPrefix(c.name, "by ETag") && c.server.parts != strings.Count(c.ranges, "bytes") {
				t.Errorf("%d parts came", c.server.parts)
			}
		})
	}
}

// TestCutForEver: a file that always ends at the same place is given up; one that brings 64 KiB
// each time is not.
func TestCutForEver(t *testing.T) {
	a := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	cuts := make([]int, 50)
	for i := range cuts {
		cuts[i] = 100
	}
	server := &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: cuts, sized: true, ranges: true}
	address, config := local(t, server.ServeHTTP)
	config.Retries = 3
	body, _, err := get(t.Context(), newSource(t, config).NewSession(), address)
	if err == nil || len(body) != 4*100 || server.asked.Load() != 4 {
		t.Errorf("%d bytes, %v, asked %d times", len(body), err, server.asked.Load())
	}
	wantPublic(t, err, silent)
	for i := range cuts {
		cuts[i] = 70 << 10
	}
	server = &versions{contents: []string{a}, etags: []string{`"1"`}, cuts: cuts[:14], sized: true, ranges: true}
	address, config = local(t, server.ServeHTTP)
	config.Retries = 1
	if body, _, err := get(t.Context(), newSource(t, config).NewSession(), address); err != nil || body != a {
		t.Errorf("%d bytes, %v", len(body), err)
	}
}

var _ export.Digester = (*fetch.Source)(nil)
