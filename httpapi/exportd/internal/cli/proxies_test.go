//go:build linux

package cli_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// proxiesConfig is the configuration of two haproxies in a row. Each has an address of
// its own that it connects from, and adds the address that a request came from.
const proxiesConfig = `
defaults
  mode http
  timeout connect 5s
  timeout client 1m
  timeout server 1m

listen outer
  bind fd@3
  OUTER
  server inner INNER source 127.0.1.1

listen inner
  bind fd@4
  STRIP
  OUTER
  server exportd EXPORTD source 127.0.1.2
`

// proxied is an exportd behind two proxies, which clients reach at url.
type proxied struct {
	*serving
	d   jobsDatabase
	key string
}

// serveProxied starts the proxies and, with these keys of server, an exportd that clients
// reach below /exports. Both are lines of haproxy: how a proxy tells the address, and
// what the inner one does with the path.
func serveProxied(t *testing.T, server, tell, strip string) *proxied {
	t.Helper()
	d, dir := inSQLite(t), shop(t, organizationSection)
	address := freeAddress(t)
	haproxy := exec.CommandContext(t.Context(), "haproxy", "-db", "-f", filepath.Join(dir, "haproxy.cfg"))
	var log syncBuffer
	haproxy.Stdout, haproxy.Stderr = &log, &log
	var addresses [2]string
	for i := range addresses {
		listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		file, err := listener.File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		addresses[i] = listener.Addr().String()
		haproxy.ExtraFiles = append(haproxy.ExtraFiles, file)
	}
	write(t, filepath.Join(dir, "haproxy.cfg"),
		strings.NewReplacer("OUTER", tell, "STRIP", strip, "INNER", addresses[1], "EXPORTD", address).Replace(proxiesConfig))
	configure(t, dir, fmt.Sprintf("server: {public_url: 'http://%s/exports', %s}\n", addresses[0], server))
	p := &proxied{d: d, key: d.newKey(t, dir, "--organization", acme)}
	p.serving = &serving{cmd: d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", address)}
	p.start(t)
	p.url = "http://" + addresses[0] + "/exports"
	if p.greeting != fmt.Sprintf("serving on %s, documentation at %[1]s/docs\n", p.url) {
		t.Fatalf("it says %q\n%s", p.greeting, p.log.String())
	}
	if err := haproxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = haproxy.Wait() // the end of the test has killed it
		if t.Failed() {
			t.Logf("haproxy says\n%s\nexportd says\n%s", log.String(), p.log.String())
		}
	})
	return p
}

// visitor is a client of an address of its own.
type visitor struct {
	t      *testing.T
	p      *proxied
	client *http.Client
}

func (p *proxied) from(t *testing.T, address string) *visitor {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, p, &http.Client{Transport: transport}}
}

// send sends a request with these header fields. A path is below the public URL.
func (v *visitor) send(method, path string, fields ...string) reply {
	v.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = v.p.url + path
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		r.Header.Add(name, value)
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// want sends a request and fails the test unless the answer has the status.
func (v *visitor) want(code int, method, path string, fields ...string) reply {
	v.t.Helper()
	r := v.send(method, path, fields...)
	if r.code != code {
		v.t.Fatalf("%s %s: status %d, want %d\n%s", method, path, r.code, code, r.text)
	}
	return r
}

// proxies are ways to put two proxies in front of exportd: how they tell the address, and
// what the inner one does with the path.
var proxies = map[string]struct{ tell, strip string }{
	"X-Forwarded-For, stripped": {"option forwardfor", `http-request replace-path /exports(/.*) \1`},
	"Forwarded, not stripped":   {`http-request add-header Forwarded "for=%[src];proto=http"`, ""},
}

const trustThem = "trusted_proxies: [127.0.1.0/24]"

// Whoever sends bad keys through a proxy is locked out, whatever they say to be, and
// nobody else is. The audit log names who did what.
func TestProxiesTellTheClient(t *testing.T) {
	t.Parallel()
	needTools(t, "haproxy")
	for name, c := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serveProxied(t, trustThem, c.tell, c.strip)
			bad, good := p.from(t, "127.0.0.2"), p.from(t, "127.0.0.3")
			key := "X-API-Key: " + p.key
			lie := "X-Forwarded-For: 127.0.0.3"
			if strings.HasPrefix(name, "Forwarded") {
				lie = `Forwarded: for="127.0.0.3`
			}
			bad.guess(lie)
			if r := bad.send(http.MethodGet, exportsOfAcme, key); r.code == http.StatusOK { // a new minute has begun
				bad.guess(lie)
				bad.want(http.StatusTooManyRequests, http.MethodGet, exportsOfAcme, key)
			}
			link := good.exported(key)
			bad.want(http.StatusOK, http.MethodGet, link)
			p.stop(t, p.key) // now all downloads are recorded
			var actors string
			p.d.row(t, `SELECT group_concat(entry, ' ') FROM (SELECT DISTINCT action || '=' || address AS entry FROM orgexport_audit
				WHERE action LIKE 'export.%' ORDER BY entry)`, &actors)
			if want := "export.downloaded=127.0.0.2 export.downloaded=127.0.0.3 export.linked=127.0.0.3 export.requested=127.0.0.3"; actors != want {
				t.Errorf("the audit log has %s, want %s", actors, want)
			}
		})
	}
}

// guess sends bad keys until it is locked out. That takes 60 or, if a new minute begins,
// twice as many at most.
func (v *visitor) guess(lie string) {
	v.t.Helper()
	for guesses := range 125 {
		r := v.send(http.MethodGet, exportsOfAcme, "X-API-Key: csb_x", lie)
		switch {
		case r.code == http.StatusTooManyRequests && guesses < 60:
			v.t.Fatalf("locked out after %d guesses, want 60", guesses)
		case r.code == http.StatusTooManyRequests:
			return
		case r.code != http.StatusUnauthorized:
			v.t.Fatalf("guess %d has the status %d\n%s", guesses, r.code, r.text)
		}
	}
	v.t.Fatal("guesses go on and on")
}

// Without trusted_proxies nobody is believed: the client is who connects.
func TestProxiesNotTrusted(t *testing.T) {
	t.Parallel()
	needTools(t, "haproxy")
	c := proxies["X-Forwarded-For, stripped"]
	for _, server := range []string{"drain: 1s", "trusted_proxies: [127.0.1.1]"} { // of which exportd does not see the connection
		p := serveProxied(t, server, c.tell, c.strip)
		p.from(t, "127.0.0.3").exported("X-API-Key: " + p.key)
		p.stop(t, p.key)
		var address string
		p.d.row(t, "SELECT group_concat(DISTINCT address) FROM orgexport_audit WHERE action LIKE 'export.%'", &address)
		if address != "127.0.1.2" {
			t.Errorf("%s: the audit log names %s", server, address)
		}
	}
}

// exported requests an export, polls, watches its events and downloads it, and returns
// its link.
func (v *visitor) exported(key string) (link string) {
	v.t.Helper()
	var a answer
	read := func(text string) {
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			v.t.Fatalf("%v\n%s", err, text)
		}
	}
	read(v.want(http.StatusOK, http.MethodPost, exportsOfAcme+"?archive_format=zip", key).text)
	events := v.want(http.StatusOK, http.MethodGet, exportsOfAcme+"/"+a.JobID+"/events", key).text
	if !strings.Contains(events, `"status":"completed"`) {
		v.t.Errorf("the events are %s", events)
	}
	read(v.want(http.StatusOK, http.MethodGet, exportsOfAcme+"/"+a.JobID, key).text)
	if a.Status != "completed" || !strings.HasPrefix(a.Download, v.p.url+"/downloads/") {
		v.t.Fatalf("the job is %+v", a)
	}
	if archive := v.want(http.StatusOK, http.MethodGet, a.Download); !strings.HasPrefix(archive.text, "PK") {
		v.t.Errorf("the archive is %.100s", archive.text)
	}
	return a.Download
}

// All of the server is found below a path of the public URL, whether a proxy removes that
// path or not.
func TestPublicURLWithAPath(t *testing.T) {
	t.Parallel()
	needTools(t, "haproxy")
	for name, c := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serveProxied(t, trustThem, c.tell, c.strip)
			v := p.from(t, "127.0.0.3")
			v.exported("X-API-Key: " + p.key)
			v.want(http.StatusOK, http.MethodGet, "/healthz")
			v.want(http.StatusOK, http.MethodGet, "/readyz")
			if page := v.want(http.StatusOK, http.MethodGet, "/docs"); !strings.Contains(page.text, "swagger-ui") { // it was redirected
				t.Errorf("the page is %s", page.text)
			}
			v.want(http.StatusOK, http.MethodGet, "/docs/init.js")
			var document struct{ Servers []struct{ URL string } }
			text := v.want(http.StatusOK, http.MethodGet, "//openapi.json").text // this, too: to a path that the proxies know
			if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Servers) != 1 || document.Servers[0].URL != p.url {
				t.Errorf("the servers are %+v, %v", document.Servers, err)
			}
			v.want(http.StatusMethodNotAllowed, http.MethodPut, exportsOfAcme)
			v.want(http.StatusForbidden, http.MethodGet, "/downloads/a/b/1.zip/c.zip")
			v.want(http.StatusNotFound, http.MethodGet, "/nothing")
			p.stop(t, p.key)
		})
	}
}
