//go:build unix

package cli_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// bigSection is a section whose archive is larger than what a network buffers.
const bigSection = `  - key: big
    records:
      - {file: big.ndjson, sql: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 40) SELECT n, hex(randomblob(200000)) AS x FROM c WHERE :organization_id <> ''"}
`

// TestHeldDownloads: a client that holds as many downloads as it can, of several jobs and from
// any number of addresses, takes neither the connections nor the files that others need.
func TestHeldDownloads(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection, bigSection)
	configure(t, dir, "server: {trusted_proxies: [127.0.0.1]}\n")
	c := d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0")
	c.Args = append([]string{"sh", "-c", `ulimit -n 256 && exec "$0" "$@"`, c.Path}, c.Args[1:]...)
	c.Path = "/bin/sh"
	s := &serving{cmd: c}
	s.listen(t)
	key, other := d.newKey(t, dir, "--organization", acme), d.newKey(t, dir, "--organization", empty)
	var links []string
	for _, request := range []string{"zip", "tar.gz", "zip&sections=big"} {
		job := s.ask(t, key, http.MethodPost, acme, "?archive_format="+request).JobID
		links = append(links, s.until(t, key, job, "ended", ended).Download)
	}
	held := make(map[int]int) // by status, 0 if the connection was refused or closed
	for n := range 200 {
		status := s.hold(t, links[n%len(links)], fmt.Sprintf("2001:db8:%x::1", n))
		if held[status]++; status == 0 {
			break // the others would have no answer either
		}
	}
	t.Logf("200 downloads have %v", held)
	if held[http.StatusOK] != 42 || held[http.StatusTooManyRequests] != 158 {
		t.Errorf("downloads have %v, want 42 open, a sixth of 256 files, and 429 for the others", held)
	}
	for range 5 {
		if code, err := alone(t, s.url+"/readyz", ""); code != http.StatusOK {
			t.Fatalf("/readyz gives %d, %v", code, err)
		}
		if code, err := alone(t, s.url+"/dashboard/api/v1/data-export/"+empty, other); code != http.StatusOK {
			t.Fatalf("a neighbour's list gives %d, %v", code, err)
		}
	}
	job := s.ask(t, other, http.MethodPost, empty, "?archive_format=zip").JobID
	var done answer
	eventually(t, "ended", func() bool {
		done = s.ask(t, other, http.MethodGet, empty, "/"+job)
		return ended(done)
	})
	if done.Status != "completed" || strings.Contains(s.log.String(), "too many open files") {
		t.Errorf("a neighbour's export is %+v\n%s", done, s.log.String())
	}
}

// hold opens a download on a connection of its own, with little room for what is received, and
// does not read it. It returns the status, 0 if there is none.
func (s *serving) hold(t *testing.T, link, client string) int {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return 0
	}
	t.Cleanup(func() { _ = conn.Close() }) // nobody is to hear of it
	must(t, conn.(*net.TCPConn).SetReadBuffer(2048))
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: %s\r\n\r\n", strings.TrimPrefix(link, s.url), client); err != nil {
		return 0
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 512), nil) //nolint:bodyclose // that is the point
	if err != nil {
		return 0
	}
	return response.StatusCode
}

// alone makes a request on a new connection.
func alone(t *testing.T, url, key string) (code int, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	must(t, err)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}
