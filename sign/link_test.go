package sign_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/sign"
)

// request reads a request as a server would; nil if a server refuses it.
func request(t testing.TB, uri string) *http.Request {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + uri + " HTTP/1.1\r\nHost: example.com\r\n\r\n")))
	if err != nil {
		return nil
	}
	return r.WithContext(t.Context())
}

func (w *world) status(t testing.TB, uri string) int {
	t.Helper()
	r := request(t, uri)
	if r == nil {
		return http.StatusBadRequest
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec.Code
}

// mutations are all texts that differ from uri by one character that was
// replaced, deleted, inserted or swapped with the next.
func mutations(uri string, yield func(string)) {
	var alphabet []string
	for c := rune(' '); c <= '~'; c++ {
		alphabet = append(alphabet, string(c))
	}
	alphabet = append(alphabet, "\t", "\x00", "\x7f", "\xff", "é", "%20", "%2F", "%00")
	for i := range len(uri) + 1 {
		for _, c := range alphabet {
			yield(uri[:i] + c + uri[i:])
			if i < len(uri) {
				yield(uri[:i] + c + uri[i+1:])
			}
		}
		if i < len(uri) {
			yield(uri[:i] + uri[i+1:])
		}
		if i+1 < len(uri) {
			yield(uri[:i] + uri[i+1:i+2] + uri[i:i+1] + uri[i+2:])
		}
	}
}

func TestEverySingleCharacterCounts(t *testing.T) {
	w := newWorld(t)
	name := "Übergabe +1 ~ 50%.tar.gz"
	for _, uri := range []string{
		w.uri(t),
		strings.TrimPrefix(w.linkTo(t, w.keys, "http://example.com", objectKey, name), "http://example.com"),
	} {
		n := 0
		mutations(uri, func(changed string) {
			if changed == uri {
				return
			}
			n++
			if status := w.status(t, changed); status != http.StatusForbidden && status != http.StatusBadRequest {
				t.Errorf("%q was answered with %d", changed, status)
			}
		})
		w.untouched(t)
		t.Logf("%d changes of a link of %d characters were refused", n, len(uri))
	}
}

func TestOtherSpellings(t *testing.T) {
	w := newWorld(t)
	uri := w.uri(t)
	path, query, _ := strings.Cut(uri, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	expires, kid, signature := "expires="+values.Get("expires"), "kid="+values.Get("kid"), "signature="+values.Get("signature")
	for _, changed := range []string{
		path,
		path + "?",
		path + "?" + kid + "&" + expires + "&" + signature,
		uri + "&",
		uri + "&" + kid,
		uri + "&filename=other.zip",
		uri + "=",
		path + "?" + expires + "&" + expires + "&" + kid + "&" + signature,
		path + "?expires=0" + values.Get("expires") + "&" + kid + "&" + signature,
		path + "?expires=%2B" + values.Get("expires") + "&" + kid + "&" + signature,
		strings.ToLower(path) + "?" + query,
		path + "?" + strings.ToUpper(query),
		path + "/?" + query,
		strings.Replace(path, "export-", "export%2D", 1) + "?" + query,
		strings.Replace(path, "/2.tar.gz", "/02.tar.gz", 1) + "?" + query,
		strings.Replace(path, prefix, prefix+"/.", 1) + "?" + query,
		strings.Replace(path, organization, organization+"/..//"+organization, 1) + "?" + query,
		"http://example.com" + uri + "#x",
	} {
		if status := w.status(t, changed); status != http.StatusForbidden && status != http.StatusBadRequest {
			t.Errorf("%q was answered with %d", changed, status)
		}
	}
	w.untouched(t)
	if status := w.status(t, "http://elsewhere.example"+uri); status != http.StatusOK {
		t.Errorf("a proxy's absolute form was answered with %d", status)
	}
}

// TestSwapped uses what is signed for one thing for another.
func TestSwapped(t *testing.T) {
	const otherID = "33333333333333333333Zz"
	base := "http://example.com"
	w := newWorld(t)
	own := w.link(t, base)
	for what, other := range map[string]string{
		"organization": w.linkTo(t, w.keys, base, strings.Replace(objectKey, organization, otherID, 1), filename),
		"job":          w.linkTo(t, w.keys, base, strings.Replace(objectKey, jobID, otherID, 1), filename),
		"attempt":      w.linkTo(t, w.keys, base, strings.Replace(objectKey, "/2.", "/3.", 1), filename),
		"extension":    w.linkTo(t, w.keys, base, strings.Replace(objectKey, "tar.gz", "zip", 1), filename),
		"file name":    w.linkTo(t, w.keys, base, objectKey, "invoice.exe"),
	} {
		path, _, _ := strings.Cut(own, "?")
		_, query, _ := strings.Cut(other, "?")
		if rec := w.do(t, "GET", path+"?"+query); rec.Code != http.StatusForbidden {
			t.Errorf("the signature for another %s was answered with %d", what, rec.Code)
		}
		w.untouched(t)
		w.jobs.calls = 0
		// The whole link is good, but there is no such archive.
		if rec := w.do(t, "GET", other); rec.Code != http.StatusNotFound {
			t.Errorf("a link to another %s was answered with %d", what, rec.Code)
		}
		w.jobs.calls = 0
	}
}

func TestMethods(t *testing.T) {
	w := newWorld(t)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "CUSTOM"} {
		rec := w.do(t, method, w.uri(t))
		if rec.Code != http.StatusMethodNotAllowed || rec.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: status %d, Allow %q", method, rec.Code, rec.Header().Get("Allow"))
		}
	}
	w.untouched(t)
}

func TestRotation(t *testing.T) {
	base := "http://example.com"
	for _, c := range []struct {
		signs, checks []string
		want          int
	}{
		{[]string{"old"}, []string{"new", "old"}, 200},
		{[]string{"new", "old"}, []string{"old", "new"}, 200},
		{[]string{"new", "old"}, []string{"old"}, 403},
		{[]string{"old"}, []string{"new"}, 403},
	} {
		checks := newKeyring(t, c.checks...)
		w := newWorld(t, func(c *sign.Config) { c.Keys = checks })
		if rec := w.do(t, "GET", w.linkTo(t, newKeyring(t, c.signs...), base, objectKey, filename)); rec.Code != c.want {
			t.Errorf("signed by the first of %v, checked by %v: status %d, want %d", c.signs, c.checks, rec.Code, c.want)
		}
	}
	// The id of a key that is known with the secret of one that is not.
	forged, err := sign.NewKeyring(sign.Key{ID: "2026-07", Secret: newKey("other").Secret})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if rec := w.do(t, "GET", w.linkTo(t, forged, base, objectKey, filename)); rec.Code != http.StatusForbidden {
		t.Errorf("a forged link was answered with %d", rec.Code)
	}
	w.untouched(t)
}

func TestExpiryEdge(t *testing.T) {
	w := newWorld(t)
	uri := w.uri(t)
	end := start.Truncate(time.Second).Add(time.Hour)
	for _, c := range []struct {
		at   time.Time
		want int
	}{
		{start.Add(-24 * time.Hour), 200}, // of a server whose clock is behind
		{start, 200},
		{end.Add(-1), 200},
		{end, 403},
		{end.Add(1), 403},
		{end.AddDate(100, 0, 0), 403},
	} {
		w.now = c.at
		if rec := w.do(t, "GET", uri); rec.Code != c.want {
			t.Errorf("at %v: status %d, want %d", c.at, rec.Code, c.want)
		}
	}
	w.now = end
	if body := w.do(t, "GET", uri).Body.String(); !strings.HasPrefix(body, "The link has expired. ") {
		t.Errorf("the text is %q", body)
	}
	// Only who has had a good link learns that it has expired.
	if body := w.do(t, "GET", uri+"x").Body.String(); body != "The link is not valid.\n" {
		t.Errorf("the text is %q", body)
	}
}

// FuzzLink looks for a URL that panics, or is accepted and was not signed.
func FuzzLink(f *testing.F) {
	w := newWorld(f)
	uri := w.uri(f)
	unicode := strings.TrimPrefix(w.linkTo(f, w.keys, "http://example.com", objectKey, "Ü 50%.zip"), "http://example.com")
	for _, seed := range []string{
		uri, unicode, prefix, prefix + "/a/b/1.zip/x?expires=1&kid=2026-07&signature=", "/", "*",
		strings.Replace(uri, "expires", "Expires", 1), uri + "%", strings.ReplaceAll(uri, "-", "%2D"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, changed string) {
		w.jobs.calls = 0
		status := w.status(t, changed)
		if changed == uri || changed == unicode {
			return
		}
		// The absolute form is another way to say the same of the same path.
		if u, err := url.Parse(changed); err == nil && u.IsAbs() && (u.RequestURI() == uri || u.RequestURI() == unicode) {
			return
		}
		if status < 400 || w.jobs.calls > 0 {
			t.Errorf("%q was answered with %d after %d look-ups", changed, status, w.jobs.calls)
		}
	})
}
