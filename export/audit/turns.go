package audit

import "context"

// turns is a lock for which nobody waits longer than a context. Make it with newTurns.
type turns chan struct{}

func newTurns() turns { return make(turns, 1) }

// take waits for the lock. If it returns nil, give must be called.
func (t turns) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (t turns) give() { <-t }
