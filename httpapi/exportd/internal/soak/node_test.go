//go:build linux

package soak_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"
)

// node is an exportd serve that is restarted at one address.
type node struct {
	site    *site
	limits  limits
	config  string
	address string
	metrics string

	mu     sync.Mutex
	now    *process
	since  time.Time   // when the present process began
	killed []time.Time // when processes were killed
}

// begin starts the node and reports whether it is ready.
func (n *node) begin(t *testing.T) bool {
	t.Helper()
	p := n.site.begin(t, n.limits, n.config, n.address, n.metrics)
	n.mu.Lock()
	n.now, n.since = p, time.Now()
	n.mu.Unlock()
	return p.ready(t.Context())
}

func (n *node) process() *process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

// kill ends the node as a crash does.
func (n *node) kill() {
	n.mu.Lock()
	n.killed = append(n.killed, time.Now())
	n.mu.Unlock()
	n.process().kill()
}

// killedWithin reports whether the node was killed within d after an instant.
func (n *node) killedWithin(at time.Time, d time.Duration) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.ContainsFunc(n.killed, func(killed time.Time) bool { return killed.After(at) && killed.Before(at.Add(d)) })
}

// disturbance is something that happens to what serves.
type disturbance struct {
	name string
	do   func(ctx context.Context, t *testing.T)
}

// restart stops a node in good order and starts it again.
func (s *soak) restart(_ context.Context, t *testing.T) {
	n := s.nodes[s.random.IntN(len(s.nodes))]
	defer s.trouble.begin()()
	if code := n.process().stop(); code != 0 {
		s.seen.problem("SIGTERM: it ends with status %d\n%s", code, n.process().said())
	}
	s.again(t, n)
}

// crash kills a node and starts it again.
func (s *soak) crash(_ context.Context, t *testing.T) {
	n := s.nodes[s.random.IntN(len(s.nodes))]
	defer s.trouble.begin()()
	n.kill()
	s.again(t, n)
}

func (s *soak) again(t *testing.T, n *node) {
	s.restarts++
	if !n.begin(t) {
		s.seen.problem("it does not start again\n%s", n.process().said())
	}
}

// disturb does one thing after the other, in another order each round, until ctx ends.
// What has begun is always brought to its end.
func (s *soak) disturb(ctx context.Context, t *testing.T, each time.Duration, all []disturbance) {
	for {
		for _, i := range s.random.Perm(len(all)) {
			if pause(ctx, each/2+time.Duration(s.random.Int64N(int64(each)))) != nil {
				return
			}
			began := time.Now()
			all[i].do(context.WithoutCancel(ctx), t)
			t.Logf("%s, for %v", all[i].name, time.Since(began).Round(time.Millisecond))
		}
	}
}
