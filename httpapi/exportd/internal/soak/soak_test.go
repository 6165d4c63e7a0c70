//go:build linux

package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// soakLimits are those of a node: more than it needs, less than clients ask for.
var soakLimits = limits{memoryKiB: 3_000_000, descriptors: 256}

// soak is what serves, who uses it, and what they have seen.
type soak struct {
	site
	random     *rand.Rand // of the goroutine of the test
	nodes      []*node
	data       string // folder of archives
	database   string // of jobs, as bunstore opens it
	honest     []string
	hostile    string
	hostileKey string

	trouble  troubles
	seen     *seen
	restarts int
	verified atomic.Int64
	judged   sync.Map // formats that foreign programs have judged
	program  string   // exportd
	usages   usages
}

// TestSoak lets honest and hostile clients loose on exportd while it and its database are
// restarted and its disk is full at times. At the end nothing is stuck, all archives are
// whole, the audit log is what clients have seen, and nothing was leaked.
func TestSoak(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		s := newSoak(t, 1)
		source := newSource(t, s.dir, "sqlite", filepath.Join(s.dir, "source.db"), s.random)
		s.database = "sqlite:" + filepath.Join(s.data, "jobs.db")
		disturbances := s.open(t, source, "sqlite:source.db")
		s.run(t, disturbances)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := pgtest.NewServer(t)
		s := newSoak(t, 2)
		s.database = forward(t, server)
		source := newSource(t, s.dir, "pgx", s.database, s.random)
		u, err := url.Parse(s.database)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		s.env = append(s.env, "ORGEXPORT_JOBS_DATABASE="+s.database, "PGPASSWORD="+password)
		disturbances := s.open(t, source, s.database)
		s.run(t, append(disturbances, disturbance{"the database was restarted", func(_ context.Context, t *testing.T) {
			defer s.trouble.begin()()
			server.Restart(t)
			s.restarts++
		}}))
	})
}

func newSoak(t *testing.T, nodes int) *soak {
	t.Helper()
	need(t, "unzip", "tar", "xz", "zstd")
	s := &soak{site: site{dir: t.TempDir()}, random: seeded(t), seen: newSeen(), program: exportd(t)}
	s.data = filepath.Join(s.dir, "exportd-data")
	for i := range nodes {
		s.nodes = append(s.nodes, &node{
			site: &s.site, limits: soakLimits, config: fmt.Sprintf("exportd-%d.yaml", i), address: freeAddress(t), metrics: freeAddress(t),
		})
	}
	return s
}

// open fills the source, starts the nodes and makes keys. It returns what may be done to
// them.
func (s *soak) open(t *testing.T, source *source, database string) []disturbance {
	t.Helper()
	for i := range honestOrganizations {
		s.honest = append(s.honest, source.honest(i))
	}
	s.hostile = source.hostile()
	if err := source.db.Close(); err != nil {
		t.Fatal(err)
	}
	all := []disturbance{{"a node was restarted", s.restart}, {"a node was killed", s.crash}}
	if mountDisk(t, s.data) {
		all = append(all, disturbance{"the disk was full", s.fillDisk})
	}
	for _, n := range s.nodes {
		s.configFor(t, n.config, n.metrics, database)
		if !n.begin(t) {
			t.Fatalf("it does not start\n%s", n.process().said())
		}
	}
	s.hostileKey = s.newKey(t, s.hostile)
	return all
}

// newKey makes a key by the command. It is empty if that fails in a time of trouble.
func (s *soak) newKey(t *testing.T, organization string, flags ...string) string {
	t.Helper()
	began := time.Now()
	c := s.command(t, limits{}, append([]string{"keys", "create", "--config", s.nodes[0].config, "--organization", organization}, flags...)...)
	out, err := c.Output()
	sure := !s.trouble.since(began)
	if err != nil && sure {
		s.seen.problem("keys create: %v: %s", err, errorOf(err))
	}
	s.seen.key(s.seen.keysMade, organization, err == nil)
	return strings.TrimSpace(string(out))
}

// run puts load on the nodes, disturbs them, and checks what is left.
func (s *soak) run(t *testing.T, disturbances []disturbance) {
	t.Cleanup(func() { s.explain(t) })
	total := loadFor()
	ctx, stop := context.WithTimeout(t.Context(), total)
	defer stop()
	var clients sync.WaitGroup
	for _, organization := range s.honest {
		key := s.newKey(t, organization, "--per-minute", "1000000", "--per-day", "1000000000")
		c := s.newClient(organization, key, honestAddress, true)
		clients.Go(func() { c.behave(ctx) })
	}
	s.attack(ctx, &clients)
	operator := rand.New(rand.NewPCG(s.random.Uint64(), 0))
	clients.Go(func() { s.operate(ctx, t, operator) })
	clients.Go(func() { s.usages.watch(ctx, s) })

	disturbed := total
	if slopes() {
		disturbed = total / 2 // they are measured in the other half
	}
	s.disturb(timeout(ctx, t, disturbed), t, min(total/time.Duration(2*len(disturbances)), 15*time.Second), disturbances)
	clients.Wait()
	store := s.openStore(t)
	s.settle(t, store)
	s.check(t, store)
	t.Logf("soak: %s; %d exports, %d archives verified; %d restarts; %s", s.seen.report(), len(s.seen.jobs), s.verified.Load(), s.restarts, s.usages.report())
}

// timeout is context.WithTimeout for the time of the test.
func timeout(ctx context.Context, t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, d)
	t.Cleanup(cancel)
	return ctx
}

// explain shows what the nodes have said, if the test has failed.
func (s *soak) explain(t *testing.T) {
	if !t.Failed() {
		return
	}
	for _, n := range s.nodes {
		t.Logf("%s says\n%s", n.config, n.process().said())
	}
}
