package bunstore

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// beforePool is how many look-ups more than there are connections are let in, to
// wait where database/sql picks at random. With none the others would have every
// second turn, however many clients there are.
const beforePool = 16

// line is where look-ups wait that come in as large a number as there are
// clients. database/sql picks at random who gets a connection next, so that
// among many somebody waits for several times as long as the others. The line
// keeps their order. What is to be written about work that is done already, such
// as the lease of a job or an entry of the audit trail, does not stand in it and
// competes with few.
type line struct{ places *semaphore.Weighted }

// newLine is for a database of so many connections; 0 means that there is no
// limit, and nothing to wait for.
func newLine(conns int) line {
	if conns <= 0 {
		return line{}
	}
	return line{semaphore.NewWeighted(int64(conns) + beforePool)}
}

// enter waits until it is one's turn, or until ctx ends. leave must be called if
// it returns no error.
func (l line) enter(ctx context.Context) (leave func(), err error) {
	if l.places == nil {
		return func() {}, nil
	}
	if err := l.places.Acquire(ctx, 1); err != nil {
		return nil, context.Cause(ctx)
	}
	return func() { l.places.Release(1) }, nil
}
