//go:build linux

package soak_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// troubleGrace is how long something that was down may be felt after it is back.
const troubleGrace = 5 * time.Second

// troubles tells when something was down, so that clients may not get what they ask for.
type troubles struct {
	mu    sync.Mutex
	down  int
	until time.Time
	over  [][2]time.Time // from when until when
}

// begin says that something is down until the function that it returns is called.
func (t *troubles) begin() (end func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.down++
	began := time.Now()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.down--
		t.until = time.Now().Add(troubleGrace)
		t.over = append(t.over, [2]time.Time{began, t.until})
	}
}

// between reports whether something was down between two instants. It is asked when all
// troubles are over.
func (t *troubles) between(from, to time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.ContainsFunc(t.over, func(of [2]time.Time) bool { return of[0].Before(to) && of[1].After(from) })
}

// since reports whether something was down after an instant.
func (t *troubles) since(at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.down > 0 || t.until.After(at)
}

// bounds are how many entries the audit log may have of something: it is not known of
// each request in a time of trouble whether it was served.
type bounds struct{ least, most int64 }

// add counts one that was done for sure, or perhaps.
func (b *bounds) add(sure bool) {
	b.most++
	if sure {
		b.least++
	}
}

func (b *bounds) holds(n int64) bool { return b.least <= n && n <= b.most }

// sighting is what clients know of a job.
type sighting struct {
	organization, id, format string
	honest                   bool

	requested bounds
	deleted   bounds
	downloads int64       // that there may have been
	sure      []time.Time // when those began that there have been

	ended bool
	link  string
}

// seen is what all clients have seen. It is safe for concurrent use.
type seen struct {
	mu       sync.Mutex
	jobs     map[string]*sighting
	lost     map[string]bool  // requests for exports that had no answer, and have not been repeated
	lostEver map[string]int64 // their number, by organization
	keysMade map[string]*bounds
	keysGone map[string]*bounds
	statuses map[int]int64
	events   int64
	problems []string
	dropped  int // problems beyond those
}

func newSeen() *seen {
	return &seen{
		jobs: make(map[string]*sighting), lost: make(map[string]bool), lostEver: make(map[string]int64), statuses: make(map[int]int64),
		keysMade: make(map[string]*bounds), keysGone: make(map[string]*bounds),
	}
}

// problem notes what should not have been.
func (s *seen) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.problems) >= 30 {
		s.dropped++
		return
	}
	s.problems = append(s.problems, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
}

// job alters what is known of a job. The first time that it is seen is its request.
func (s *seen) job(organization, id string, alter func(*sighting)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil {
		j = &sighting{organization: organization, id: id}
		s.jobs[id] = j
	}
	alter(j)
}

// of are the jobs of an organization, in a fixed order.
func (s *seen) of(organization string, are func(*sighting) bool) (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range slices.Sorted(maps.Keys(s.jobs)) {
		if j := s.jobs[id]; j.organization == organization && are(j) {
			ids = append(ids, id)
		}
	}
	return ids
}

// key counts a key that was made or revoked.
func (s *seen) key(of map[string]*bounds, organization string, sure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of[organization] == nil {
		of[organization] = new(bounds)
	}
	of[organization].add(sure)
}

// answered counts a response by its status.
func (s *seen) answered(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses[status]++
}

// report says how many answers of each status there were.
func (s *seen) report() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all int64
	var texts []string
	for _, status := range slices.Sorted(maps.Keys(s.statuses)) {
		all += s.statuses[status]
		texts = append(texts, fmt.Sprintf("%d × %d", s.statuses[status], status))
	}
	return fmt.Sprintf("%d answers (%s), %d events", all, strings.Join(texts, ", "), s.events)
}
