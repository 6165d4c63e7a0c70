package wire

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
)

const (
	clockEvery   = time.Minute
	clockTimeout = 5 * time.Second

	// clockNoise is how long an answer may take to tell the time well enough.
	clockNoise = time.Second

	// clockWarning is how wrong the clock of a machine may be without a warning.
	clockWarning = 5 * time.Second
)

// clock is the clock of the jobs database. Links, keys and sessions that one node
// has made are used on others, and jobs expire by the database's clock: so it does
// not matter if the clock of a machine is wrong.
type clock struct {
	store  *bunstore.Store
	local  func() time.Time
	ahead  atomic.Int64 // nanoseconds that the database is ahead of local
	logger *slog.Logger
}

// openClock asks the database for the time. local is the machine's clock; nil means
// [time.Now].
func openClock(ctx context.Context, store *bunstore.Store, local func() time.Time, logger *slog.Logger) (*clock, error) {
	if local == nil {
		local = time.Now
	}
	c := &clock{store: store, local: local, logger: logger}
	return c, c.set(ctx, clockTimeout)
}

// Now is the time.
func (c *clock) Now() time.Time { return c.local().Add(time.Duration(c.ahead.Load())) }

// run keeps the clock right until ctx ends.
func (c *clock) run(ctx context.Context) {
	every(ctx, clockEvery, func() {
		if err := c.set(ctx, clockNoise); err != nil && ctx.Err() == nil {
			c.logger.WarnContext(ctx, "the clock of the jobs database is not known", "error", err)
		}
	})
}

// set asks the database for the time. The answer is taken for the time half-way
// between question and answer. An answer that takes longer than noise is not used.
func (c *clock) set(ctx context.Context, noise time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, clockTimeout)
	defer cancel()
	asked, began := c.local(), time.Now()
	there, err := c.store.Now(ctx)
	took := time.Since(began)
	if err != nil || took > noise {
		return err
	}
	was, ahead := time.Duration(c.ahead.Load()), there.Sub(asked.Add(took/2))
	c.ahead.Store(int64(ahead))
	if ahead.Abs() > clockWarning && (ahead-was).Abs() > time.Second {
		c.logger.WarnContext(ctx, "the clock of this machine is wrong; that of the jobs database is used", "ahead", ahead.Round(time.Millisecond))
	}
	return nil
}
