package jobs

import (
	"context"
	"errors"
	"time"
)

const (
	removeEvery  = time.Hour
	removeAtOnce = 1000
)

// Remover is implemented by a [Store] from which ended jobs can be removed.
type Remover interface {
	// RemoveEnded removes up to limit jobs, those that ended first, and returns how many
	// it has removed. They ended longer ago than kept, by the clock of the store, and
	// nothing is to be deleted for them any more: their PurgeAt is zero. It is an error if
	// kept is not positive, and then nothing is removed. Several processes may call it at
	// once; each job is counted by one of them.
	RemoveEnded(ctx context.Context, kept time.Duration, limit int) (int64, error)
}

// keepRemoving removes ended jobs at once and from time to time, until ctx ends.
func (s *Service) keepRemoving(ctx context.Context) {
	store, ok := s.config.Store.(Remover)
	if !ok || s.config.JobsRetention < 0 {
		return
	}
	atOnceAndEvery(ctx, removeEvery, func() { s.removeEnded(ctx, store) })
}

// removeEnded removes all jobs that ended long ago.
func (s *Service) removeEnded(ctx context.Context, store Remover) {
	var all int64
	for ctx.Err() == nil {
		n, err := store.RemoveEnded(ctx, s.config.JobsRetention, removeAtOnce)
		all += n
		if err != nil && ctx.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
			s.config.Logger.ErrorContext(ctx, "old jobs not removed, to be tried again", "error", err)
		}
		if err != nil || n < removeAtOnce {
			break
		}
	}
	if all > 0 {
		s.config.Logger.InfoContext(ctx, "old jobs removed", "jobs", all)
	}
}
