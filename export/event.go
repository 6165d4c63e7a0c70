package export

import (
	"sync"
	"time"
)

// Event is a step of a section of an export.
type Event struct {
	Kind    EventKind
	Section string

	// Records, Binaries and Bytes (before packing) were written so far.
	Records, Binaries, Bytes int64

	// Done of Total items are finished, as the section says by [Progress]. Total is 0
	// if it says nothing.
	Done, Total int64

	// Result is set when the section has finished.
	Result *SectionResult
}

// EventKind says what happened.
type EventKind string

// The kinds of events. Each section has exactly one started and, unless the
// export fails, exactly one finished. A section that is run again has a restarted for each
// time: nothing is written then, and its next events count from 0.
const (
	SectionStarted   EventKind = "started"
	SectionAdvanced  EventKind = "advanced"
	SectionRestarted EventKind = "restarted"
	SectionFinished  EventKind = "finished"
)

// advanceEvery is the shortest time between two reports of a section's progress.
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
