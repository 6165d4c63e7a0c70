//go:build unix

package cli_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	dashboard = "https://dashboard.example.com"
	localPage = "http://localhost:3000"
)

// originsShop is a server that trusts two origins.
func originsShop(t *testing.T) (d jobsDatabase, dir string, s *serving) {
	t.Helper()
	d, dir = inSQLite(t), shop(t, organizationSection)
	configure(t, dir, "server: {trusted_origins: ['"+dashboard+"', '"+localPage+"']}\n")
	return d, dir, d.serve(t, dir)
}

// readJob reads a job that a page has fetched, as the contract describes it.
func readJob(t *testing.T, got reply, err error) (job map[string]any) {
	t.Helper()
	if err != nil || got.code != http.StatusOK {
		t.Fatalf("status %d, %v\n%s", got.code, err, got.text)
	}
	if err := json.Unmarshal([]byte(got.text), &job); err != nil {
		t.Fatalf("%v\n%s", err, got.text)
	}
	for _, name := range []string{"output_filename", "download_url", "expires_at", "error"} {
		if _, ok := job[name]; !ok {
			t.Errorf("the job has no %s\n%s", name, got.text)
		}
	}
	return job
}

// A page of a trusted origin requests, watches, polls and downloads an export, with an API
// key or with a session, and reads the limits.
func TestPageOfATrustedOrigin(t *testing.T) {
	t.Parallel()
	d, dir, s := originsShop(t)
	d.members(t, dir, "add", "--user", "zoe").want(t, 0)
	session, key := d.newSession(t, dir, "zoe"), d.newKey(t, dir, "--organization", acme)
	for name, c := range map[string]struct {
		page      page
		with      pageRequest
		preflight bool
	}{
		"key":     {page{origin: dashboard}, pageRequest{header: map[string]string{"X-API-Key": key}}, true},
		"session": {page{origin: localPage, cookie: "sessionid=" + session}, pageRequest{include: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := c.page
			p.t = t
			fetch := func(method, path string) (reply, error) {
				q := c.with
				q.method = method
				return p.fetch(s.url+path, q)
			}
			created, err := fetch(http.MethodPost, exportsOfAcme+"?archive_format=zip")
			job := readJob(t, created, err)
			status := exportsOfAcme + "/" + job["job_id"].(string)
			events, err := fetch(http.MethodGet, status+"/events")
			if err != nil || events.header.Get("Content-Type") != "text/event-stream" || !strings.Contains(events.text, `"status":"completed"`) {
				t.Errorf("the events are %d, %v\n%s", events.code, err, events.text)
			}
			_, _ = fetch(http.MethodGet, status)
			poll, err := fetch(http.MethodGet, status) // is not asked for again
			if job = readJob(t, poll, err); job["status"] != "completed" || job["error"] != nil {
				t.Fatalf("the job is %v", job)
			}
			for _, name := range []string{
				"Ratelimit-Policy", "Ratelimit-Limit", "Ratelimit-Remaining", "Ratelimit-Reset",
				"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Request-Id",
			} {
				if poll.header.Get(name) == "" {
					t.Errorf("the page cannot read %s", name)
				}
			}
			wantDownload(t, &p, job["download_url"].(string))
			if gone, err := fetch(http.MethodDelete, status); err != nil || gone.code != http.StatusNoContent {
				t.Errorf("the purge gives %d, %v", gone.code, err)
			}
			preflights := 1 // of DELETE
			if c.preflight {
				preflights = 4 // of each URL and method, once
			}
			if sent := p.sent; count(sent, http.MethodOptions) != preflights {
				t.Errorf("the browser has sent %q, want %d preflights", sent, preflights)
			}
		})
	}
	s.stop(t, key, session)
}

func count(list []string, item string) (n int) {
	for _, s := range list {
		if s == item {
			n++
		}
	}
	return n
}

// wantDownload lets a page fetch a link, and go on with it.
func wantDownload(t *testing.T, p *page, link string) {
	t.Helper()
	whole, err := p.fetch(link, pageRequest{})
	if err != nil || whole.code != http.StatusOK || !strings.HasPrefix(whole.text, "PK") {
		t.Fatalf("the download is %d, %v\n%.100s", whole.code, err, whole.text)
	}
	for _, name := range []string{"Content-Disposition", "Content-Length", "Etag", "Repr-Digest"} {
		if whole.header.Get(name) == "" {
			t.Errorf("the page cannot read %s", name)
		}
	}
	rest, err := p.fetch(link, pageRequest{header: map[string]string{"Range": "bytes=9-"}})
	if err != nil || rest.code != http.StatusPartialContent || rest.text != whole.text[9:] || !strings.HasPrefix(rest.header.Get("Content-Range"), "bytes 9-") {
		t.Errorf("the rest of the download is %d %q, %v", rest.code, rest.header, err)
	}
	if bad, err := p.fetch(link+"0", pageRequest{}); err != nil || bad.code != http.StatusForbidden {
		t.Errorf("a bad link gives %d, %v", bad.code, err)
	}
}

// A page can read what is wrong, and what to do about it.
func TestPageReadsErrors(t *testing.T) {
	t.Parallel()
	d, dir, s := originsShop(t)
	key, low := d.newKey(t, dir, "--organization", acme), d.newKey(t, dir, "--organization", acme, "--per-day", "1")
	p := &page{t: t, origin: dashboard}
	with := func(method, key, body string) pageRequest {
		return pageRequest{method: method, header: map[string]string{"X-API-Key": key, "Content-Type": "application/json"}, body: body}
	}
	other := strings.ReplaceAll(exportsOfAcme, acme, empty)
	want := func(code int, path string, q pageRequest, fields ...string) {
		t.Helper()
		got, err := p.fetch(s.url+path, q)
		if err != nil || got.code != code || !strings.Contains(got.text, `"error_code"`) {
			t.Errorf("%s %s gives %d, %v, want %d\n%s", q.method, path, got.code, err, code, got.text)
		}
		for _, name := range fields {
			if got.header.Get(name) == "" {
				t.Errorf("status %d: the page cannot read %s", code, name)
			}
		}
	}
	want(401, exportsOfAcme, with("POST", "csb_x", ""), "Www-Authenticate", "RateLimit-Remaining")
	want(403, other, with("POST", key, ""), "RateLimit-Remaining")
	want(404, exportsOfAcme+"/"+empty, with("GET", key, ""))
	if docs, err := p.fetch(s.url+"/docs", pageRequest{include: true}); err != nil || !strings.Contains(docs.text, "swagger-ui") { // a redirect
		t.Errorf("the page of documentation is %d, %v", docs.code, err)
	}
	want(404, "/nothing", with("GET", key, ""))
	want(405, exportsOfAcme, with("PUT", key, ""), "Allow")
	want(406, exportsOfAcme, pageRequest{header: map[string]string{"X-API-Key": key, "Accept": "text/html"}})
	want(413, exportsOfAcme, with("POST", key, strings.Repeat("x", 5000)))
	want(422, exportsOfAcme+"?archive_format=rar", with("POST", key, ""))
	for range 2 { // a new day may begin once
		_, _ = p.fetch(s.url+exportsOfAcme, with("GET", low, ""))
	}
	want(429, exportsOfAcme, with("GET", low, ""), "Retry-After", "RateLimit-Reset")
	d.exec(t, "ALTER TABLE orgexport_jobs RENAME TO elsewhere")
	want(503, exportsOfAcme, with("GET", key, ""))
	d.exec(t, "ALTER TABLE elsewhere RENAME TO orgexport_jobs")
	s.stop(t, key, low)
}

// A page of another origin sends no request that is asked for first, and reads nothing.
// With a session it changes nothing either.
func TestPageOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	d, dir, s := originsShop(t)
	d.members(t, dir, "add", "--user", "zoe").want(t, 0)
	session, key := d.newSession(t, dir, "zoe"), d.newKey(t, dir, "--organization", acme)
	withKey := pageRequest{method: "POST", header: map[string]string{"X-API-Key": key}}
	for _, origin := range []string{"https://evil.example.com", dashboard + ".evil.example.com", "http://dashboard.example.com", dashboard + ":8443", "null"} {
		p := &page{t: t, origin: origin, cookie: "sessionid=" + session}
		if _, err := p.fetch(s.url+exportsOfAcme, withKey); !errors.Is(err, errNetwork) || !slices.Equal(p.sent, []string{"OPTIONS"}) {
			t.Errorf("%s with a key: it has sent %q, %v", origin, p.sent, err)
		}
		for _, method := range []string{"GET", "POST"} {
			if got, err := p.fetch(s.url+exportsOfAcme, pageRequest{method: method, include: true}); !errors.Is(err, errNetwork) {
				t.Errorf("%s reads %d %s", origin, got.code, got.text)
			}
		}
	}
	var jobs int
	if d.row(t, "SELECT count(*) FROM orgexport_jobs", &jobs); jobs != 0 {
		t.Errorf("there are %d jobs", jobs)
	}
	s.stop(t, key, session)
}

// A preflight has no credentials. It is not counted, and nothing is looked up for it.
func TestPreflights(t *testing.T) {
	t.Parallel()
	d, _, s := originsShop(t)
	d.exec(t, "ALTER TABLE orgexport_keys RENAME TO elsewhere") // who reads it fails
	for i := range 300 {
		origin := []string{dashboard, "https://evil.example.com"}[i%2]
		r := s.send(t, http.MethodOptions, exportsOfAcme+"?i", "Origin: "+origin, "Access-Control-Request-Method: POST",
			"Access-Control-Request-Headers: x-api-key")
		h := r.header
		if r.code != http.StatusNoContent || r.text != "" || h.Get("RateLimit-Remaining") != "" || h.Get("WWW-Authenticate") != "" {
			t.Fatalf("status %d, %q\n%s", r.code, h, r.text)
		}
		vary := strings.ToLower(strings.Join(h.Values("Vary"), ", "))
		for _, name := range []string{"origin", "access-control-request-method", "access-control-request-headers"} {
			if !strings.Contains(vary, name) {
				t.Fatalf("Vary is %q", vary)
			}
		}
		allowed := h.Get("Access-Control-Allow-Origin")
		if want := []string{dashboard, ""}[i%2]; allowed != want {
			t.Fatalf("%s: Access-Control-Allow-Origin is %q", origin, allowed)
		}
	}
	d.exec(t, "ALTER TABLE elsewhere RENAME TO orgexport_keys")
	for _, origin := range []string{"", dashboard, "https://evil.example.com"} { // a cache must not mix them up
		r := s.send(t, http.MethodGet, exportsOfAcme, "X-API-Key: csb_x", "Origin: "+origin)
		if r.code != http.StatusUnauthorized || !slices.Contains(r.header.Values("Vary"), "Origin") {
			t.Errorf("%q: status %d, Vary %q", origin, r.code, r.header.Values("Vary"))
		}
	}
	s.stop(t)
}

// Where no origin is trusted there is no word of CORS.
func TestNoTrustedOrigins(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	for _, method := range []string{http.MethodGet, http.MethodOptions} {
		r := s.send(t, method, exportsOfAcme, "Origin: "+dashboard, "Access-Control-Request-Method: POST")
		for name := range r.header {
			if strings.HasPrefix(name, "Access-Control-") || r.code < 400 {
				t.Errorf("status %d with %s", r.code, name)
			}
		}
	}
	s.stop(t)
}
