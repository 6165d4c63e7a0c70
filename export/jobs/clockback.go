package jobs

import (
	"context"
	"errors"
	"time"
)

// mendEvery is how often leases are looked for that end too late. A job whose worker was
// lost, too, waits for as long at most.
const mendEvery = time.Minute

// LeaseLister is implemented by a [Store] that finds leases which end too late, because
// its clock was put back.
type LeaseLister interface {
	// LeasesBeyond returns up to limit jobs in flight whose LeaseUntil is more than ahead
	// after the time of the store's clock: first those that are not PutOff, and of these
	// first those that end last.
	LeasesBeyond(ctx context.Context, ahead time.Duration, limit int) ([]Job, error)
}

// keepMending mends leases at once and from time to time, until ctx ends.
func (s *Service) keepMending(ctx context.Context) {
	store, ok := s.config.Store.(LeaseLister)
	if !ok {
		return
	}
	atOnceAndEvery(ctx, mendEvery, func() {
		err := s.mendLeases(ctx, store)
		if err != nil && ctx.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
			s.config.Logger.ErrorContext(ctx, "leases not looked at, to be tried again", "error", err)
		}
	})
}

// mendLeases shortens leases that no clock can have given.
func (s *Service) mendLeases(ctx context.Context, store LeaseLister) error {
	list, err := store.LeasesBeyond(ctx, 2*s.config.Lease, reapAtOnce)
	if err != nil {
		return err
	}
	var errs []error
	mended := 0
	for _, job := range list {
		switch _, _, err := s.update(ctx, job.ID, s.rules.shorten); {
		case err == nil:
			mended++
		case !errors.Is(err, errNothingToDo):
			errs = append(errs, err)
		}
	}
	if mended > 0 {
		s.config.Logger.WarnContext(ctx, "the clock of the jobs database was put back", "jobs", mended)
	}
	return errors.Join(errs...)
}
