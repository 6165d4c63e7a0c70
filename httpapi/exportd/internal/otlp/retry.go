package otlp

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// How long to wait before a try, in the mean, and how long all tries may take: the numbers
// of OpenTelemetry's own exporters for Go.
const (
	firstWait   = 5 * time.Second
	longestWait = 30 * time.Second
	patience    = time.Minute
)

// transientError is one after which the same request may be sent again.
type transientError struct {
	error
	after time.Duration // that the collector wants
}

// Unwrap returns the cause.
func (e *transientError) Unwrap() error { return e.error }

// persist calls try until it succeeds, or fails for good, or there is no time left for the
// next try. "This retry strategy MUST implement an exponential back-off with jitter" (the
// exporter, "Retry"), and the interval of Retry-After is honoured (the protocol, "OTLP/HTTP
// Throttling").
func (c *Client) persist(ctx context.Context, try func() error) error {
	began := time.Now()
	for mean := firstWait; ; mean = min(mean+mean/2, longestWait) {
		err := try()
		again, ok := errors.AsType[*transientError](err)
		if !ok {
			return err
		}
		wait := max(again.after, jitter(mean))
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return fmt.Errorf("no time to try again: %w", err)
		}
		if wait > patience-time.Since(began) { // and not the sum, which may overflow
			return fmt.Errorf("no time to try again: %w", err)
		}
		if ended := c.wait(ctx, wait); ended != nil {
			return fmt.Errorf("%w: %w", ended, err)
		}
	}
}

// jitter returns half to one and a half of a duration.
func jitter(mean time.Duration) time.Duration { return mean/2 + rand.N(mean) }

// errHurried is why a request is not sent again.
var errHurried = errors.New("not tried again before the end")

// wait waits, unless ctx ends or there is a hurry.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.hurry:
		return errHurried
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
