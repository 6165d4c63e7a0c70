package jobs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// reapAtOnce is how many stale jobs one query returns.
const reapAtOnce = 100

// Maintain does for all jobs what is due, until ctx ends. It dispatches a job again
// whose worker or task was lost, deletes parts and archives at the end of their
// retention, sweeps from time to time (see [Service.Sweep]), removes jobs that ended
// long ago, and shortens leases that end too late because the clock of the store was put
// back. [Service.Run] calls it. Every node does, and the nodes do not disturb each other.
func (s *Service) Maintain(ctx context.Context) {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	sweeping.Go(func() { s.keepSweeping(ctx) }) // a sweep may take minutes
	sweeping.Go(func() { s.keepRemoving(ctx) })
	sweeping.Go(func() { s.keepMending(ctx) })
	tick := time.NewTicker(s.config.ReapEvery)
	defer tick.Stop()
	for {
		more, err := s.reap(ctx)
		if err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "stale jobs not looked after", "error", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue // a backlog must not delay what is due next
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// atOnceAndEvery calls do at once and then at this interval, until ctx ends.
func atOnceAndEvery(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Reap does once what [Service.Maintain] does again and again, but for sweeping. It
// handles a limited number of jobs; more may be due.
func (s *Service) Reap(ctx context.Context) error {
	_, err := s.reap(ctx)
	return err
}

// reap is Reap, and reports whether more may be due.
func (s *Service) reap(ctx context.Context) (more bool, err error) {
	list, err := s.config.Store.Stale(ctx, reapAtOnce)
	if err != nil {
		return false, err
	}
	var errs []error
	for _, job := range list {
		if job.Status.InFlight() {
			err = s.rescue(ctx, job.ID)
		} else {
			err = s.purge(ctx, job)
		}
		errs = append(errs, err)
	}
	return len(list) == reapAtOnce, errors.Join(errs...)
}

// rescue dispatches a job in flight again when its lease is over.
func (s *Service) rescue(ctx context.Context, jobID string) error {
	var owner string
	job, steps, err := s.update(ctx, jobID, func(now time.Time, j *Job) ([]Step, error) {
		owner = j.LeaseOwner
		return s.rules.rescue(now, j)
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	if slices.Contains(steps, StepWorkerLost) {
		s.log(job).WarnContext(ctx, "worker lost", "node", owner, "failures", job.Failures)
	}
	s.tell(ctx, job, steps)
	if job.Status.InFlight() {
		s.dispatch(ctx, job)
	}
	return nil
}

// purge deletes the parts of an ended job and, at the end of its retention, its
// archive. The row says first what is deleted, so that a crash in between leaves
// nothing behind for long; see updateDeleting for a full disk. Parts that a retry uses stay
// for now, and the job is due again.
func (s *Service) purge(ctx context.Context, job Job) error {
	inUse, err := s.partsInUse(ctx, job)
	if err != nil {
		return err
	}
	job, _, err = s.updateDeleting(ctx, job.ID, s.rules.beginPurge(inUse))
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(job.Parts) > 0 && job.ObjectKey != "" {
		return nil
	}
	_, err = s.deleteParts(ctx, job)
	if err := errors.Join(err, s.deleteArchives(ctx, job, job.ObjectKey)); err != nil || len(job.Parts) > 0 {
		return err
	}
	job, steps, err := s.update(ctx, job.ID, s.rules.endPurge)
	if err == nil {
		s.tell(ctx, job, steps)
	}
	return err
}

// deleteParts deletes the parts of a job that are not in its row, and returns how
// many it deleted. Parts of other jobs, which a retry uses, are left alone.
func (s *Service) deleteParts(ctx context.Context, job Job) (n int, err error) {
	ids, err := s.spool().List(ctx, job.ID)
	n, deleteErr := deleteBut(ctx, ids, job.Parts, s.spool().Delete)
	return n, errors.Join(err, deleteErr)
}

// deleteArchives deletes the archives of all attempts at a job except keep.
func (s *Service) deleteArchives(ctx context.Context, job Job, keep string) error {
	keys, err := s.config.Destination.List(ctx, objectPrefix(job))
	_, deleteErr := deleteBut(ctx, keys, []string{keep}, s.config.Destination.Delete)
	return errors.Join(err, deleteErr)
}

// deleteBut deletes all ids that are not in keep, and returns how many it deleted.
func deleteBut[K comparable](ctx context.Context, all, keep []K, del func(context.Context, K) error) (n int, err error) {
	for _, id := range all {
		if slices.Contains(keep, id) {
			continue
		}
		if failure := del(ctx, id); failure != nil {
			err = errors.Join(err, failure)
		} else {
			n++
		}
	}
	return n, err
}
