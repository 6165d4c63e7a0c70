package oidc

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	minBackoff = time.Second
	maxBackoff = time.Minute

	// Tokens with unknown keys make the keyring ask the provider this many times in a
	// row, and then once in this time.
	unknownBurst = 5
	unknownEvery = 10 * time.Second
)

// keyring keeps the provider's keys and decides when to ask for them. It is safe for
// concurrent use, and makes one request at a time.
type keyring struct {
	fetch        func(context.Context) ([]key, error)
	timeout      time.Duration
	refreshEvery time.Duration
	now          func() time.Time
	log          *slog.Logger

	mu       sync.Mutex
	known    keys
	flights  uint64  // that were started so far
	flight   *flight // the one under way, or nil
	failures int     // since the last success
	retryAt  time.Time
	lastErr  error  // of the last failure
	unknown  budget // for tokens with unknown keys
}

// keys are the provider's keys at one time.
type keys struct {
	keys   []key
	flight uint64 // number of the flight that brought them; 0: none did
	at     time.Time
}

// flight is a request for keys. Several tokens may wait for it.
type flight struct {
	number uint64
	done   chan struct{} // closed when the keyring has the answer
	err    error         // set before done is closed
}

// mark returns the number of the last flight so far. Later ones have greater numbers.
func (r *keyring) mark() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flights
}

// current returns keys that are younger than RefreshEvery, or older ones if the provider
// is down. The error matches [ErrUnavailable].
func (r *keyring) current(ctx context.Context) (keys, error) {
	r.mu.Lock()
	have, now := r.known, r.now()
	usable := len(have.keys) > 0
	if usable && now.Sub(have.at) < r.refreshEvery {
		r.mu.Unlock()
		return have, nil
	}
	if r.flight == nil && now.Before(r.retryAt) {
		defer r.mu.Unlock()
		if usable {
			return have, nil
		}
		return keys{}, unavailable(r.lastErr)
	}
	f := r.join(ctx)
	failing := r.failures > 0
	r.mu.Unlock()

	if usable && failing {
		return have, nil // a token does not wait for a provider that failed last time
	}
	err := wait(ctx, f)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known.keys) > 0 {
		return r.known, nil
	}
	if err == nil {
		err = r.lastErr
	}
	return keys{}, unavailable(err)
}

// newer returns the keys of a flight later than number seen. It reports false if that
// needs a new flight, and there were too many lately. The error matches
// [ErrUnavailable].
func (r *keyring) newer(ctx context.Context, seen uint64) (keys, bool, error) {
	r.mu.Lock()
	now := r.now()
	switch {
	case r.known.flight > seen:
		defer r.mu.Unlock()
		return r.known, true, nil
	case r.flight != nil:
	case now.Before(r.retryAt):
		defer r.mu.Unlock()
		return keys{}, false, unavailable(r.lastErr)
	case !r.unknown.take(now):
		defer r.mu.Unlock()
		return keys{}, false, nil
	}
	f := r.join(ctx)
	r.mu.Unlock()

	if err := wait(ctx, f); err != nil {
		return keys{}, false, unavailable(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known, true, nil
}

// join returns the flight that is under way, or starts one. The caller holds r.mu.
func (r *keyring) join(ctx context.Context) *flight {
	if r.flight == nil {
		r.flights++
		r.flight = &flight{number: r.flights, done: make(chan struct{})}
		// It does not end with the request that started it: others may wait for it.
		go r.fly(context.WithoutCancel(ctx), r.flight)
	}
	return r.flight
}

// fly asks the provider for keys and ends the flight.
func (r *keyring) fly(ctx context.Context, f *flight) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	got, err := r.fetch(ctx)

	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if err == nil {
		// A provider without keys has retired them all.
		r.known = keys{keys: got, flight: f.number, at: now}
		if len(got) == 0 {
			err = errors.New("keys: none that can be used")
		}
	}
	if err != nil {
		err = shorten(err)
		backoff := min(minBackoff<<min(r.failures, 10), maxBackoff)
		r.failures++
		r.retryAt, r.lastErr = now.Add(backoff), err
		r.log.WarnContext(ctx, "the OpenID provider's keys could not be had",
			"error", err, "failures", r.failures, "retry_in", backoff, "known_keys", len(r.known.keys))
	} else {
		if r.failures > 0 {
			r.log.InfoContext(ctx, "the OpenID provider's keys can be had again", "failures", r.failures)
		}
		r.failures, r.retryAt, r.lastErr = 0, time.Time{}, nil
	}
	f.err = err
	r.flight = nil
	close(f.done)
}

// wait waits for the end of a flight or of ctx, and returns its error or cause.
func wait(ctx context.Context, f *flight) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// budget allows unknownBurst events in a row, and then one every unknownEvery. Its zero
// value is ready for use.
type budget struct {
	full time.Time // when unknownBurst events in a row are possible again
}

// take reports whether an event is allowed now, and counts it.
func (b *budget) take(now time.Time) bool {
	if b.full.Before(now) {
		b.full = now
	}
	if b.full.Sub(now) > (unknownBurst-1)*unknownEvery {
		return false
	}
	b.full = b.full.Add(unknownEvery)
	return true
}

// shorten returns an error with the text of err, cut to a length that does not fill the
// log: a provider may have written it. It matches no other error: if a request for keys
// timed out, the caller's context has not.
func shorten(err error) error {
	const most = 300
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return errors.New(text)
}
