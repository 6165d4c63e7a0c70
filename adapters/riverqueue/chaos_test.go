//go:build unix

package riverqueue_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

var chaosSeed = flag.Uint64("chaos.seed", 0, "decides what happens in the chaos test; 0 means a random one")

const (
	chaosWorkers  = 5
	chaosPatience = 2 * time.Minute // for what must happen once the chaos is over
)

// tempo is how fast all goes in a chaos test. A lease is short, so that much happens in a
// minute.
type tempo struct {
	jobs             int // of a worker at once
	pace, late       time.Duration
	lease, heartbeat time.Duration
	least            time.Duration // that an export takes
}

// Workers that help each other write the rows of their jobs more often, and leave no time
// unused. So they have fewer jobs at once, and shorter ones.
var (
	chaosTempo  = tempo{jobs: 2, pace: 80 * time.Millisecond, late: 150 * time.Millisecond, lease: 4 * time.Second, heartbeat: time.Second, least: 3 * time.Second}
	fanOutTempo = tempo{jobs: 2, pace: 50 * time.Millisecond, late: 75 * time.Millisecond, lease: 6 * time.Second, heartbeat: 2 * time.Second, least: time.Second}
)

// chaos is what happens to the workers of a test.
type chaos struct {
	t        *testing.T
	fanOut   bool // workers help each other
	tempo    tempo
	random   *rand.Rand
	server   *pgtest.Server
	folder   string
	requests *node // asks for exports; nothing happens to it
	db       *sql.DB
	slots    []*slot
	jobs     map[string]bool
	started  int // workers

	all      struck // workers
	owners   struck // of running exports
	helpers  struck // with running exports
	hits     int    // kills of owners or helpers
	restarts int
	enough   atomic.Bool // each kind has happened to owners, and to helpers if there are some
	retries  int         // of requests that failed, because the database was not there
}

// slot is the place of a worker.
type slot struct {
	*worker
	proxy *proxy
	heal  func() // undoes what was done to the worker; nil if nothing was
	at    time.Time
}

// TestChaos kills workers, pauses them for so long that others go on with their
// jobs, cuts them off from the database and kills that, while exports are asked
// for. Then nothing is lost, done twice or left over.
func TestChaos(t *testing.T) {
	t.Parallel()
	newChaos(t, false).test(time.Minute)
}

// TestChaosFanOut is TestChaos with workers that help each other, which happens to those
// that help as well. No shard that was sealed is exported again.
func TestChaosFanOut(t *testing.T) {
	t.Parallel()
	c := newChaos(t, true)
	c.test(45 * time.Second)
	if c.helpers[killed] == 0 || c.helpers[paused] == 0 || c.helpers[cut] == 0 {
		t.Error("that was no chaos for helpers")
	}
}

// test lets 40 exports have chaos for that long, or more of them for longer.
func (c *chaos) test(duration time.Duration) {
	exports := 40
	if archivetest.Long() {
		exports, duration = 5*exports, 5*duration
	}
	began := time.Now()
	c.run(exports, duration)
	c.t.Logf("the chaos is over after %v", time.Since(began).Round(time.Second))
	c.heal(time.Now().Add(time.Hour)) // all that is not yet
	c.eventually("every job ends", "SELECT count(*) FROM orgexport_jobs WHERE status IN ('pending', 'processing')")
	c.another()
	c.eventually("no task waits", "SELECT count(*) FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'scheduled')")
	for _, s := range c.slots {
		if err := s.stop(); err != nil {
			c.t.Errorf("worker %s ended with %v", s.Name, err)
		}
	}
	c.check()
	c.t.Logf("%d exports; %v, of which %d kills hit a worker with a running export; of owners %v; of helpers %v; %d restarts of the database; %d requests tried again; %v",
		len(c.jobs), c.all, c.hits, c.owners, c.helpers, c.restarts, c.retries, time.Since(began).Round(time.Second))
	if 2*c.hits < c.all[killed] {
		c.t.Errorf("%d of %d kills hit a worker with a running export, want half of them", c.hits, c.all[killed])
	}
	if c.all[killed] == 0 || c.all[paused] == 0 || c.all[cut] == 0 {
		c.t.Error("that was no chaos")
	}
}

func newChaos(t *testing.T, fanOut bool) *chaos {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaos.seed=%d", seed)
	c := &chaos{
		t: t, fanOut: fanOut, random: rand.New(rand.NewPCG(seed, 0)), server: pgtest.NewServer(t), folder: t.ArtifactDir(),
		jobs: make(map[string]bool),
	}
	if c.tempo = chaosTempo; fanOut {
		c.tempo = fanOutTempo
	}
	c.requests = newRequests(t, c.config("requests", newProxy(t, c.server)))
	c.db = c.requests.store.DB().DB
	for range chaosWorkers {
		s := &slot{proxy: newProxy(t, c.server)}
		c.start(s)
		c.slots = append(c.slots, s)
	}
	return c
}

func (c *chaos) config(name string, p *proxy) workerConfig {
	return workerConfig{
		Name: name, Address: p.address(c.t), Folder: c.folder, Jobs: c.tempo.jobs, Pace: c.tempo.pace, Late: c.tempo.late, FanOut: c.fanOut,
		Lease: c.tempo.lease, Heartbeat: c.tempo.heartbeat, ReapEvery: 500 * time.Millisecond, SweepEvery: 5 * time.Second,
	}
}

// start puts a new worker into a slot. Its clock is right, or two minutes ahead or
// behind.
func (c *chaos) start(s *slot) {
	c.started++
	config := c.config(fmt.Sprintf("worker-%d", c.started), s.proxy)
	config.Skew = time.Duration(c.started%3-1) * 2 * time.Minute
	s.worker = startWorker(c.t, config)
}

// run strikes now and then while exports are asked for. A slow machine has the rest
// of the exports in peace, once each kind has happened.
func (c *chaos) run(exports int, duration time.Duration) {
	ctx, cancel := context.WithTimeout(c.t.Context(), duration+chaosPatience)
	defer cancel()
	asked := make(chan bool)
	go func() {
		defer close(asked)
		c.ask(ctx, exports, duration*9/10/time.Duration(exports))
	}()
	over := time.After(duration)
	restart := time.After(c.between(duration*3/10, duration*6/10))
	strike := time.NewTimer(c.tempo.lease)
	heal := time.NewTicker(50 * time.Millisecond)
	defer heal.Stop()
	for over != nil || asked != nil {
		select {
		case <-over:
			over = nil
		case <-asked:
			asked = nil
		case <-restart:
			c.restarts++
			began := time.Now()
			c.server.Restart(c.t)
			c.t.Logf("the database was restarted in %v", time.Since(began).Round(time.Millisecond))
		case <-strike.C:
			if over != nil || !c.enough.Load() {
				c.strike()
			}
			strike.Reset(c.between(500*time.Millisecond, 2500*time.Millisecond))
		case now := <-heal.C:
			c.heal(now)
			c.alive()
		}
	}
	if len(c.jobs) < exports {
		c.fatal("there are %d exports after %v, want %d", len(c.jobs), duration+chaosPatience, exports)
	}
}

// heal undoes what has lasted long enough.
func (c *chaos) heal(now time.Time) {
	for _, s := range c.slots {
		if s.heal != nil && now.After(s.at) {
			s.heal()
			s.heal = nil
		}
	}
}

// alive looks whether a worker has ended by itself.
func (c *chaos) alive() {
	for _, s := range c.slots {
		select {
		case <-s.over:
			c.fatal("worker %s has ended with %v", s.Name, s.err)
		default:
		}
	}
}

func (c *chaos) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.random.Int64N(int64(most-least)))
}

// ask asks for exports until there are so many and enough has happened, evenly in time, and
// tries again where the database does not answer.
func (c *chaos) ask(ctx context.Context, exports int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	formats := c.requests.service.Formats()
	for i := 0; (len(c.jobs) < exports || !c.enough.Load()) && ctx.Err() == nil; {
		job, err := c.create(ctx, jobs.Request{
			OrganizationID: slowOrganizations[i%len(slowOrganizations)],
			Format:         formats[i/len(slowOrganizations)%len(formats)],
		})
		pause := tick.C
		switch {
		case err != nil:
			c.retries++
			pause = time.After(100 * time.Millisecond)
		case c.jobs[job.ID]: // it is still in flight
			i++
			pause = time.After(10 * time.Millisecond)
		default:
			i++
			c.jobs[job.ID] = true
		}
		select {
		case <-ctx.Done():
		case <-pause:
		}
	}
}

func (c *chaos) create(ctx context.Context, r jobs.Request) (jobs.Job, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	job, _, err := c.requests.service.Create(ctx, r)
	return job, err
}

// another asks for one more export of each organization: none is blocked.
func (c *chaos) another() {
	for _, id := range slowOrganizations {
		job, created, err := c.requests.service.Create(c.t.Context(), jobs.Request{OrganizationID: id})
		if err != nil || !created {
			c.fatal("organization %s: Create gives %t, %v", id, created, err)
		}
		c.jobs[job.ID] = true
	}
	c.eventually("one more export of each organization ends", "SELECT count(*) FROM orgexport_jobs WHERE status IN ('pending', 'processing')")
	for _, id := range slowOrganizations {
		last, _, err := c.requests.service.List(c.t.Context(), id, jobs.Page{Number: 1, Size: 1})
		if err != nil || len(last) == 0 || last[0].Status != jobs.Completed {
			c.t.Errorf("organization %s: one more export is %v, %v", id, last, err)
		}
	}
}

// eventually waits until there are none of what a query counts.
func (c *chaos) eventually(what, query string) {
	c.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	late := time.After(chaosPatience)
	for {
		if number(c.t, c.db, query) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			c.fatal("%s: not in %v", what, chaosPatience)
		}
	}
}
