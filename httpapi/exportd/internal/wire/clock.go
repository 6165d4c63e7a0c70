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

	// clockNoise is how long an answer may take that tells the time well enough.
	clockNoise = time.Second

	// clockWarning is how wrong the clock of a machine is that somebody should set.
	clockWarning = 5 * time.Second
)

// clock is that of the jobs database. Links, keys and sessions are used on other
// nodes than those that made them, and jobs expire by the database's clock: a
// machine whose own clock is wrong must not make a difference.
type clock struct {
	store  *bunstore.Store
	local  func() time.Time
	ahead  atomic.Int64 // nanoseconds that the database is ahead of local
	logger *slog.Logger
}

// openClock asks the database for the time. The machine's clock is local.
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

// set asks the database for the time: what it says is of the middle of the time
// that it takes. What it says after a longer time than noise is not used.
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
