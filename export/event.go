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

	sealed *sealedResult // of a shard that has finished
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
	split   map[string]*splitSection // the sections that have several shards
}

// splitSection is what the shards of a section have reported.
type splitSection struct {
	shards int
	last   map[int]Event // of each shard that has begun
}

// splits says how many shards a section has.
func (r *reporter) splits(section string, shards int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if shards > 1 {
		r.split[section] = &splitSection{shards, make(map[int]Event)}
	}
}

// of returns what reports a shard, or nil if nobody observes.
func (r *reporter) of(s Shard) func(Event) {
	if r.observe == nil {
		return nil
	}
	return func(e Event) { r.report(s, e) }
}

func (r *reporter) report(s Shard, e Event) {
	if r.observe == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if split := r.split[s.Section]; split != nil && s.Range != "" {
		e = split.add(s.Number, e)
	}
	r.observe(e)
}

// add returns the event of the section that follows from one of a shard.
func (s *splitSection) add(shard int, e Event) Event {
	first := len(s.last) == 0
	s.last[shard] = e
	all := Event{Kind: SectionAdvanced, Section: e.Section}
	var results []sealedResult
	for i := range s.shards {
		last := s.last[i]
		all.Records += last.Records
		all.Binaries += last.Binaries
		all.Bytes += last.Bytes
		all.Done += last.Done
		all.Total += last.Total
		if last.sealed != nil {
			results = append(results, *last.sealed)
		}
	}
	switch {
	case first:
		all.Kind = e.Kind
	case len(results) == s.shards:
		result := mergeResults(results)
		all.Kind, all.Result = SectionFinished, &result
	}
	return all
}
