package sign_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sign"
)

// TestByteByByte: one link that is fetched byte by byte, 1,500 times in a minute, makes one
// entry at once and another at the end, and no request is forgotten.
func TestByteByByte(t *testing.T) {
	w := newWorld(t, func(c *sign.Config) { c.Limits = sign.Limits{PerLink: -1, PerAddress: -1} })
	uri := w.uri(t)
	for n := range 1500 {
		if rec := w.do(t, "GET", uri, "Range: bytes=0-0"); rec.Code != http.StatusPartialContent {
			t.Fatalf("request %d has status %d", n, rec.Code)
		}
	}
	if rec := w.do(t, "GET", uri); rec.Code != http.StatusOK {
		t.Fatalf("status %d", rec.Code)
	}
	if got := w.trail.all(); len(got) != 2 || got[0].Bytes != 1 || got[1].Bytes != int64(len(w.content)) {
		t.Errorf("at first recorded are %+v", got)
	}
	if err := w.handler.(*sign.Links).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := w.trail.all()
	if len(got) != 3 || got[2].Requests != 1499 || got[2].Bytes != 1499 || got[2].Range != "bytes=0-0" || !got[2].Complete {
		t.Errorf("recorded are %+v", got)
	}
	t.Logf("1,501 requests are %d entries", len(got))
}

// TestLimits: a link may be used so often in a minute, and so may the links of an address.
// Whoever is over it is told when to come again, and links of others are as good as before.
func TestLimits(t *testing.T) {
	var limited []string
	w := newWorld(t, func(c *sign.Config) {
		c.Limits = sign.Limits{PerLink: 3, PerAddress: 4}
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("Client") }
		c.OnLimit = func(who string) { limited = append(limited, who) }
	})
	first := w.uri(t)
	w.now = w.now.Add(time.Second)
	second := w.uri(t)
	bad := strings.Replace(first, "signature=", "signature=A", 1)
	want := func(status int, uri, client string) {
		t.Helper()
		rec := w.do(t, "GET", uri, "Client: "+client, "Range: bytes=0-0")
		if rec.Code != status {
			t.Errorf("%s has status %d, want %d", client, rec.Code, status)
		}
		if status != http.StatusTooManyRequests {
			return
		}
		wantHeader(t, rec.Header(), map[string]string{"Retry-After": "59", "ETag": "", "Cache-Control": "no-store"})
		if got := rec.Body.String(); got != "The link was used too often. Please try again later.\n" {
			t.Errorf("it says %q", got)
		}
	}
	for range 10 {
		want(403, bad, "a") // which counts for nobody
	}
	want(206, first, "a")
	w.do(t, "HEAD", first, "Client: b")
	want(206, first, "a")
	want(429, first, "a")
	want(429, first, "c")
	want(206, second, "a")
	want(206, second, "a")
	want(429, second, "a") // the address
	want(429, second, "b") // the link, which was counted for that
	w.now = w.now.Add(58499 * time.Millisecond)
	rec := w.do(t, "GET", first, "Client: a")
	wantHeader(t, rec.Header(), map[string]string{"Retry-After": "1"})
	w.now = w.now.Add(time.Millisecond)
	want(206, first, "a")
	asked := organization + "/" + jobID
	if got := strings.Join(limited, " "); got != fmt.Sprintf("link:%s link:%[1]s downloader:a link:%[1]s link:%[1]s", asked) {
		t.Errorf("the host was told of %s", got)
	}
}

// TestDownloadManager: with the limits that a server has, an archive can be fetched in 16
// pieces at once, again and again.
func TestDownloadManager(t *testing.T) {
	w := newWorld(t)
	uri := w.uri(t)
	for range 10 {
		var all sync.WaitGroup
		for n := range 16 {
			all.Go(func() {
				if rec := w.do(t, "GET", uri, fmt.Sprintf("Range: bytes=%d-%d", n*18750, (n+1)*18750-1)); rec.Code != http.StatusPartialContent {
					t.Errorf("piece %d has status %d", n, rec.Code)
				}
			})
		}
		all.Wait()
	}
}

// TestDefaultLimits: what nobody sets is 300 for a link and 3,000 for an address.
func TestDefaultLimits(t *testing.T) {
	w := newWorld(t)
	served := 0
	for n := range 11 {
		w.now = w.now.Add(time.Second)
		uri := w.uri(t)
		for range 301 {
			if w.do(t, "HEAD", uri).Code == http.StatusOK {
				served++
			}
		}
		if want := min(300*(n+1), 2995); served < want || served > 3000 { // those that a link's limit refuses do not count for the address
			t.Errorf("%d of %d requests were served", served, 301*(n+1))
		}
	}
}
