// Package rarely keeps a question from being asked too often.
package rarely

import (
	"context"
	"sync"
	"time"
)

// every is how long an answer is good for.
const every = 5 * time.Second

// Check asks a question no more often than every five seconds. Its zero value is ready for use.
// It is safe for concurrent use.
type Check struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// Do returns what ask returns, or has returned less than five seconds ago.
func (c *Check) Do(ctx context.Context, ask func(context.Context) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.at.IsZero() && time.Since(c.at) < every {
		return c.err
	}
	err := ask(ctx)
	if ctx.Err() == nil { // else it is the caller who has gone
		c.at, c.err = time.Now(), err
	}
	return err
}
