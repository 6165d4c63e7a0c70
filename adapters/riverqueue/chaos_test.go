//go:build unix

package riverqueue_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

var chaosSeed = flag.Uint64("chaos.seed", 0, "decides what happens in the chaos test; 0 means a random one")

// In the chaos test a lease is short, so that much happens in a minute.
const (
	chaosWorkers  = 5
	chaosLease    = 4 * time.Second
	chaosPace     = 80 * time.Millisecond
	chaosLate     = 150 * time.Millisecond
	chaosPatience = 2 * time.Minute // for what must happen once the chaos is over

	// chaosKinds is how many things can happen to a worker: it is killed, paused or cut off.
	chaosKinds = 3

	// chaosExport is how long an export takes at least.
	chaosExport = 3 * time.Second
)

// chaos is what happens to the workers of a test.
type chaos struct {
	t        *testing.T
	random   *rand.Rand
	server   *pgtest.Server
	folder   string
	requests *node // asks for exports; nothing happens to it
	db       *sql.DB
	slots    []*slot
	jobs     map[string]bool
	started  int // workers

	strikes, kills, hits, pauses, cuts, restarts int
	retries                                      int // of requests that failed, because the database was not there
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
	exports, duration := 40, time.Minute
	if archivetest.Long() {
		exports, duration = 200, 5*time.Minute
	}
	began := time.Now()
	c := newChaos(t)
	c.run(exports, duration)
	t.Logf("the chaos is over after %v", time.Since(began).Round(time.Second))
	c.heal(time.Now().Add(time.Hour)) // all that is not yet
	c.eventually("every job ends", "SELECT count(*) FROM orgexport_jobs WHERE status IN ('pending', 'processing')")
	c.another()
	c.eventually("no task waits", "SELECT count(*) FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'scheduled')")
	for _, s := range c.slots {
		if err := s.stop(); err != nil {
			t.Errorf("worker %s ended with %v", s.Name, err)
		}
	}
	c.check()
	t.Logf("%d exports; %d kills, of which %d hit a worker with a running export; %d pauses; %d cuts; %d restarts of the database; %d requests tried again; %v",
		len(c.jobs), c.kills, c.hits, c.pauses, c.cuts, c.restarts, c.retries, time.Since(began).Round(time.Second))
	if 2*c.hits < c.kills {
		t.Errorf("%d of %d kills hit a worker with a running export, want half of them", c.hits, c.kills)
	}
	if c.kills == 0 || c.pauses == 0 || c.cuts == 0 {
		t.Error("that was no chaos")
	}
}

func newChaos(t *testing.T) *chaos {
	seed := *chaosSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-chaos.seed=%d", seed)
	c := &chaos{
		t: t, random: rand.New(rand.NewPCG(seed, 0)), server: pgtest.NewServer(t), folder: t.ArtifactDir(),
		jobs: make(map[string]bool),
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
		Name: name, Address: p.address(c.t), Folder: c.folder, Pace: chaosPace, Late: chaosLate,
		Lease: chaosLease, Heartbeat: time.Second, ReapEvery: 500 * time.Millisecond, SweepEvery: 5 * time.Second,
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
// of the exports in peace.
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
	strike := time.NewTimer(chaosLease)
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
			if over != nil && (c.strikes < chaosKinds || !c.crowded()) {
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

// ask asks for exports until there are so many, evenly in time, and tries again
// where the database does not answer.
func (c *chaos) ask(ctx context.Context, exports int, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	formats := c.requests.service.Formats()
	for i := 0; len(c.jobs) < exports && ctx.Err() == nil; {
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

// strike does something to a worker that has work, and now and then to one that has
// none. Half of them are always well, or have just begun.
func (c *chaos) strike() {
	owners, err := c.owners()
	if err != nil {
		return // the database is not there
	}
	var busy, idle []*slot
	for _, name := range owners {
		if i := slices.IndexFunc(c.slots, func(s *slot) bool { return s.Name == name && s.heal == nil }); i >= 0 {
			busy = append(busy, c.slots[i])
		}
	}
	for _, s := range c.slots {
		if s.heal == nil && !slices.Contains(busy, s) {
			idle = append(idle, s)
		}
	}
	well := len(busy) + len(idle)
	if len(busy) == 0 {
		return // they have yet to claim something
	}
	if len(idle) > 0 && 2*c.hits > c.kills && c.random.IntN(5) == 0 {
		busy = idle
	}
	s := busy[c.random.IntN(len(busy))]
	kind := c.random.IntN(10)
	if c.strikes < chaosKinds {
		kind = 4 * c.strikes // one of each, also where there is time for three
	}
	c.strikes++
	switch {
	case kind < 4 || well <= chaosWorkers/2+1:
		c.kill(s)
		return
	case kind < 7:
		s = busy[0] // that may be about to commit, and does so afterwards
		c.pauses++
		c.signal(s, syscall.SIGSTOP)
		s.heal = func() { c.signal(s, syscall.SIGCONT) }
	default:
		c.cuts++
		s.proxy.set([]link{broken, silent}[c.random.IntN(2)])
		s.heal = func() { s.proxy.set(up) }
	}
	s.at = time.Now().Add(chaosLease + c.between(0, 4*time.Second))
}

// owners are the workers that have running exports, those first whose exports have
// come furthest.
func (c *chaos) owners() ([]string, error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	var owners []string
	err := c.requests.store.DB().NewRaw(`SELECT lease_owner FROM orgexport_jobs WHERE status = 'processing'
		GROUP BY lease_owner ORDER BY max(jsonb_array_length(parts)) DESC`).Scan(ctx, &owners)
	return owners, err
}

// crowded tells whether so much waits that this machine has to catch up.
func (c *chaos) crowded() bool {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	var n int
	err := c.db.QueryRowContext(ctx, "SELECT count(*) FROM orgexport_jobs WHERE status IN ('pending', 'processing')").Scan(&n)
	return err != nil || n > 2*chaosWorkers
}

func (c *chaos) kill(s *slot) {
	if err := s.kill(); err != nil {
		c.fatal("worker %s: %v", s.Name, err)
	}
	// Now nobody can say that the export was not running any more.
	owners, err := c.owners()
	if err == nil {
		c.kills++
	}
	if slices.Contains(owners, s.Name) {
		c.hits++
	}
	c.start(s)
}

func (c *chaos) signal(s *slot, signal syscall.Signal) {
	if err := s.cmd.Process.Signal(signal); err != nil {
		c.fatal("worker %s: %v: %v", s.Name, signal, err)
	}
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
