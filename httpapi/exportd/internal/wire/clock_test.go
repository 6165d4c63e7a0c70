package wire_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// skewed is a node whose clock is wrong.
type skewed struct {
	server *wire.Server
	url    string
	ahead  time.Duration
}

// now is the time as the node sees it.
func (n *skewed) now() time.Time { return time.Now().Add(n.ahead) }

// openSkewed opens a node that takes requests; it works only while run is called.
func openSkewed(t testing.TB, c *config.Config, ahead time.Duration) *skewed {
	t.Helper()
	n := &skewed{ahead: ahead}
	front := httptest.NewUnstartedServer(nil)
	n.url = "http://" + front.Listener.Addr().String()
	var err error
	n.server, err = wire.OpenServer(t.Context(), c, wire.ServerOptions{PublicURL: n.url, Logger: slog.New(slog.DiscardHandler), Clock: n.now})
	if err != nil {
		t.Fatal(err)
	}
	front.Config.Handler = n.server.Handler
	front.Start()
	t.Cleanup(func() {
		front.Close()
		if err := n.server.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *skewed) run(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// ask sends a request with a key, if there is one.
func ask(t testing.TB, method, url, key string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("X-API-Key", key)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// polled is what a poll tells.
type polled struct {
	Status      string    `json:"status"`
	JobID       string    `json:"job_id"`
	DownloadURL string    `json:"download_url"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// export requests or polls an export.
func (n *skewed) export(t testing.TB, method, organization, rest, key string) (p polled) {
	t.Helper()
	status, body := ask(t, method, n.url+"/dashboard/api/v1/data-export/"+organization+rest, key)
	if status != http.StatusOK {
		t.Fatalf("%s gives %d: %s", method, status, body)
	}
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// newKey makes a key that expires after a while, by a clock that is right.
func (n *skewed) newKey(t testing.TB, organization string, expires time.Duration) string {
	t.Helper()
	text, err := access.NewKeyText(access.Business, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	err = n.server.Store.CreateKey(t.Context(), access.Key{
		ID: export.NewID(), Kind: access.Business, Hash: access.Hash(text), OrganizationID: organization, Role: access.Manager,
		CreatedAt: time.Now(), ExpiresAt: time.Now().Add(expires),
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestClockSkew has two nodes on one database, of which one is two minutes ahead
// and the other two minutes behind, with links and keys that are good for less
// than that.
func TestClockSkew(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		testClockSkew(t, func(*config.Config) {})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		address := pgtest.Database(t)
		testClockSkew(t, func(c *config.Config) {
			c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
		})
	})
}

func testClockSkew(t *testing.T, change func(*config.Config)) {
	const linkTTL = time.Minute
	c := demoConfig(t)
	c.Archives.LinkTTL = linkTTL
	change(c)
	early, late := openSkewed(t, c, -2*time.Minute), openSkewed(t, c, 2*time.Minute)
	good, over := early.newKey(t, demo.OrganizationID(), linkTTL), early.newKey(t, demo.OrganizationID(), -time.Minute)

	stopLate := late.run(t)
	early.run(t)
	for _, n := range []*skewed{early, late} {
		if status, _ := ask(t, http.MethodGet, n.url+"/dashboard/api/v1/data-export/"+demo.OrganizationID(), over); status != http.StatusUnauthorized {
			t.Errorf("%v ahead, a key that has expired gives %d", n.ahead, status)
		}
	}
	for _, from := range []*skewed{early, late} { // and the other may work on it
		job := from.export(t, http.MethodPost, demo.OrganizationID(), "?archive_format=tar.gz", good)
		for job.Status == "pending" || job.Status == "processing" {
			time.Sleep(20 * time.Millisecond)
			job = from.export(t, http.MethodGet, demo.OrganizationID(), "/"+job.JobID, good)
		}
		stored, err := early.server.Store.Get(t.Context(), demo.OrganizationID(), job.JobID)
		if err != nil || stored.Status != jobs.Completed || stored.Failures != 0 || stored.Attempt != 1 {
			t.Errorf("the job is %s after %d attempts and %d failures, %v", stored.Status, stored.Attempt, stored.Failures, err)
		}
		if age := time.Since(stored.CreatedAt).Abs(); age > time.Minute {
			t.Errorf("the job was created %v ago", age)
		}
		for _, signs := range []*skewed{early, late} {
			link := signs.export(t, http.MethodGet, demo.OrganizationID(), "/"+job.JobID, good)
			if left := time.Until(link.ExpiresAt); left < linkTTL-20*time.Second || left > linkTTL+time.Second {
				t.Errorf("%v ahead, a link is good for %v", signs.ahead, left)
			}
			_, path, _ := strings.Cut(link.DownloadURL, "/downloads/")
			for _, serves := range []*skewed{early, late} {
				status, body := ask(t, http.MethodGet, serves.url+"/downloads/"+path, "")
				if status != http.StatusOK || int64(len(body)) != stored.Size {
					t.Errorf("%v ahead, the link of the node %v ahead gives %d and %d bytes", serves.ahead, signs.ahead, status, len(body))
				}
			}
		}
	}
	stopLate()
}
