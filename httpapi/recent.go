package httpapi

import (
	"context"
	"sync"
	"time"
)

// recent keeps what a function has found for a while, and lets it run once at a time,
// however many ask. The zero value is ready for use.
type recent[T any] struct {
	mu      sync.Mutex
	found   T
	at      time.Time     // when it was found, zero if never
	running chan struct{} // closed when the call that runs has ended; nil if none does
}

// get returns what find has found at most age ago. It calls find if that is older, or waits
// for the call of another. The error is that of ctx, which ended first.
func (r *recent[T]) get(ctx context.Context, age time.Duration, find func() T) (T, error) {
	for {
		r.mu.Lock()
		if !r.at.IsZero() && time.Since(r.at) <= age {
			defer r.mu.Unlock()
			return r.found, nil
		}
		if r.running == nil {
			r.running = make(chan struct{})
			r.mu.Unlock()
			return r.call(find), nil
		}
		running := r.running
		r.mu.Unlock()
		select {
		case <-running: // if it has panicked, the next one calls
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}

func (r *recent[T]) call(find func() T) (found T) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		close(r.running)
		r.running = nil
	}()
	found = find()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found, r.at = found, time.Now()
	return found
}
