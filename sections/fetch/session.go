package fetch

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

const (
	// maxDelay bounds the waits that grow.
	maxDelay = 10 * time.Second

	// maxGone is how many files of hosts that are down are skipped.
	maxGone = 100

	// maxHosts is about how many hosts are remembered.
	maxHosts = 4096
)

// Session fetches the files of one run of a section. It knows which hosts answer. It is safe for
// concurrent use.
type Session struct {
	source *Source

	mu       sync.Mutex
	hosts    map[string]*host
	answered int // hosts that have
	dead     int // hosts that never have, and were given up
	gone     int // files that were given up and for which no host has answered
}

// host is what is known of one, under the session's lock.
type host struct {
	name  string
	users int // files that are being fetched

	answers bool      // it has answered in this session
	answer  time.Time // when it did last
	silent  time.Time // since when it has not answered; zero if it does
	pause   time.Time // until when it wants to be left alone
	down    bool      // it is taken for down: its files are not waited for
	probe   time.Time // when the next of them may try it
}

// NewSession returns a Session.
func (s *Source) NewSession() *Session { return &Session{source: s, hosts: make(map[string]*host)} }

// Session returns [Session.Open] of a new one.
func (s *Source) Session() func(ctx context.Context, url string) (export.Content, error) {
	return s.NewSession().Open
}

// enter returns the host for a file.
func (s *Session) enter(name string) *host {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[name]
	if h == nil {
		h = &host{name: name}
		s.hosts[name] = h
	}
	h.users++
	return h
}

// leave ends that a file needs its host. Those that nobody needs are forgotten if they are many.
func (s *Session) leave(h *host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h.users--
	if h.users == 0 && !h.down && len(s.hosts) > maxHosts {
		delete(s.hosts, h.name)
	}
}

// answers notes that a host does.
func (s *Session) answers(h *host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !h.answers {
		h.answers = true
		s.answered++
	}
	h.answer, h.silent, h.down = time.Now(), time.Time{}, false
}

// due returns how long a file has to wait before its host may be asked. It reports false if the
// host is down.
func (s *Session) due(h *host) (delay time.Duration, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if h.down {
		if now.Before(h.probe) {
			return 0, false
		}
		h.probe = now.Add(maxDelay) // one file for all
	}
	if delay = h.pause.Sub(now); delay > 0 {
		delay += rand.N(s.source.config.RetryDelay + 1) // so that not all come back at once
	}
	return delay, true
}

// failed notes a failure of a file, and returns after what time it is tried again, or why it is
// not.
func (s *Session) failed(f *file, why *failure) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, h, now := &s.source.config, f.host, time.Now()
	if h.silent.IsZero() {
		h.silent = now
	}
	answered := !h.answer.Before(f.failed) // in the meantime, for this file or another
	f.failed = now
	if h.down {
		return 0, s.goneLocked(f, why)
	}
	f.tries++
	silence, patience := now.Sub(h.silent), s.patienceLocked(h)
	delay := max(c.backoff(f.tries), min(silence/4, maxDelay))
	giveUp := false
	switch {
	case why.after > c.Patience: // nobody waits so long, and the other files ask for themselves
		giveUp = answered || f.tries > c.Retries
	case why.after > 0:
		delay = max(delay, why.after)
		h.pause = later(h.pause, now.Add(why.after))
		giveUp = now.Add(delay).Sub(f.began) > c.Patience
	case f.tries <= c.Retries && (patience == c.Patience || max(silence, now.Sub(f.began)) <= patience):
	case answered:
		giveUp = true
	case why.isItsOwn():
		return 0, s.goneLocked(f, why)
	default: // it has as many tries again once the host is back
		f.tries = 0
		giveUp = silence+delay > patience
	}
	switch {
	case !giveUp:
		return delay, nil
	case answered:
		return 0, why.final("")
	}
	h.down, h.probe = true, now
	if !h.answers {
		s.dead++
	}
	return 0, s.goneLocked(f, why)
}

// patienceLocked is for how long a host is asked. If it has never answered while others do, it
// gets the less of it the more such hosts there were: of ten thousand addresses of long ago
// hundreds are of nobody any more, and each would take as long as one that is down for a minute.
func (s *Session) patienceLocked(h *host) time.Duration {
	if h.answers || s.answered == 0 {
		return s.source.config.Patience
	}
	return s.source.config.Patience / time.Duration(1+s.dead)
}

// goneLocked returns the error of a file for which its host does not answer: the fault of the
// machine, unless some host has answered and these files are few, or the section would not be run
// again.
func (s *Session) goneLocked(f *file, why *failure) error {
	if s.gone++; s.answered > 0 && (s.gone <= maxGone || export.IsLastRun(f.ctx)) {
		return why.final("")
	}
	e := why.final(export.FaultConnection)
	e.none = s.answered == 0
	return e
}

// skip returns the error of a file that is not tried, because its host is down.
func (s *Session) skip(f *file) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goneLocked(f, &failure{err: errDown})
}

// backoff is what passes before a file is tried again after so many failures.
func (c *Config) backoff(failures int) time.Duration {
	delay := c.RetryDelay
	for range failures - 1 {
		delay = min(4*delay, maxDelay)
	}
	return delay + rand.N(delay/2+1)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
