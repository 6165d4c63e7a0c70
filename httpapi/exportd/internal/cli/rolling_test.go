//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

// rollingConfig is a configuration without limits, whose exports take half a
// second, and whose nodes drain for longer than the balancer takes to notice: that
// is three checks.
const rollingConfig = `server: {drain: 4s}
limits: {requests_per_minute: 1000000000, requests_per_day: 1000000000, exports_at_once: none, exports_per_day: none}
source: {database: "postgres://replaced"}
organization: {sql: "SELECT :organization_id::text AS id, 'acme-foods' AS slug, 'Acme Foods' AS name"}
sections:
  - key: numbers
    records:
      - {file: numbers.csv, sql: "SELECT n, :organization_id::text AS id FROM generate_series(1, 2000) AS n"}
  - key: slow
    records:
      - {file: slow.csv, sql: "SELECT 1 AS n FROM pg_sleep(0.5) WHERE :organization_id::text <> ''"}
`

// cluster is two nodes of the API behind a load balancer and two workers, and
// their clients.
type cluster struct {
	t        *testing.T
	d        jobsDatabase
	dir      string
	apis     [2]*node
	worker   [2]*serving
	balancer *balancer
	all      []*serving // that have ever run

	requests, jobs atomic.Int64
}

// node is a node of the API, which is stopped and started again.
type node struct {
	address string
	serving *serving
	served  atomic.Int64
}

// TestRollingRestart restarts one process after the other while clients behind a
// load balancer request, poll and download. No request fails, and no job does.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	needTools(t, "haproxy")
	c := startCluster(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var clients sync.WaitGroup
	defer clients.Wait()
	for i := range 8 {
		organization := export.NewID()
		client := &apiClient{cluster: c, organization: organization, key: c.d.newKey(t, c.dir, "--organization", organization)}
		client.address = []string{c.balancer.kept, c.balancer.fresh}[i%2]
		clients.Go(func() { client.run(ctx) })
	}
	rounds := 1
	if archivetest.Long() {
		rounds = 10
	}
	restarts := 0
	for range rounds {
		for i := range 2 {
			c.restartAPI(i)
			c.restartWorker(i)
			restarts += 2
		}
	}
	stop()
	clients.Wait()
	var list, completed, handedBack, failures int64
	c.d.row(t, `SELECT count(*), count(*) FILTER (WHERE status = 'completed'), count(*) FILTER (WHERE attempt > 1), sum(failures) FROM orgexport_jobs`,
		&list, &completed, &handedBack, &failures)
	t.Logf("%d restarts; %d requests; %d jobs, of which %d were handed back", restarts, c.requests.Load(), list, handedBack)
	if completed != list || list != c.jobs.Load() || failures != 0 {
		t.Errorf("%d of %d jobs are completed, clients have seen %d; %d attempts failed", completed, list, c.jobs.Load(), failures)
	}
	for _, s := range []*serving{c.apis[0].serving, c.apis[1].serving, c.worker[0], c.worker[1]} {
		s.stop(t, c.d.secret)
	}
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, d: inPostgres(t), dir: t.TempDir()}
	t.Cleanup(c.explain)
	c.d.sourceEnv = "ORGEXPORT_SOURCE_DATABASE=" + c.d.source
	write(t, c.dir+"/exportd.yaml", rollingConfig)
	for i := range 2 {
		c.apis[i] = &node{address: freeAddress(t)}
		c.startAPI(i)
		c.startWorker(i)
	}
	c.balancer = startBalancer(t, [2]string{c.apis[0].address, c.apis[1].address})
	return c
}

func (c *cluster) startWorker(i int) {
	c.worker[i] = c.d.worker(c.t, c.dir, "exportd.yaml")
	c.all = append(c.all, c.worker[i])
}

func (c *cluster) startAPI(i int) {
	n := c.apis[i]
	n.serving = c.d.api(c.t, c.dir, n.address)
	c.all = append(c.all, n.serving)
}

// explain tells what went wrong, if the test has failed.
func (c *cluster) explain() {
	if !c.t.Failed() {
		return
	}
	for _, s := range c.all {
		said := s.greeting
		for line := range strings.Lines(s.log.String()) {
			if !strings.Contains(line, "level=INFO") {
				said += line
			}
		}
		c.t.Log(said)
	}
}

// until waits until it is so, but not after a client has failed.
func (c *cluster) until(what string, is func() bool) {
	c.t.Helper()
	eventually(c.t, what, func() bool { return is() || c.t.Failed() })
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// restartAPI restarts a node and waits until it serves again. The other one serves
// meanwhile.
func (c *cluster) restartAPI(i int) {
	c.t.Helper()
	c.serves(i)
	c.apis[i].serving.stop(c.t, c.d.secret)
	c.serves(1 - i)
	c.startAPI(i)
	c.serves(i)
}

// serves waits until a node has answered some more requests.
func (c *cluster) serves(i int) {
	c.t.Helper()
	before := c.apis[i].served.Load()
	c.until("with requests", func() bool { return c.apis[i].served.Load() > before+20 })
}

// restartWorker restarts a worker and waits until jobs go on.
func (c *cluster) restartWorker(i int) {
	c.t.Helper()
	before := c.jobs.Load()
	c.until("with jobs", func() bool { return c.jobs.Load() > before })
	c.worker[i].stop(c.t, c.d.secret)
	c.startWorker(i)
	before = c.jobs.Load()
	c.until("with jobs again", func() bool { return c.jobs.Load() > before })
}

// apiClient is a client of the load balancer that keeps its connection.
type apiClient struct {
	*cluster
	organization, key, address string
	transport                  http.Transport
}

// run has one export made after the other.
func (a *apiClient) run(ctx context.Context) {
	defer a.transport.CloseIdleConnections()
	exports := "/dashboard/api/v1/data-export/" + a.organization
	for ctx.Err() == nil && !a.t.Failed() {
		job := a.ask(http.MethodPost, exports+"?archive_format=zip")
		for job.Status == "pending" || job.Status == "processing" {
			select {
			case <-a.t.Context().Done():
				return
			case <-time.After(50 * time.Millisecond):
			}
			job = a.ask(http.MethodGet, exports+"/"+job.JobID)
		}
		link, err := url.Parse(job.Download)
		if job.Status != "completed" || err != nil {
			a.t.Errorf("the job is %+v, %v", job, err)
			return
		}
		a.download(link.RequestURI())
		a.jobs.Add(1)
	}
}

// ask sends a request that is answered with a job.
func (a *apiClient) ask(method, path string) (job answer) {
	_, body := a.send(method, path)
	if err := json.Unmarshal(body, &job); err != nil {
		a.t.Errorf("%s %s: %v", method, path, err)
	}
	return job
}

func (a *apiClient) download(path string) {
	header, content := a.send(http.MethodGet, path)
	sum := sha256.Sum256(content)
	if want := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"; header.Get("Repr-Digest") != want {
		a.t.Errorf("the digest is %s, want %s", header.Get("Repr-Digest"), want)
	}
	report, err := verify.Verify(a.t.Context(), archive.Zip(), bytes.NewReader(content), verify.Options{})
	if err != nil || !report.Whole() {
		a.t.Errorf("the archive is not whole: %v, %v", report.Findings, err)
	}
}

// send sends a request once. Any answer but 200 fails the test.
func (a *apiClient) send(method, path string) (http.Header, []byte) {
	a.requests.Add(1)
	header, body, err := a.roundTrip(method, path)
	node, nerr := strconv.Atoi(header.Get("X-Node"))
	if err != nil || nerr != nil {
		a.t.Errorf("%s %s, by node %q: %v", method, path, header.Get("X-Node"), err)
		return nil, nil
	}
	a.apis[node].served.Add(1)
	return header, body
}

func (a *apiClient) roundTrip(method, path string) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(a.t.Context(), method, "http://"+a.address+path, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("X-Api-Key", a.key)
	r.Body = io.NopCloser(strings.NewReader("")) // else the transport sends a GET that was lost again
	response, err := a.transport.RoundTrip(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s: %.300s", response.Status, body)
	}
	return response.Header, body, err
}
