//go:build linux

package soak_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

const (
	// What a node may hold: at any time, and once nobody asks anything of it.
	mostMemory       = 1 << 30
	idleGoroutines   = 150
	idleDescriptors  = 100
	idlePatience     = 2 * time.Minute
	sampleEvery      = time.Second
	warmUp           = 3 * time.Minute // from the last start, before slopes count
	leastMeasured    = 5 * time.Minute
	toleratedPercent = 20
)

// sample is what a node held at an instant.
type sample struct {
	at time.Time
	usage
}

// usages are samples of all nodes, by their place in the list of nodes.
type usages struct {
	mu      sync.Mutex
	most    usage
	samples map[int][]sample
}

// watch takes samples until ctx ends.
func (u *usages) watch(ctx context.Context, s *soak) {
	u.samples = make(map[int][]sample)
	for pause(ctx, sampleEvery) == nil {
		for i, n := range s.nodes {
			now, err := n.process().usage(ctx)
			if err != nil {
				continue // it was killed, or has no descriptor left
			}
			u.mu.Lock()
			u.samples[i] = append(u.samples[i], sample{time.Now(), now})
			u.most = usage{max(u.most.rss, now.rss), max(u.most.descriptors, now.descriptors), max(u.most.goroutines, now.goroutines)}
			u.mu.Unlock()
		}
	}
}

func (u *usages) report() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return fmt.Sprintf("at most %d MiB, %d descriptors, %d goroutines", u.most.rss>>20, u.most.descriptors, u.most.goroutines)
}

// checkIdle finds what a node still holds when nobody uses it, and after a long load
// whether it has held more and more.
func (s *soak) checkIdle(t *testing.T) {
	t.Helper()
	if s.usages.most.rss > mostMemory {
		t.Errorf("a node has taken %d MiB", s.usages.most.rss>>20)
	}
	for i, n := range s.nodes {
		var now usage
		var err error
		idle := eventually(t.Context(), idlePatience, func() bool {
			now, err = n.process().usage(t.Context())
			return err == nil && now.goroutines <= idleGoroutines && now.descriptors <= idleDescriptors
		})
		if !idle {
			t.Errorf("%s holds %+v when nobody uses it, %v", n.config, now, err)
		}
		if slopes() {
			s.checkSlopes(t, n, s.usages.samples[i])
		}
	}
}

// checkSlopes fits a line to what a node has held since it was started last.
func (s *soak) checkSlopes(t *testing.T, n *node, all []sample) {
	t.Helper()
	var measured []sample
	for _, each := range all {
		if each.at.After(n.since.Add(warmUp)) {
			measured = append(measured, each)
		}
	}
	if len(measured) == 0 || measured[len(measured)-1].at.Sub(measured[0].at) < leastMeasured {
		t.Errorf("%s has run for too short a time to find leaks: %d samples", n.config, len(measured))
		return
	}
	for _, of := range []struct {
		name  string
		value func(usage) float64
		slack float64 // that no leak is needed for
	}{
		{"bytes", func(u usage) float64 { return float64(u.rss) }, 32 << 20},
		{"descriptors", func(u usage) float64 { return float64(u.descriptors) }, 15},
		{"goroutines", func(u usage) float64 { return float64(u.goroutines) }, 40},
	} {
		mean, growth := fit(measured, of.value)
		t.Logf("%s: %.0f %s on average, and %+.0f in the end", n.config, mean, of.name, growth)
		if growth > of.slack+mean*toleratedPercent/100 {
			t.Errorf("%s holds %.0f %s on average, and %.0f more in the end than at first", n.config, mean, of.name, growth)
		}
	}
}

// fit returns the mean of samples and how much the line of least squares through them
// rises from the first to the last.
func fit(all []sample, value func(usage) float64) (mean, growth float64) {
	var meanAt float64
	first := all[0].at
	for _, s := range all {
		mean += value(s.usage) / float64(len(all))
		meanAt += s.at.Sub(first).Seconds() / float64(len(all))
	}
	var above, below float64
	for _, s := range all {
		at := s.at.Sub(first).Seconds() - meanAt
		above += at * (value(s.usage) - mean)
		below += at * at
	}
	return mean, above / below * all[len(all)-1].at.Sub(first).Seconds()
}

// TestFit has samples that rise, and samples that only waver.
func TestFit(t *testing.T) {
	var rising, wavering []sample
	for i := range 101 {
		at := time.Unix(int64(i), 0)
		rising = append(rising, sample{at, usage{descriptors: 50 + i}})
		wavering = append(wavering, sample{at, usage{descriptors: 100 + i%2}})
	}
	value := func(u usage) float64 { return float64(u.descriptors) }
	if mean, growth := fit(rising, value); mean < 99.9 || mean > 100.1 || growth < 99.9 || growth > 100.1 {
		t.Errorf("what rises from 50 to 150 has a mean of %f and grows by %f", mean, growth)
	}
	if _, growth := fit(wavering, value); growth < -1 || growth > 1 {
		t.Errorf("what wavers grows by %f", growth)
	}
}
