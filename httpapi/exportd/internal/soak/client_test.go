//go:build linux

package soak_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// requestPatience is how long a client waits for an answer. The machine may be busy.
const requestPatience = time.Minute

// client is who uses the API with a key.
type client struct {
	*soak
	organization, key string
	honest            bool
	random            *rand.Rand
	http              *http.Client
}

// newClient returns a client that connects from an address of this machine.
func (s *soak) newClient(organization, key, from string, honest bool) *client {
	return &client{
		soak: s, organization: organization, key: key, honest: honest,
		random: rand.New(rand.NewPCG(s.random.Uint64(), 0)),
		http:   httpFrom(from),
	}
}

// httpFrom returns a client that connects from an address of this machine.
func httpFrom(from string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 10 * time.Second}
	return &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute},
		Timeout:   requestPatience,
	}
}

// reply is an answer. The status is 0 if there was none.
type reply struct {
	status int
	header http.Header
	body   []byte
	sure   bool // nothing was down meanwhile
}

// jobAnswer is what clients read of a job.
type jobAnswer struct {
	JobID    string `json:"job_id"`
	Status   string `json:"status"`
	Filename string `json:"output_filename"`
	Download string `json:"download_url"`
	Error    string `json:"error"`
	Sections []struct{ Key, Status string }
}

func (a jobAnswer) ended() bool { return a.Status == "completed" || a.Status == "failed" }

// do sends a request and reads up to limit bytes of the answer. It notes an answer that no
// client should get.
func (c *client) do(ctx context.Context, method, target string, header http.Header, limit int64) (r reply) {
	began := time.Now()
	request, err := http.NewRequestWithContext(ctx, method, target, nil)
	if err != nil {
		panic(err) // its parts are ours
	}
	maps.Copy(request.Header, header)
	response, err := c.http.Do(request)
	if err == nil {
		r.status, r.header = response.StatusCode, response.Header
		r.body, err = io.ReadAll(io.LimitReader(response.Body, limit))
		_ = response.Body.Close()
		c.seen.answered(r.status)
	}
	r.sure = !c.trouble.since(began)
	where := method + " " + strings.SplitN(target, "?expires=", 2)[0]
	switch {
	case ctx.Err() != nil:
		r.sure = false
	case err != nil && r.sure && c.honest:
		c.seen.problem("%s: %v after %v", where, err, time.Since(began))
	case r.status >= 500 && r.status != http.StatusServiceUnavailable,
		r.status == http.StatusServiceUnavailable && r.sure:
		c.seen.problem("%s gives %d: %.300s", where, r.status, r.body)
	}
	if err != nil {
		r.sure = false
	}
	return r
}

// exports is where the API has the exports of the client's organization, on one of the
// nodes.
func (c *client) exports(rest string) string {
	node := c.nodes[c.random.IntN(len(c.nodes))]
	return "http://" + node.address + "/dashboard/api/v1/data-export/" + c.organization + rest
}

// api sends a request with the key and decodes the answer to it.
func (c *client) api(ctx context.Context, method, rest string, into any) reply {
	r := c.do(ctx, method, c.exports(rest), http.Header{"X-Api-Key": {c.key}}, 16<<20)
	if r.status == http.StatusOK && into != nil {
		if err := json.Unmarshal(r.body, into); err != nil {
			if r.sure {
				c.seen.problem("%s %s gives %.300s", method, rest, r.body)
			}
			r.status = 0
		}
	}
	if c.honest && r.sure && r.status >= 400 && r.status < 500 && r.status != http.StatusNotFound {
		c.seen.problem("%s %s by an honest client gives %d: %.300s", method, rest, r.status, r.body)
	}
	return r
}

// request asks for an export.
func (c *client) request(ctx context.Context) (id string) {
	query := url.Values{"archive_format": {[]string{"zip", "tar.gz", "tar.zst"}[c.random.IntN(3)]}}
	if sections := []string{"", "organization,records", "files,lines,organization"}[c.random.IntN(3)]; sections != "" {
		query.Set("sections", sections)
	}
	what := c.organization + query.Encode()
	var job jobAnswer
	r := c.api(ctx, http.MethodPost, "?"+query.Encode(), &job)
	return c.noteRequest(what, query.Get("archive_format"), r, job, r.sure)
}

// noteRequest notes the answer to a request for an export, and returns the id of its job, if
// there is one. sure says that the audit log must have the request if it is the job's first.
func (c *client) noteRequest(what, format string, r reply, job jobAnswer, sure bool) (id string) {
	if job.JobID == "" {
		if r.status == 0 || r.status >= 500 || r.status == http.StatusOK {
			c.seen.mu.Lock()
			c.seen.lost[what] = true
			c.seen.lostEver[c.organization]++
			c.seen.mu.Unlock()
		}
		return ""
	}
	c.seen.job(c.organization, job.JobID, func(j *sighting) {
		if j.format == "" {
			j.format, j.honest = format, c.honest
			j.requested.add(sure && !c.seen.lost[what])
		}
		delete(c.seen.lost, what)
	})
	return job.JobID
}

// poll asks for a job and notes what it learns.
func (c *client) poll(ctx context.Context, id string) (job jobAnswer) {
	if r := c.api(ctx, http.MethodGet, "/"+id, &job); r.status == http.StatusNotFound && r.sure {
		c.seen.problem("the job %s is not there", id)
	}
	if job.JobID != "" {
		c.seen.job(c.organization, id, func(j *sighting) {
			j.ended, j.link = job.ended(), job.Download
		})
	}
	return job
}

// remove cancels or purges.
func (c *client) remove(ctx context.Context, id string) {
	r := c.api(ctx, http.MethodDelete, "/"+id, nil)
	if r.status != http.StatusNoContent && (r.sure || r.status != 0 && r.status != http.StatusServiceUnavailable) {
		return // refused
	}
	c.seen.job(c.organization, id, func(j *sighting) {
		if j.deleted.most == 0 { // once is all that can be
			j.deleted.add(r.sure)
		} else if r.sure {
			j.deleted.least = 1
		}
	})
}

// download fetches a link, whole or a range of it.
func (c *client) download(ctx context.Context, id, link, span string) reply {
	header := make(http.Header)
	if span != "" {
		header.Set("Range", span)
	}
	began := time.Now()
	// Go's client sends a request again if a connection that it had kept is closed before the
	// answer: the server may have begun two downloads then.
	var sent atomic.Int64
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { sent.Add(1) }})
	r := c.do(ctx, http.MethodGet, link, header, 1<<30)
	c.seen.job(c.organization, id, func(j *sighting) {
		switch r.status {
		case http.StatusOK, http.StatusPartialContent:
			j.downloads += max(sent.Load(), 1)
			if r.sure {
				j.sure = append(j.sure, began)
			}
		case 0:
			j.downloads += max(sent.Load(), 1) // it may have begun
		}
	})
	return r
}

// watch reads the events of a job until it has ended or ctx ends.
func (c *client) watch(ctx context.Context, id string) {
	c.watchBy(ctx, id, c.random.IntN(len(c.nodes)))
}

// watchBy is watch by the node of a number.
func (c *client) watchBy(ctx context.Context, id string, node int) {
	target := "http://" + c.nodes[node%len(c.nodes)].address + "/dashboard/api/v1/data-export/" + c.organization + "/" + id + "/events"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		panic(err) // its parts are ours
	}
	r.Header.Set("X-Api-Key", c.key)
	response, err := c.http.Do(r)
	if err != nil {
		return // the server stops, or the patience ends
	}
	defer response.Body.Close()
	c.seen.answered(response.StatusCode)
	if response.StatusCode >= 500 && response.StatusCode != http.StatusServiceUnavailable {
		c.seen.problem("the events of %s give %d", id, response.StatusCode)
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if bytes.HasPrefix(lines.Bytes(), []byte("data:")) {
			c.seen.mu.Lock()
			c.seen.events++
			c.seen.mu.Unlock()
		}
	}
}

// keptArchives is how many archives a client keeps. What it has beyond that it removes, so that
// the disk is full only when the test fills it.
const keptArchives = 60

// behave is what an honest client does until ctx ends.
func (c *client) behave(ctx context.Context) {
	defer c.http.CloseIdleConnections()
	for pause(ctx, time.Duration(20+c.random.IntN(150))*time.Millisecond) == nil {
		inFlight := c.seen.of(c.organization, func(j *sighting) bool { return !j.ended })
		done := c.seen.of(c.organization, func(j *sighting) bool { return j.link != "" && j.deleted.most == 0 })
		pick := func(ids []string) string {
			if len(ids) == 0 {
				return ""
			}
			return ids[c.random.IntN(len(ids))]
		}
		switch n := c.random.IntN(100); {
		case len(done) > keptArchives:
			c.remove(ctx, pick(done))
		case n < 25 && len(inFlight) < 4:
			if id := c.request(ctx); id != "" && c.random.IntN(6) == 0 {
				c.remove(ctx, id)
			}
		case n < 60:
			if id := pick(inFlight); id != "" {
				c.poll(ctx, id)
			}
		case n < 65:
			c.api(ctx, http.MethodGet, fmt.Sprintf("?page=%d&page_size=20", 1+c.random.IntN(3)), nil)
		case n < 70:
			if id := pick(inFlight); id != "" {
				soon, cancel := context.WithTimeout(ctx, 5*time.Second)
				c.watch(soon, id)
				cancel()
			}
		case n < 73:
			if id := pick(done); id != "" {
				c.remove(ctx, id)
			}
		default:
			c.fetch(ctx, pick(done))
		}
	}
}

// fetch downloads an archive by a fresh link.
func (c *client) fetch(ctx context.Context, id string) {
	if id == "" {
		return
	}
	job := c.poll(ctx, id)
	if job.Download == "" {
		return
	}
	span := []string{"", "", "bytes=0-99", "bytes=100-", "bytes=-50"}[c.random.IntN(5)]
	r := c.download(ctx, id, job.Download, span)
	switch {
	case !r.sure:
	case r.status != http.StatusOK && r.status != http.StatusPartialContent:
		c.seen.problem("the link of job %s gives %d: %.300s", id, r.status, r.body)
	case span == "" && r.status == http.StatusOK:
		var format string
		c.seen.job(c.organization, id, func(j *sighting) { format = j.format })
		c.verify(ctx, "job "+id, format, r.body)
	}
}
