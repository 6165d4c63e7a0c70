package export

import (
	"sync"
	"time"
)

// advanceEvery is how often a section's progress is reported at most.
const advanceEvery = 100 * time.Millisecond

// reporter calls an observer, from one goroutine at a time.
type reporter struct {
	mu      sync.Mutex
	observe func(Event)
}

func (r *reporter) report(e Event) {
	if r.observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observe(e)
}
