package jobs_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// zombies are storage to which every third Put is committed, whatever has become
// of the job meanwhile.
type zombies struct{ puts, late atomic.Int64 }

func (z *zombies) put(ctx context.Context, write func(io.Writer) error, put func(context.Context, func(io.Writer) error) error) error {
	if z.puts.Add(1)%3 > 0 {
		return put(ctx, write)
	}
	return put(context.WithoutCancel(ctx), func(w io.Writer) error {
		err := write(w)
		time.Sleep(time.Minute)
		if ctx.Err() != nil {
			z.late.Add(1)
		}
		return err
	})
}

type zombieSpool struct {
	export.Spool
	export.JobLister
	*zombies
}

func (s zombieSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.put(ctx, write, func(ctx context.Context, write func(io.Writer) error) error { return s.Spool.Put(ctx, id, write) })
}

type zombieDestination struct {
	jobs.Destination
	*zombies
}

func (d zombieDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.put(ctx, write, func(ctx context.Context, write func(io.Writer) error) error {
		return d.Destination.Put(ctx, key, write)
	})
}

// crowd is many nodes on one store, of which each is cut off from it by turns.
type crowd struct {
	*node
	nodes []*node
	cut   []*countingStore
	zombies
	running sync.WaitGroup
}

func newCrowd(t *testing.T, nodes int) *crowd {
	sections := []export.Section{slow("a", time.Second), slow("b", 2*time.Second), fine("c"), fine("d"), fine("e")}
	c := &crowd{node: newNode(t, nil, sections...)}
	for range nodes {
		store := &countingStore{Store: c.store}
		c.cut = append(c.cut, store)
		c.nodes = append(c.nodes, newNode(t, func(s *jobs.Config) {
			s.Store, s.Destination = store, zombieDestination{c.dest, &c.zombies}
			s.Retention, s.PartsRetention = 8*time.Minute, 3*time.Minute
			s.MaxFailures, s.SweepEvery = 1000, 3*time.Second
			spool := zombieSpool{c.spool, c.spool.(export.JobLister), &c.zombies}
			s.Engine = engine(t, func(c *export.Config) { c.Spool = spool }, sections...)
		}, sections...))
	}
	return c
}

// run lets all nodes work, tend and sweep until ctx ends.
func (c *crowd) run(ctx context.Context) {
	for _, n := range c.nodes {
		c.running.Go(func() { n.Maintain(ctx) })
		c.running.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(time.Second) {
				for _, task := range n.Take() {
					c.running.Go(func() { _ = n.Work(ctx, task) }) // what failed stands in the row
				}
			}
		})
	}
}

// ask requests exports, retries some and deletes some, until ctx ends.
func (c *crowd) ask(ctx context.Context, t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	for ; ctx.Err() == nil; time.Sleep(time.Duration(random.IntN(10)+1) * time.Second) {
		r := jobs.Request{OrganizationID: acme.ID}
		for _, key := range c.Keys() {
			if random.IntN(2) == 0 {
				r.Sections = append(r.Sections, key)
			}
		}
		list, total, err := c.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 20})
		if err != nil {
			t.Error(err)
			return
		}
		if total > 0 {
			job := list[random.IntN(len(list))]
			switch random.IntN(3) {
			case 0:
				r.RetryOf = job.ID
			case 1:
				if _, err := c.Delete(t.Context(), acme.ID, job.ID); err != nil {
					t.Errorf("Delete: %v", err)
				}
			}
		}
		n := c.nodes[random.IntN(len(c.nodes))]
		if _, _, err := n.Create(t.Context(), r); err != nil && !errors.Is(err, jobs.ErrInFlight) {
			t.Errorf("Create: %v", err)
		}
	}
}

// check looks that what jobs have in their rows is there, until ctx ends.
func (c *crowd) check(ctx context.Context, t *testing.T) (looks int) {
	for ; ctx.Err() == nil; time.Sleep(5 * time.Second) {
		list, _, err := c.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1000})
		if err != nil {
			t.Error(err)
		}
		for _, job := range list {
			if job.ObjectKey != "" {
				looks++
				if _, err := c.dest.Open(t.Context(), job.ObjectKey); err != nil && c.get(t, job).ObjectKey != "" {
					t.Errorf("the archive of job %s: %v", job.ID, err)
				}
			}
			for _, id := range job.Parts {
				if id.JobID != job.ID {
					continue // it goes when that one is purged
				}
				looks++
				if _, err := c.spool.Open(t.Context(), id); err != nil && len(c.get(t, job).Parts) > 0 {
					t.Errorf("part %v of job %s: %v", id, job.ID, err)
				}
			}
		}
	}
	return looks
}

// inFlight reports whether any job has not ended.
func (c *crowd) inFlight(t *testing.T) bool {
	list, _, err := c.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(job jobs.Job) bool { return job.Status.InFlight() })
}

// TestSweepInACrowd sweeps all the time while jobs are requested, run, retried,
// cancelled and purged by nodes that are cut off from the store now and then.
func TestSweepInACrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 4)
		nodes, stop := context.WithCancel(t.Context())
		defer stop()
		c.run(nodes)
		clients, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var asking sync.WaitGroup
		for seed := range uint64(3) {
			asking.Go(func() { c.ask(clients, t, seed) })
		}
		looks := 0
		asking.Go(func() { looks = c.check(clients, t) })
		for i := 0; clients.Err() == nil; i++ {
			store := c.cut[i%len(c.cut)]
			store.broken.Store(true)
			time.Sleep(40 * time.Second)
			store.broken.Store(false)
		}
		asking.Wait()
		time.Sleep(3 * time.Minute)                                                             // so that all jobs end
		for end := time.Now().Add(15 * time.Minute); c.inFlight(t) && time.Now().Before(end); { // one may have been put off often
			time.Sleep(time.Second)
		}
		c.sweep(t)
		list, _, err := c.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1000})
		if err != nil {
			t.Fatal(err)
		}
		archives := 0
		for _, job := range list {
			if job.Status.InFlight() {
				t.Errorf("job %s is %s", job.ID, job.Status)
			}
			if job.ObjectKey != "" {
				archives++
				c.archive(t, job)
			}
		}
		time.Sleep(10 * time.Minute)
		stop()
		c.running.Wait()
		c.sweep(t)
		if got := c.there(t); len(got) > 0 {
			t.Errorf("left over is %v", got)
		}
		t.Logf("%d jobs, %d looks, %d late commits, %d archives at the end", len(list), looks, c.late.Load(), archives)
		if len(list) < 100 || looks < 1000 || c.late.Load() < 10 || archives == 0 {
			t.Error("that is too little to show anything")
		}
	})
}
