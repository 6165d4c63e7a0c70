package wire_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

// outageNode is a server whose jobs database will fail.
type outageNode struct {
	*wire.Server
	url string
	key string // of the demo's organization
	log *outageLog
}

// outageLog is what a server logs. It is safe for concurrent use.
type outageLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *outageLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// lines are those with all of the texts.
func (l *outageLog) lines(texts ...string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
lines:
	for line := range strings.Lines(l.text.String()) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue lines
			}
		}
		n++
	}
	return n
}

// newOutageNode opens a server and runs it until the end of the test.
func newOutageNode(t *testing.T, c *config.Config) *outageNode {
	t.Helper()
	n := &outageNode{log: new(outageLog)}
	server := httptest.NewUnstartedServer(nil)
	n.url = "http://" + server.Listener.Addr().String()
	var err error
	n.Server, err = wire.OpenServer(t.Context(), c, wire.ServerOptions{PublicURL: n.url, Logger: slog.New(slog.NewTextHandler(n.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() {
		if err := n.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	server.Config.Handler = n.Handler
	server.Start()
	t.Cleanup(func() {
		server.Close()
		stop()
		running.Wait()
		_ = n.Close() // the database may be gone
	})
	n.key, err = access.NewKeyText(access.Business, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	err = n.Store.CreateKey(t.Context(), access.Key{
		ID: export.NewID(), Kind: access.Business, Hash: access.Hash(n.key), OrganizationID: demo.OrganizationID(), Role: access.Manager, CreatedAt: time.Now(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// outageReply is what is looked at of an answer.
type outageReply struct {
	Status     int    `json:"status"`
	Code       string `json:"error_code"`
	Retryable  bool   `json:"retryable"`
	RetryAfter int    `json:"retry_after"`
	Detail     string `json:"detail"`

	status int
	header http.Header
}

// send sends a request about exports, or for a path such as /readyz.
func (n *outageNode) send(t *testing.T, method, path, key string) (r outageReply) {
	t.Helper()
	if path == "" {
		path = "/dashboard/api/v1/data-export/" + demo.OrganizationID()
	}
	request, err := http.NewRequestWithContext(t.Context(), method, n.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Api-Key", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Error(err)
		return r
	}
	defer response.Body.Close()
	_ = json.NewDecoder(response.Body).Decode(&r) // a list has none of its fields
	r.status, r.header = response.StatusCode, response.Header
	return r
}

// wantUnavailable checks an answer during an outage.
func wantUnavailable(t *testing.T, what string, r outageReply) {
	t.Helper()
	if r.status != http.StatusServiceUnavailable || r.Code != "service_unavailable" || !r.Retryable || r.RetryAfter < 1 || r.header.Get("Retry-After") == "" {
		t.Errorf("%s gives %+v", what, r)
	}
}

// TestJobsFileRemoved: a key must not stay good in a file that is gone, nor may an export go
// into it.
func TestJobsFileRemoved(t *testing.T) {
	t.Parallel()
	c := demoConfig(t)
	n := newOutageNode(t, c)
	if r := n.send(t, "POST", "", n.key); r.status != http.StatusOK {
		t.Fatalf("before, POST gives %+v", r)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(c.Jobs.Database.Address + end); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		wantUnavailable(t, "POST", n.send(t, "POST", "", n.key))
		wantUnavailable(t, "GET", n.send(t, "GET", "", n.key))
	}
	time.Sleep(time.Second) // the age of an answer
	if r := n.send(t, "GET", "/readyz", ""); r.status != http.StatusServiceUnavailable || r.Detail != "Not ready: database." {
		t.Errorf("/readyz gives %+v", r)
	}
	if got := n.log.lines("gone"); got != 1 || n.log.lines("gone", filepath.Base(c.Jobs.Database.Address), "restart") != 1 {
		t.Errorf("the log has %d lines: %s", got, &n.log.text)
	}
	if _, err := os.Stat(c.Jobs.Database.Address); !os.IsNotExist(err) {
		t.Errorf("there is a new file: %v", err)
	}
}

// newRole makes a role that owns a database, and returns the address of it and a connection
// of somebody who may do everything. A server refuses it more than so many connections.
func newRole(t *testing.T, conns string) (address string, admin *sql.DB, database string) {
	t.Helper()
	u, err := url.Parse(pgtest.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	root := *u
	root.Path = "/postgres"
	admin, err = sql.Open("pgx", root.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	database = strings.TrimPrefix(u.Path, "/")
	role := "role_" + strings.ToLower(database)
	for _, statement := range []string{
		`CREATE ROLE "` + role + `" LOGIN PASSWORD 'secret' CONNECTION LIMIT ` + conns,
		`ALTER DATABASE "` + database + `" OWNER TO "` + role + `"`,
	} {
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	u.User = url.UserPassword(role, "secret")
	return u.String(), admin, database
}

var _ = stdlib.GetDefaultDriver // registers pgx

// TestJobsDatabaseReadOnly: the server follows another one after a fail-over. What can be
// read is answered, bad keys are counted, and the log has few lines.
func TestJobsDatabaseReadOnly(t *testing.T) {
	t.Parallel()
	address, admin, database := newRole(t, "-1")
	c := demoConfig(t)
	c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
	n := newOutageNode(t, c)
	if r := n.send(t, "GET", "", n.key); r.status != http.StatusOK {
		t.Fatalf("before, GET gives %+v", r)
	}
	for _, statement := range []string{
		`ALTER DATABASE "` + database + `" SET default_transaction_read_only = on`,
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database + "'",
	} {
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for n.send(t, "GET", "", n.key).status == http.StatusServiceUnavailable { // by connections that were ended
		continue
	}
	ended := 0
	for range 20 {
		wantUnavailable(t, "POST", n.send(t, "POST", "", n.key))
		// Each of the connections that were ended, of up to six, fails one request.
		r := n.send(t, "GET", "", n.key)
		for ; r.status == http.StatusServiceUnavailable && ended < 5; ended++ {
			r = n.send(t, "GET", "", n.key)
		}
		if r.status != http.StatusOK {
			t.Errorf("GET gives %+v", r)
		}
	}
	bad, err := access.NewKeyText(access.Business, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	statuses := make(map[int]int)
	for range 130 { // of 60 a minute
		statuses[n.send(t, "GET", "", bad).status]++
	}
	if statuses[http.StatusUnauthorized] < 60 || statuses[http.StatusTooManyRequests] == 0 || len(statuses) != 2 {
		t.Errorf("a bad key gives %v", statuses)
	}
	time.Sleep(time.Second) // the age of an answer
	if r := n.send(t, "GET", "/readyz", ""); r.status != http.StatusServiceUnavailable || !strings.HasPrefix(r.Detail, "Not ready: database") {
		t.Errorf("/readyz gives %+v", r)
	}
	if got := n.log.lines("read-only: "); got < 1 || got > 2 { // a minute may have passed
		t.Errorf("the log has %d lines of it: %s", got, &n.log.text)
	}
}

// TestCrowdedServer: two processes share a server that has few connections left. Nothing
// fails for good, and exports go on.
func TestCrowdedServer(t *testing.T) {
	t.Parallel()
	address, _, _ := newRole(t, "12") // each would take eight
	c := demoConfig(t)
	c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
	c.Limits.InFlight, c.Limits.Daily = 0, 0
	nodes := []*outageNode{newOutageNode(t, c), newOutageNode(t, c)}
	var mu sync.Mutex
	statuses := make(map[int]int)
	var clients sync.WaitGroup
	for i := range 36 {
		n := nodes[i%2]
		clients.Go(func() {
			for j := range 10 {
				method, path := "GET", ""
				if j%5 == 0 {
					method = "POST"
				}
				r := n.send(t, method, path, n.key)
				mu.Lock()
				statuses[r.status]++
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	t.Logf("of 360 requests: %v", statuses)
	for status := range statuses {
		if status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Errorf("%d requests give status %d: %s", statuses[status], status, &nodes[0].log.text)
		}
	}
	if statuses[http.StatusOK] < 100 {
		t.Errorf("of 360 requests only %d are answered", statuses[http.StatusOK])
	}
	rec := httptest.NewRecorder()
	nodes[0].Metrics.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if m := regexp.MustCompile(`(?m)^go_sql_wait_count_total\{db_name="jobs"\} ([0-9.e+]+)$`).FindStringSubmatch(rec.Body.String()); m == nil || m[1] == "0" {
		t.Errorf("the metrics do not tell that requests waited for a connection: %q", m)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for { // the exports end
		stats, err := nodes[0].Store.Stats(ctx)
		if err == nil && stats.Pending+stats.Processing == 0 {
			break
		}
		if ctx.Err() != nil {
			t.Fatalf("exports are starved: %+v, %v", stats, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if got := nodes[0].log.lines("level=ERROR", "attempt at the job failed") + nodes[1].log.lines("level=ERROR", "attempt at the job failed"); got > 0 {
		t.Errorf("%d attempts failed: %s", got, &nodes[0].log.text)
	}
}
