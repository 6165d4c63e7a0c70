package jobs

import (
	"context"
	"errors"
	"time"
)

// Stats is how busy a [Store] is. Only jobs in flight are counted: those that
// have ended are many, and stay.
type Stats struct {
	Pending    int64
	Processing int64

	// Oldest is how long ago, by the clock of the store, the oldest job that is
	// pending was created. It is 0 if none is.
	Oldest time.Duration
}

// Statser is implemented by a Store that can tell how busy it is, by a question
// that is cheap however many jobs it has.
type Statser interface {
	// Stats counts the jobs of all organizations.
	Stats(ctx context.Context) (Stats, error)
}

// StatsOf returns how busy a store is. The error matches
// [errors.ErrUnsupported] if it is no [Statser].
func StatsOf(ctx context.Context, store Store) (Stats, error) {
	if s, ok := store.(Statser); ok {
		return s.Stats(ctx)
	}
	return Stats{}, errors.ErrUnsupported
}
