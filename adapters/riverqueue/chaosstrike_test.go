//go:build unix

package riverqueue_test

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// kind is what happens to a worker.
type kind int

const (
	killed kind = iota
	paused
	cut // off from the database
	kinds
)

// struck counts to how many workers something has happened.
type struck [kinds]int

func (s struck) String() string {
	return fmt.Sprintf("%d killed, %d paused, %d cut off", s[killed], s[paused], s[cut])
}

func (s struck) sum() int { return s[killed] + s[paused] + s[cut] }

// missing returns a kind that has not happened yet, or kinds.
func (s struck) missing() kind {
	if i := slices.Index(s[:], 0); i >= 0 {
		return kind(i)
	}
	return kinds
}

// strike does something to a worker that has work, and now and then to one that has
// none. Half of them are always well, or have just begun.
func (c *chaos) strike() {
	if c.enough.Load() && c.crowded() {
		return
	}
	owners, helpers, err := c.busy()
	if err != nil {
		return // the database is not there
	}
	owning, helping := c.well(owners), c.well(helpers)
	busy, kind := owning, c.kind(c.owners)
	if n := len(helping); n > 0 && (len(owning) == 0 || c.helpers.missing() < kinds || c.helpers.sum() <= c.owners.sum()) {
		busy, kind = helping, c.kind(c.helpers)
		c.random.Shuffle(n, func(i, k int) { busy[i], busy[k] = busy[k], busy[i] })
	} else if c.owners.missing() == kinds && c.crowded() {
		return
	}
	if len(busy) == 0 {
		return // they have yet to claim something
	}
	var idle []*slot
	well := 0
	for _, s := range c.slots {
		if s.heal == nil {
			well++
			if !slices.Contains(owning, s) && !slices.Contains(helping, s) {
				idle = append(idle, s)
			}
		}
	}
	if len(idle) > 0 && 2*c.hits > c.all[killed] && c.random.IntN(5) == 0 {
		busy = idle
	}
	if well <= chaosWorkers/2+1 {
		kind = killed
	}
	s := busy[c.random.IntN(len(busy))]
	switch kind {
	case killed:
		c.kill(s)
		return
	case paused:
		s = busy[0] // that may be about to commit, and does so afterwards
		c.signal(s, syscall.SIGSTOP)
		s.heal = func() { c.signal(s, syscall.SIGCONT) }
	default:
		s.proxy.set([]link{broken, silent}[c.random.IntN(2)])
		s.heal = func() { s.proxy.set(up) }
	}
	s.at = time.Now().Add(c.tempo.lease + c.between(0, 4*time.Second))
	c.note(s, kind)
}

// kind is one that has not happened yet, or any.
func (c *chaos) kind(to struck) kind {
	if k := to.missing(); k < kinds {
		return k
	}
	switch n := c.random.IntN(10); {
	case n < 4:
		return killed
	case n < 7:
		return paused
	}
	return cut
}

// well are the places of those workers that are well.
func (c *chaos) well(names []string) (well []*slot) {
	for _, name := range names {
		if i := slices.IndexFunc(c.slots, func(s *slot) bool { return s.Name == name && s.heal == nil }); i >= 0 {
			well = append(well, c.slots[i])
		}
	}
	return well
}

// busy are the workers that have running exports, those first whose exports have come
// furthest, and those that help with one.
func (c *chaos) busy() (owners, helpers []string, err error) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 2*time.Second)
	defer cancel()
	err = c.requests.store.DB().NewRaw(`SELECT lease_owner FROM orgexport_jobs WHERE status = 'processing'
		GROUP BY lease_owner ORDER BY max(jsonb_array_length(parts)) DESC`).Scan(ctx, &owners)
	if err == nil {
		err = c.requests.store.DB().NewRaw(`SELECT DISTINCT helper->>'node' FROM orgexport_jobs, jsonb_array_elements(helpers) AS helper
			WHERE status = 'processing' ORDER BY 1`).Scan(ctx, &helpers)
	}
	return owners, helpers, err
}

// note counts what has happened to a worker, and what that had to do. It looks afterwards,
// so that nobody can say that the worker was not at it any more.
func (c *chaos) note(s *slot, k kind) {
	owners, helpers, err := c.busy()
	if err != nil {
		return
	}
	c.all[k]++
	owns, helps := slices.Contains(owners, s.Name), slices.Contains(helpers, s.Name)
	if owns {
		c.owners[k]++
	}
	if helps {
		c.helpers[k]++
	}
	if k == killed && (owns || helps) {
		c.hits++
	}
	c.enough.Store(c.owners.missing() == kinds && (!c.fanOut || c.helpers.missing() == kinds))
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
	c.note(s, killed)
	c.start(s)
}

func (c *chaos) signal(s *slot, signal syscall.Signal) {
	if err := s.cmd.Process.Signal(signal); err != nil {
		c.fatal("worker %s: %v: %v", s.Name, signal, err)
	}
}
