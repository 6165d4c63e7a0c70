package bunstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/semaphore"
)

// beforePool is how many look-ups may wait in the pool of database/sql, which lets
// them out in random order. Without them other work would get every second
// connection, however many clients there are.
const beforePool = 16

// line makes look-ups wait in the order in which they came. There are as many of
// them as there are clients, and database/sql gives a free connection to any of
// those that wait for one: some would wait several times as long as others. Writes
// about work that is done already, such as the renewal of a lease or an audit entry,
// do not stand in line, and compete with few look-ups only.
type line struct{ places *semaphore.Weighted }

// newLine returns the line of a database with so many connections. 0 means that
// there is no limit, and nobody waits.
func newLine(conns int) line {
	if conns <= 0 {
		return line{}
	}
	return line{semaphore.NewWeighted(int64(conns) + beforePool)}
}

// lookUpLimit is how long a look-up may take, with the wait for a place and for a
// connection. Whoever waits for the answer has given up by then.
const lookUpLimit = 10 * time.Second

// enter waits for a place. If it returns no error, leave must be called, and the look-up
// uses the context that it returns, which ends after lookUpLimit.
func (l line) enter(ctx context.Context) (_ context.Context, leave func(), err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookUpLimit, errSlow)
	if l.places == nil {
		return ctx, cancel, nil
	}
	if err := l.places.Acquire(ctx, 1); err != nil {
		defer cancel()
		return nil, nil, context.Cause(ctx)
	}
	return ctx, func() {
		l.places.Release(1)
		cancel()
	}, nil
}

// slow returns the error of a look-up, which matches errSlow if its time was over.
func slow(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errSlow) {
		return fmt.Errorf("%w: %w", errSlow, err)
	}
	return err
}
