package wire_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// statusOut is what clients heed of a job.
type statusOut struct {
	JobID         string      `json:"job_id"`
	Status        jobs.Status `json:"status"`
	ArchiveFormat string      `json:"archive_format"`
	DownloadURL   string      `json:"download_url"`
	Error         string      `json:"error"`
}

// loadClient is one of many, with a key of its organization or of a user.
type loadClient struct {
	*loadWorld
	client            *http.Client
	random            *rand.Rand
	organization, key string
}

// act does one thing.
func (c *loadClient) act(ctx context.Context) {
	switch n := c.random.IntN(100); {
	case n < 20:
		c.create(ctx)
	case n < 22:
		c.retry(ctx)
	case n < 65:
		c.poll(ctx)
	case n < 70:
		c.pollOthers(ctx)
	case n < 80:
		c.list(ctx)
	case n < 85:
		c.delete(ctx)
	default:
		c.download(ctx)
	}
}

var loadFormats = []string{"zip", "tar.gz"}

// loadSections are comma-separated and in order; none are all.
var loadSections = []string{"", "organization,products", "members,offers,organization"}

func (c *loadClient) create(ctx context.Context) {
	id, job := c.post(ctx, "create", sighting{
		organization: c.organization,
		format:       loadFormats[c.random.IntN(len(loadFormats))],
		sections:     loadSections[c.random.IntN(len(loadSections))],
	})
	if job != nil && c.random.IntN(12) == 0 {
		c.remove(ctx, id, job)
	}
}

// retry asks for a job again that has ended, purged or not.
func (c *loadClient) retry(ctx context.Context) {
	id, old := c.seen.pick(c.random, c.organization, func(s *sighting) bool { return s.endedAt > 0 && s.request != "" })
	if old == nil {
		c.create(ctx)
		return
	}
	c.post(ctx, "retry", sighting{organization: c.organization, format: old.format, sections: old.sections, retryOf: id})
}

// post returns the job that it gets, nil if it gets none.
func (c *loadClient) post(ctx context.Context, operation string, asked sighting) (string, *sighting) {
	query := url.Values{"archive_format": {asked.format}}
	if asked.retryOf != "" {
		query.Set("retry_of", asked.retryOf)
	} else if asked.sections != "" {
		query.Set("sections", asked.sections)
	}
	sent := c.seen.sending()
	var got statusOut
	if c.send(ctx, operation, http.MethodPost, "?"+query.Encode(), &got) != http.StatusOK {
		return "", nil
	}
	request := fmt.Sprintf("%s %s %q %s", asked.organization, asked.format, asked.sections, asked.retryOf)
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	job := c.seen.sight(sent, c.organization, got)
	if job.request == "" {
		job.request, job.sections, job.retryOf = request, asked.sections, asked.retryOf
	}
	if job.request != request || !got.Status.InFlight() {
		c.seen.problem("who asks for %s gets job %s, which is %s, of %s", request, got.JobID, got.Status, job.request)
	}
	return got.JobID, job
}

func (c *loadClient) poll(ctx context.Context) {
	id, job := c.seen.pick(c.random, c.organization, func(*sighting) bool { return true })
	if job == nil {
		c.create(ctx)
		return
	}
	sent := c.seen.sending()
	var got statusOut
	if c.send(ctx, "poll", http.MethodGet, "/"+id, &got) != http.StatusOK {
		return
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	if got.JobID != id {
		c.seen.problem("who polls %s gets %s", id, got.JobID)
	}
	c.seen.sight(sent, c.organization, got)
}

// pollOthers asks for a job of another organization, which is not there for who
// asks in the own one, and forbidden in the other one but for its members.
func (c *loadClient) pollOthers(ctx context.Context) {
	other := c.organizations[c.random.IntN(len(c.organizations))]
	id, job := c.seen.pick(c.random, other, func(*sighting) bool { return true })
	if job == nil || other == c.organization {
		c.poll(ctx)
		return
	}
	path, want := "/"+id, http.StatusNotFound
	if c.key != c.userKey && c.random.IntN(2) == 0 {
		path, want = "/../"+other+"/"+id, http.StatusForbidden
	}
	if status := c.send(ctx, "foreign", http.MethodGet, path, nil); status != want {
		c.seen.mu.Lock()
		defer c.seen.mu.Unlock()
		c.seen.problem("a poll of a job of another organization gives status %d, want %d", status, want)
	}
}

func (c *loadClient) list(ctx context.Context) {
	size := []int{5, 25, 100}[c.random.IntN(3)]
	c.seen.mu.Lock()
	known := len(c.seen.ids[c.organization])
	c.seen.mu.Unlock()
	sent := c.seen.sending()
	var got struct {
		Data       []statusOut `json:"data"`
		Pagination struct {
			TotalCount int `json:"total_count"`
		} `json:"pagination"`
	}
	query := fmt.Sprintf("?page=%d&page_size=%d", 1+c.random.IntN(2), size)
	if c.send(ctx, "list", http.MethodGet, query, &got) != http.StatusOK {
		return
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	if got.Pagination.TotalCount < known {
		c.seen.problem("a list counts %d jobs, of which %d were known before", got.Pagination.TotalCount, known)
	}
	var flight []string
	for _, job := range got.Data {
		if job.Status.InFlight() {
			flight = append(flight, job.JobID)
		}
		c.seen.sight(sent, c.organization, job)
	}
	c.seen.flights = append(c.seen.flights, flight)
}

// delete purges an archive, cancels a job, or does nothing.
func (c *loadClient) delete(ctx context.Context) {
	suitable := func(s *sighting) bool { return s.link != "" && !s.asked }
	if c.random.IntN(2) == 0 {
		suitable = func(s *sighting) bool { return s.endedAt == 0 || c.random.IntN(10) == 0 }
	}
	id, job := c.seen.pick(c.random, c.organization, suitable)
	if job == nil {
		c.poll(ctx)
		return
	}
	c.remove(ctx, id, job)
}

func (c *loadClient) remove(ctx context.Context, id string, job *sighting) {
	c.seen.mu.Lock()
	job.asked = true
	c.seen.mu.Unlock()
	if c.send(ctx, "delete", http.MethodDelete, "/"+id, nil) != http.StatusNoContent {
		return
	}
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	if job.deletedAt == 0 {
		c.seen.now++
		job.deletedAt = c.seen.now
	}
}

// download gets an archive, unless it was purged.
func (c *loadClient) download(ctx context.Context) {
	id, job := c.seen.pick(c.random, c.organization, func(s *sighting) bool {
		return s.link != "" && (s.deletedAt == 0 || c.random.IntN(10) == 0)
	})
	if job == nil {
		c.poll(ctx)
		return
	}
	c.seen.mu.Lock()
	link := job.link
	c.seen.mu.Unlock()
	sent := c.seen.sending()
	got := c.do(ctx, "download", http.MethodGet, link)
	c.seen.mu.Lock()
	defer c.seen.mu.Unlock()
	switch got.status {
	case 0: // noted already
	case http.StatusOK:
		sum := sha256.Sum256(got.body)
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		if want := got.header.Get("Repr-Digest"); digest != want || job.digest != "" && digest != job.digest {
			c.seen.problem("the archive of job %s has %s, the header says %s, and an earlier one was %s", id, digest, want, job.digest)
		}
		if job.deletedAt > 0 && job.deletedAt < sent {
			c.seen.problem("the archive of job %s was deleted and is served", id)
		}
		job.downloads++
		job.digest = digest
	case http.StatusNotFound:
		if !job.asked {
			c.seen.problem("the archive of job %s is not there", id)
		}
	default:
		c.seen.problem("a download gives status %d: %s", got.status, got.body)
	}
}

// send sends a request about exports of the client's organization, and returns
// the status. A body with status 200 is decoded into out.
func (c *loadClient) send(ctx context.Context, operation, method, path string, out any) int {
	target, err := url.JoinPath(c.http.URL, "dashboard/api/v1/data-export", c.organization)
	if err != nil {
		panic(err) // its parts are ours
	}
	if other, ok := strings.CutPrefix(path, "/../"); ok {
		target, path = strings.TrimSuffix(target, c.organization), other
	}
	got := c.do(ctx, operation, method, target+path)
	if got.status == http.StatusOK && out != nil {
		err = json.Unmarshal(got.body, out)
	}
	if err != nil || got.status >= http.StatusBadRequest && operation != "foreign" {
		c.seen.mu.Lock()
		defer c.seen.mu.Unlock()
		c.seen.problem("%s %s gives status %d, %v: %s", method, path, got.status, err, got.body)
	}
	return got.status
}

// loadReply is a response; its status is 0 if there was none.
type loadReply struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request.
func (c *loadClient) do(ctx context.Context, operation, method, target string) loadReply {
	start := time.Now()
	reply, err := c.roundTrip(ctx, operation, method, target)
	if err != nil {
		c.seen.mu.Lock()
		defer c.seen.mu.Unlock()
		c.seen.problem("%s: %v", operation, err)
		return loadReply{}
	}
	c.seen.counted(operation, reply.status, time.Since(start))
	return reply
}

func (c *loadClient) roundTrip(ctx context.Context, operation, method, target string) (loadReply, error) {
	request, err := http.NewRequestWithContext(ctx, method, target, http.NoBody)
	if err != nil {
		return loadReply{}, err
	}
	if operation != "download" {
		request.Header.Set("X-Api-Key", c.key)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return loadReply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return loadReply{response.StatusCode, response.Header, body}, err
}
