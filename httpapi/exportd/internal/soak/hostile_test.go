//go:build linux

package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Hostile clients come from addresses of their own, so that what they do to theirs does
// not shut out others.
const (
	honestAddress  = "127.0.0.1"
	guesserAddress = "127.0.0.2"
	silentAddress  = "127.0.0.3"
	hostileAddress = "127.0.0.4"
)

// attack lets all hostile clients loose until ctx ends.
func (s *soak) attack(ctx context.Context, running *sync.WaitGroup) {
	guesser := s.newClient(s.honest[0], "csb_", guesserAddress, false)
	running.Go(func() { guesser.guess(ctx) })
	running.Go(func() { s.silent(ctx) })
	for _, behave := range []func(*client, context.Context){
		(*client).flood, (*client).stream, (*client).nonsense, (*client).churn, (*client).nibble,
	} {
		c := s.newClient(s.hostile, s.hostileKey, hostileAddress, false)
		running.Go(func() {
			defer c.http.CloseIdleConnections()
			behave(c, ctx)
		})
	}
}

// guess tries keys.
func (c *client) guess(ctx context.Context) {
	defer c.http.CloseIdleConnections()
	for pause(ctx, 20*time.Millisecond) == nil {
		c.key = fmt.Sprintf("csb_%032d_%08x", c.random.Uint32(), c.random.Uint32())
		if r := c.api(ctx, http.MethodGet, "", nil); r.sure && r.status != http.StatusUnauthorized && r.status != http.StatusTooManyRequests {
			c.seen.problem("a guessed key gives %d", r.status)
		}
	}
}

// silent opens connections and does not finish what it begins to say on them.
func (s *soak) silent(ctx context.Context) {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(silentAddress)}, Timeout: time.Second}
	for ctx.Err() == nil {
		var open []net.Conn
		for i := range 60 {
			connection, err := dialer.DialContext(ctx, "tcp", s.nodes[i%len(s.nodes)].address)
			if err != nil {
				continue // refused, as it should be after some
			}
			open = append(open, connection)
			_ = connection.SetDeadline(time.Now().Add(time.Second))
			if i%3 > 0 {
				text := "GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + strings.Repeat("x", i*4096)
				_, _ = io.WriteString(connection, text) // the server may have closed it
			}
		}
		_ = pause(ctx, 3*time.Second)
		for _, connection := range open {
			_ = connection.Close()
		}
	}
}

// flood asks as fast as it is answered.
func (c *client) flood(ctx context.Context) {
	for pause(ctx, 2*time.Millisecond) == nil {
		c.api(ctx, http.MethodGet, "?page_size=100", nil)
	}
}

// stream watches the same exports on many connections.
func (c *client) stream(ctx context.Context) {
	for pause(ctx, 200*time.Millisecond) == nil {
		ids := c.seen.of(c.organization, func(j *sighting) bool { return !j.ended })
		if len(ids) == 0 {
			continue
		}
		soon, cancel := context.WithTimeout(ctx, 3*time.Second)
		var streams sync.WaitGroup
		for i := range 40 {
			streams.Go(func() { c.watchBy(soon, ids[i%len(ids)], i) })
		}
		streams.Wait()
		cancel()
	}
}

// nonsense sends what no client should.
func (c *client) nonsense(ctx context.Context) {
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions, "BREW"}
	paths := []string{
		"/" + export.NewID(), "/../../..", "/%2e%2e/%00", "?archive_format=exe", "?archive_format=zip&archive_format=zip", "?page=-1", "?page=99999999999999999999",
		"?page_size=1000000", "?sections=" + strings.Repeat("a,", 3000), "?retry_of=" + export.NewID(), "/" + strings.Repeat("x", 5000), "/events/events", "?%zz", "/" + export.NewID() + "/events",
	}
	for pause(ctx, 50*time.Millisecond) == nil {
		header := http.Header{"X-Api-Key": {c.key}}
		if c.random.IntN(3) == 0 {
			header = http.Header{
				"Authorization": {"Bearer " + strings.Repeat("e30.", 500)}, "Cookie": {"sessionid=" + strings.Repeat("s", 2000)},
				"X-Forwarded-For": {"127.0.0.1"}, "Origin": {"https://evil.example"}, "Range": {"bytes=9-1,-,5"},
			}
		}
		method, path := methods[c.random.IntN(len(methods))], paths[c.random.IntN(len(paths))]
		r := c.do(ctx, method, c.exports(path), header, 1<<20)
		if method == http.MethodPost && path[0] == '?' { // parameters that a request does not have are passed over
			var job jobAnswer
			_ = json.Unmarshal(r.body, &job) // it may be anything
			c.noteRequest(c.organization+" nonsense", "zip", r, job, false)
		}
	}
}

// churn requests exports and cancels most of them.
func (c *client) churn(ctx context.Context) {
	for pause(ctx, time.Duration(c.random.IntN(400))*time.Millisecond) == nil {
		if kept := c.seen.of(c.organization, func(j *sighting) bool { return j.deleted.most == 0 }); len(kept) > keptArchives {
			c.remove(ctx, kept[c.random.IntN(len(kept))])
		}
		id := c.request(ctx)
		switch {
		case id == "":
		case c.random.IntN(3) > 0:
			c.remove(ctx, id)
			c.remove(ctx, id)
		default:
			c.poll(ctx, id)
		}
	}
}

// nibble fetches one byte of an archive again and again.
func (c *client) nibble(ctx context.Context) {
	for pause(ctx, 100*time.Millisecond) == nil {
		ids := c.seen.of(c.organization, func(j *sighting) bool { return j.deleted.most == 0 })
		if len(ids) == 0 {
			continue
		}
		id := ids[c.random.IntN(len(ids))]
		job := c.poll(ctx, id)
		for range 100 {
			if job.Download == "" || pause(ctx, 10*time.Millisecond) != nil {
				break
			}
			c.download(ctx, id, job.Download, "bytes=0-0")
		}
	}
}
