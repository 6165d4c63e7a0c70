package sign_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/sign"
)

// neighbour is a job of another organization.
const neighbour = "9ZyXwVuTsRqPnMkJhGfEdC/K2bPnQrStUvWxYzAbCdEfG/2.tar.gz"

// shelf has an archive for every job that is asked for, larger than what a network buffers.
type shelf struct {
	jobs.Destination

	job          jobs.Job
	content      []byte
	opened, open atomic.Int64
}

func (s *shelf) Get(_ context.Context, organizationID, id string) (jobs.Job, error) {
	job := s.job
	job.Organization.ID, job.ID, job.ObjectKey, job.Size = organizationID, id, organizationID+"/"+id+"/2.tar.gz", int64(len(s.content))
	return job, nil
}

func (s *shelf) Open(context.Context, string) (io.ReadSeekCloser, error) {
	s.opened.Add(1)
	s.open.Add(1)
	return &shelved{bytes.NewReader(s.content), s}, nil
}

type shelved struct {
	io.ReadSeeker
	s *shelf
}

func (s *shelved) Close() error {
	s.s.open.Add(-1)
	return nil
}

// crowd are clients of a server on a real network. They hold downloads: they read no more than
// the header.
type crowd struct {
	*world
	shelf  *shelf
	server *httptest.Server
}

func newCrowd(t *testing.T, change func(*sign.Config)) *crowd {
	t.Helper()
	c := &crowd{shelf: &shelf{content: make([]byte, 32<<20)}}
	c.world = newWorld(t, func(config *sign.Config) {
		config.Jobs, config.Destination = c.shelf, c.shelf
		config.ClientAddress = func(r *http.Request) string { return r.Header.Get("Client") }
		change(config)
	})
	c.shelf.job = c.jobs.job
	c.server = httptest.NewServer(c.handler)
	t.Cleanup(c.server.Close)
	return c
}

// links are some to one archive. Each has another signature. The clock of the server, which
// reads it at the same time, stays as it is.
func (c *crowd) links(t *testing.T, key string, n int) (links []string) {
	t.Helper()
	config := c.config
	config.URL = c.server.URL + prefix
	for i := range n {
		config.Now = func() time.Time { return start.Add(time.Duration(i) * time.Second) }
		made, err := newLinks(t, config).Sign(t.Context(), key, filename, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		links = append(links, made.URL)
	}
	return links
}

// held is an answer of which only the header has been read. It is closed when the test ends.
type held struct{ *http.Response }

// ask makes a request on a connection that buffers little.
func (c *crowd) ask(t *testing.T, method, link, client string) held {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Client", client)
	response, err := (&http.Transport{DisableKeepAlives: true, ReadBufferSize: 512, DialContext: dialNarrow}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() }) // it may be closed already
	return held{response}
}

// dialNarrow makes a connection with a receive buffer of 2 KB.
func dialNarrow(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn, conn.(*net.TCPConn).SetReadBuffer(2048)
}

// hold opens a download and does not read it.
func (c *crowd) hold(t *testing.T, link, client string) held {
	t.Helper()
	response := c.ask(t, http.MethodGet, link, client)
	if response.StatusCode != http.StatusOK {
		t.Fatalf("a download of %s has status %d", client, response.StatusCode)
	}
	return response
}

// refused fails the test unless there are too many downloads for another one. No archive is to
// be opened for it.
func (c *crowd) refused(t *testing.T, link, client, text string) {
	t.Helper()
	opened := c.shelf.opened.Load()
	response := c.ask(t, http.MethodGet, link, client)
	body := make([]byte, 200)
	n, err := io.ReadFull(response.Body, body)
	if response.StatusCode != http.StatusTooManyRequests || string(body[:n]) != text+"\n" {
		t.Fatalf("one download too many has status %d, %v, %.100q, want 429 and %q", response.StatusCode, err, body[:n], text)
	}
	wantHeader(t, response.Header, map[string]string{"Retry-After": "10", "ETag": "", "Cache-Control": "no-store"})
	if c.shelf.opened.Load() != opened {
		t.Error("an archive was opened for a download that is refused")
	}
}

// again waits until a download is served.
func (c *crowd) again(t *testing.T, link, client string) held {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		response := c.ask(t, http.MethodGet, link, client)
		if response.StatusCode == http.StatusOK {
			return response
		}
		if time.Now().After(end) {
			t.Fatalf("the status is still %d", response.StatusCode)
		}
	}
}

const (
	manyOfJob     = "Too many downloads of this export are open. Please try again when one of them has ended."
	manyOfAddress = "Too many downloads are open from your address. Please try again when one of them has ended."
	manyInAll     = "Too many downloads are open. Please try again later."
)

// TestDownloadsAtOnceOfAJob: so many downloads of one job can be held, by however many links and
// addresses. Whoever wants one more is told so, others have theirs, and one that has ended makes
// room.
func TestDownloadsAtOnceOfAJob(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]struct {
		limits sign.AtOnce
		most   int
	}{"default": {sign.AtOnce{}, 20}, "ten": {sign.AtOnce{PerJob: 10}, 10}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limited := make(chan string, 100)
			c := newCrowd(t, func(config *sign.Config) {
				config.AtOnce = at.limits
				config.OnLimit = func(who string) { limited <- who }
			})
			links := c.links(t, objectKey, at.most+1)
			var open []held
			for _, link := range links[:at.most] {
				open = append(open, c.hold(t, link, "192.0.2.1"))
			}
			last := links[at.most]
			c.refused(t, last, "192.0.2.1", manyOfJob)
			if who := <-limited; who != "link:"+organization+"/"+jobID {
				t.Errorf("the host was told of %s", who)
			}
			c.refused(t, last, "192.0.2.2", manyOfJob)
			if response := c.ask(t, http.MethodHead, last, "192.0.2.1"); response.StatusCode != http.StatusOK {
				t.Errorf("HEAD has status %d", response.StatusCode)
			}
			if status, body, err := get(t, c.server.Client(), c.links(t, neighbour, 1)[0]); status != http.StatusOK || len(body) != len(c.shelf.content) || err != nil {
				t.Errorf("a neighbour gets status %d, %d bytes, %v", status, len(body), err)
			}
			_ = open[0].Body.Close()
			open[0] = c.again(t, last, "192.0.2.1")
			for _, response := range open {
				_ = response.Body.Close()
			}
			c.server.Close() // which waits for all
			if n := c.shelf.open.Load(); n != 0 {
				t.Errorf("%d archives are still open", n)
			}
		})
	}
}

// TestDownloadsAtOnceOfANetwork: an address can hold so many downloads of any jobs, and all
// addresses of an IPv6 network of 64 bits are one.
func TestDownloadsAtOnceOfANetwork(t *testing.T) {
	t.Parallel()
	limited := make(chan string, 100)
	c := newCrowd(t, func(config *sign.Config) {
		config.AtOnce = sign.AtOnce{PerAddress: 2}
		config.OnLimit = func(who string) { limited <- who }
	})
	links := append(c.links(t, objectKey, 4), c.links(t, neighbour, 4)...)
	first := c.hold(t, links[0], "2001:db8::1")
	c.hold(t, links[4], "2001:db8::ffff:2")
	c.refused(t, links[1], "2001:db8::3", manyOfAddress)
	if who := <-limited; who != "downloader:2001:db8::/64" {
		t.Errorf("the host was told of %s", who)
	}
	c.hold(t, links[2], "2001:db8:0:1::3")
	c.hold(t, links[5], "192.0.2.1")
	c.hold(t, links[6], "::ffff:192.0.2.1")
	c.refused(t, links[7], "192.0.2.1", manyOfAddress)
	_ = first.Body.Close()
	c.again(t, links[3], "2001:db8::4")
}

// TestDownloadsAtOnceInAll: a process has so many downloads open, whoever they are of.
func TestDownloadsAtOnceInAll(t *testing.T) {
	t.Parallel()
	limited := make(chan string, 100)
	c := newCrowd(t, func(config *sign.Config) {
		config.AtOnce = sign.AtOnce{PerJob: -1, PerAddress: -1, Total: 25}
		config.OnLimit = func(who string) { limited <- who }
	})
	links := append(c.links(t, objectKey, 20), c.links(t, neighbour, 6)...)
	first := c.hold(t, links[0], "192.0.2.1")
	for _, link := range links[1:25] {
		c.hold(t, link, "192.0.2.1")
	}
	c.refused(t, links[25], "192.0.2.2", manyInAll)
	if who := <-limited; who != "downloads:" {
		t.Errorf("the host was told of %s", who)
	}
	_ = first.Body.Close()
	c.again(t, links[25], "192.0.2.2")
}

// TestDownloadsThatBreak: a download that breaks in any way makes room for the next one.
func TestDownloadsThatBreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *sign.Config) { c.AtOnce = sign.AtOnce{PerJob: 1, PerAddress: 1, Total: 1} })
	uri := w.uri(t)
	for range 3 {
		w.destination.breaks = []int64{1000}
		func() {
			defer func() {
				if broken, ok := recover().(error); !ok || !errors.Is(broken, http.ErrAbortHandler) {
					t.Errorf("the archive cannot be read, and the handler ends with %v", broken)
				}
			}()
			w.do(t, "GET", uri)
		}()
		for _, header := range []string{"Range: bytes=0-0", "Range: bytes=900000-", "If-Match: other", "A: b"} {
			if rec := w.do(t, "GET", uri, header); rec.Code == http.StatusTooManyRequests {
				t.Errorf("%s: %s", header, rec.Body)
			}
		}
		w.jobs.err = http.ErrHandlerTimeout // any error
		if rec := w.do(t, "GET", uri); rec.Code != http.StatusInternalServerError {
			t.Errorf("status %d", rec.Code)
		}
		w.jobs.err = nil
	}
}

// TestLimitOfANetwork: requests of a minute are counted by the network, too.
func TestLimitOfANetwork(t *testing.T) {
	w := newWorld(t, func(c *sign.Config) {
		c.Limits = sign.Limits{PerAddress: 2}
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("Client") }
	})
	uri := w.uri(t)
	var got []string
	for _, client := range []string{"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"} {
		got = append(got, http.StatusText(w.do(t, "GET", uri, "Client: "+client).Code))
	}
	if s := strings.Join(got, ", "); s != "OK, OK, Too Many Requests, OK" {
		t.Errorf("the answers are %s", s)
	}
	w.do(t, "GET", uri, "Client: 2001:db8:0:1::1")
	if all := w.trail.all(); len(all) == 0 || all[0].Address != "2001:db8::1" {
		t.Errorf("recorded are %+v", all)
	}
}
