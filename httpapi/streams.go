package httpapi

import (
	"sync"
	"time"
)

// StreamLimits are how many streams of events clients may have open at once in a process. A
// request for one more has status 429; polls go on. Zero means the default, and a negative
// number no limit.
type StreamLimits struct {
	// PerPrincipal is how many a key, session or subject may have. Defaults to 10.
	PerPrincipal int

	// Total is how many all of them may have. Defaults to 1,000.
	Total int
}

// streamRetry is how long a client that may have no more streams is asked to wait.
const streamRetry = 10 * time.Second

// streams counts the streams that are open.
type streams struct {
	mu    sync.Mutex
	total int
	of    map[string]int // by principal
}

// open counts a stream of a principal. refusal is the text for a client that may have no
// more, else empty; then the caller must call done once.
func (s *streams) open(name string, limits StreamLimits) (done func(), refusal string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case limits.PerPrincipal >= 0 && s.of[name] >= limits.PerPrincipal:
		return nil, detailStreams
	case limits.Total >= 0 && s.total >= limits.Total:
		return nil, detailAllStreams
	}
	if s.of == nil {
		s.of = make(map[string]int)
	}
	s.total++
	s.of[name]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.total--
		if s.of[name]--; s.of[name] == 0 {
			delete(s.of, name)
		}
	}, ""
}

// openStream counts a stream of a principal, and returns an error if it may have no more.
func (a *api) openStream(name string) (done func(), err error) {
	done, refusal := a.streams.open(name, a.config.Streams)
	if refusal == "" {
		return done, nil
	}
	if a.config.OnLimit != nil {
		a.config.OnLimit("stream:" + name)
	}
	return nil, a.tooMany(refusal, streamRetry)
}
