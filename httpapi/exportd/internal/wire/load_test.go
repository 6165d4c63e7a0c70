package wire_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
)

const (
	loadClients = 200
	loadSeed    = 4

	// loadOrganizations are there beside the two of the demo.
	loadOrganizations = 6

	// loadRequests bounds what one client does, whatever the time.
	loadRequests = 5000

	// loadPatience is how much longer than planned anything may take.
	loadPatience = 2 * time.Minute
)

// TestLoad lets many clients at once do all that the API offers while jobs run,
// and compares what they were told with what is in the database and in the
// folder of archives when they have left.
func TestLoad(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testLoad(t, func(*config.Config) {})
	})
	t.Run("postgres", func(t *testing.T) {
		address := pgtest.Database(t)
		testLoad(t, func(c *config.Config) {
			c.Jobs.Database = config.Database{Dialect: sections.Postgres, Address: address}
		})
	})
}

func testLoad(t *testing.T, change func(*config.Config)) {
	period := 5 * time.Second
	if archivetest.Long() {
		period = time.Minute
	}
	w := newLoadWorld(t, change)
	stop := w.run()
	start := time.Now()
	w.visit(start.Add(period))
	visited := time.Since(start)
	w.seen.report(t, visited)
	w.waitFor("jobs have not ended", "status IN ('pending', 'processing')")
	t.Logf("the jobs that were left took %v", (time.Since(start) - visited).Round(time.Millisecond))
	stop()
	w.check()
}

// loadWorld is a server, and what its clients have seen.
type loadWorld struct {
	t             *testing.T
	server        *wire.Server
	http          *httptest.Server
	config        *config.Config
	organizations []string
	keys          map[string][]string // by organization
	userKey       string              // of a member of all of them
	log           *loadLog
	seen          *loadSeen
}

// newLoadWorld opens a server of the demo's catalogue. It does not run yet.
func newLoadWorld(t *testing.T, change func(*config.Config)) *loadWorld {
	t.Helper()
	w := &loadWorld{t: t, config: demoConfig(t), keys: make(map[string][]string), log: new(loadLog), seen: newLoadSeen()}
	w.organizations = addOrganizations(t, filepath.Join(filepath.Dir(w.config.File), "catalog.db"))
	change(w.config)
	w.http = httptest.NewUnstartedServer(nil)
	var err error
	w.server, err = wire.OpenServer(t.Context(), w.config, wire.ServerOptions{
		PublicURL: "http://" + w.http.Listener.Addr().String(),
		Logger:    slog.New(w.log),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.server.Close(); err != nil {
			t.Error(err)
		}
	})
	w.makeKeys()
	return w
}

// addOrganizations adds small organizations to the catalogue, and returns the
// ids of all that there are.
func addOrganizations(t *testing.T, path string) (ids []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for i := range loadOrganizations {
		id := export.EncodeID([16]byte{byte(i + 1)})
		_, err := db.ExecContext(t.Context(), `INSERT INTO organizations VALUES (?, ?, ?, NULL, '2024-02-03 04:05:06')`,
			id, fmt.Sprintf("small-%d", i), fmt.Sprintf("Small %d", i))
		if err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT id FROM organizations ORDER BY slug`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

func (w *loadWorld) makeKeys() {
	w.t.Helper()
	w.userKey = w.newKey(access.Key{Kind: access.User, UserID: "auditor"})
	for _, id := range w.organizations {
		for _, role := range []access.Role{access.Owner, access.Manager} {
			w.keys[id] = append(w.keys[id], w.newKey(access.Key{Kind: access.Business, OrganizationID: id, Role: role}))
		}
		err := w.server.Store.PutMember(w.t.Context(), access.Member{OrganizationID: id, Subject: "auditor", Role: access.Owner})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *loadWorld) newKey(key access.Key) string {
	w.t.Helper()
	text, err := access.NewKeyText(key.Kind, rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	key.Hash, key.CreatedAt = access.Hash(text), time.Now()
	key.ID = export.EncodeID([16]byte(key.Hash[:16]))
	if err := w.server.Store.CreateKey(w.t.Context(), key); err != nil {
		w.t.Fatal(err)
	}
	return text
}

// run serves and works until stop is called.
func (w *loadWorld) run() (stop func()) {
	w.http.Config.Handler = w.server.Handler
	w.http.Start()
	ctx, cancel := context.WithCancel(w.t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.server.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() {
		w.http.Close() // waits for requests to end: downloads are recorded last
		cancel()
		running.Wait()
	})
	w.t.Cleanup(stop)
	return stop
}

// visit lets the clients in until then, and on a slow machine until they have
// got round to everything.
func (w *loadWorld) visit(until time.Time) {
	transport := &http.Transport{MaxIdleConnsPerHost: loadClients}
	defer transport.CloseIdleConnections()
	var clients sync.WaitGroup
	for i := range loadClients {
		organization := w.organizations[i%len(w.organizations)]
		keys := append([]string{w.userKey}, w.keys[organization]...)
		c := &loadClient{
			loadWorld:    w,
			client:       &http.Client{Transport: transport, Timeout: time.Minute},
			random:       mathrand.New(mathrand.NewPCG(loadSeed, uint64(i))),
			organization: organization,
			key:          keys[i/len(w.organizations)%len(keys)],
		}
		clients.Go(func() {
			for range loadRequests {
				late := time.Since(until)
				if late > loadPatience || late > 0 && w.seen.isEnough() {
					return
				}
				c.act(w.t.Context())
			}
		})
	}
	clients.Wait()
}

// waitFor waits until there are no jobs for which an SQL condition holds.
func (w *loadWorld) waitFor(what, condition string) {
	w.t.Helper()
	for deadline := time.Now().Add(loadPatience); ; {
		var left int
		err := w.server.Store.DB().NewRaw("SELECT count(*) FROM orgexport_jobs WHERE "+condition).Scan(w.t.Context(), &left)
		if err != nil {
			w.t.Fatal(err)
		}
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("%d %s", left, what)
		}
		<-time.After(50 * time.Millisecond)
	}
}
