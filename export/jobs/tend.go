package jobs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"
)

// reapAtOnce is how many jobs one look for stale ones takes.
const reapAtOnce = 100

// Tend looks after the jobs that nobody looks after, until ctx ends: it
// dispatches those again whose worker or task was lost, deletes what has been kept
// long enough and, from time to time, what is left over (see [Service.Sweep]).
// Every node calls it; they do not get in each other's way.
func (s *Service) Tend(ctx context.Context) {
	var sweeping sync.WaitGroup
	defer sweeping.Wait()
	sweeping.Go(func() { s.keepSweeping(ctx) }) // which may take minutes
	tick := time.NewTicker(s.config.ReapEvery)
	defer tick.Stop()
	for {
		more, err := s.reap(ctx)
		if err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "stale jobs not looked after", "error", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue // what has piled up would push out what is due next
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Reap looks once for jobs that nobody looks after, of which there may be more
// than it takes; see [Service.Tend].
func (s *Service) Reap(ctx context.Context) error {
	_, err := s.reap(ctx)
	return err
}

// reap also tells whether there may be more.
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
			err = s.purge(ctx, job.ID)
		}
		errs = append(errs, err)
	}
	return len(list) == reapAtOnce, errors.Join(errs...)
}

// rescue dispatches a job in flight whose lease is over.
func (s *Service) rescue(ctx context.Context, jobID string) error {
	var lost string
	job, err := s.config.Store.Update(ctx, jobID, func(now time.Time, j *Job) error {
		if !j.Status.InFlight() || now.Before(j.LeaseUntil) {
			return errNothingToDo
		}
		if lost = j.LeaseOwner; j.Status == Processing {
			if s.countFailure(now, j); !j.Status.InFlight() {
				return nil
			}
		}
		j.Status = Pending
		j.LeaseOwner, j.LeaseUntil, j.PutOff = "", now.Add(s.config.Lease), false
		return nil
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	if lost != "" {
		s.log(job).WarnContext(ctx, "worker lost", "node", lost, "failures", job.Failures)
		s.tell(ctx, Event{Step: StepWorkerLost, Job: job})
	}
	if !job.Status.InFlight() {
		s.tell(ctx, Event{Step: StepFailed, Job: job})
		return nil
	}
	s.dispatch(ctx, job)
	return nil
}

// Deletion is what [Service.Delete] did.
type Deletion string

// What a deletion did.
const (
	NothingDeleted Deletion = ""          // there was nothing left to do
	Cancelled      Deletion = "cancelled" // the job was in flight and has failed now
	Purged         Deletion = "purged"    // the archive is gone
)

// Delete cancels a job that is in flight, and deletes the archive of one that is
// completed. It may be repeated. The error matches [export.ErrNotFound] if the
// organization has no such job.
func (s *Service) Delete(ctx context.Context, organizationID, jobID string) (Deletion, error) {
	if _, err := s.config.Store.Get(ctx, organizationID, jobID); err != nil {
		return NothingDeleted, err
	}
	var done Deletion
	job, err := s.config.Store.Update(ctx, jobID, func(now time.Time, j *Job) error {
		done = NothingDeleted
		switch {
		case j.Status.InFlight():
			done = Cancelled
			s.finish(now, j, "The export was cancelled.")
			// Its worker may go on until its lease would have ended.
			j.PurgeAt = now.Add(2 * s.config.Lease)
		case j.ObjectKey != "":
			done = Purged
			j.ObjectKey, j.ExpiresAt, j.PurgeAt = "", now, now
		default:
			return errNothingToDo
		}
		return nil
	})
	if err != nil && !errors.Is(err, errNothingToDo) {
		return NothingDeleted, err
	}
	switch done {
	case Cancelled:
		s.tell(ctx, Event{Step: StepCancelled, Job: job})
		s.cancel(ctx, job)
	case Purged:
		if err := s.purge(ctx, jobID); err != nil {
			s.config.Logger.ErrorContext(ctx, "archive not deleted, to be tried again", "job", jobID, "error", err)
		}
	}
	return done, nil
}

// cancel ends the work on a job that has ended. If it is done elsewhere and that
// process cannot be told, it ends with the next heartbeat.
func (s *Service) cancel(ctx context.Context, job Job) {
	for l := range s.leases(job.ID) {
		l.cancel(errEnded)
	}
	if c, ok := s.config.Dispatcher.(Canceller); ok {
		if err := c.Cancel(ctx, job.ID); err != nil {
			s.log(job).WarnContext(ctx, "workers not told that the job was cancelled", "error", err)
		}
	}
}

// Cancelled tells that a job has been cancelled by another process. Work on it
// here, if there is any, ends as soon as the store says so too: it is asked at
// once.
func (s *Service) Cancelled(jobID string) {
	for l := range s.leases(jobID) {
		select {
		case l.look <- struct{}{}:
		default: // it is about to look
		}
	}
}

// leases are those of a job that this process has; two in a moment at most.
func (s *Service) leases(jobID string) iter.Seq[*lease] {
	return func(yield func(*lease) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for l := range s.running {
			if l.jobID == jobID && !yield(l) {
				return
			}
		}
	}
}

// purge deletes what is no longer kept for a job that has ended: its parts and,
// at the end of its retention, its archive. Links end before their archive does,
// and the row says what is to go before it goes, so that a crash in between
// leaves nothing behind for long.
func (s *Service) purge(ctx context.Context, jobID string) error {
	job, err := s.config.Store.Update(ctx, jobID, func(now time.Time, j *Job) error {
		if j.Status.InFlight() || j.PurgeAt.IsZero() || now.Before(j.PurgeAt) {
			return errNothingToDo
		}
		if !now.Before(j.ExpiresAt) {
			j.ObjectKey = ""
		}
		j.Parts = nil
		j.PurgeAt = now.Add(s.config.Lease) // again, if this comes to nothing
		return nil
	})
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.deleteParts(ctx, job)
	if err := errors.Join(err, s.deleteArchives(ctx, job, job.ObjectKey)); err != nil {
		return err
	}
	job, err = s.config.Store.Update(ctx, jobID, func(_ time.Time, j *Job) error {
		j.PurgeAt = time.Time{}
		if j.ObjectKey != "" {
			j.PurgeAt = j.ExpiresAt
		}
		return nil
	})
	if err == nil && job.Status == Completed && job.ObjectKey == "" {
		s.tell(ctx, Event{Step: StepPurged, Job: job})
	}
	return err
}

// deleteParts deletes all parts that the job has made but those in its row, and
// returns how many; those of other jobs that it used are theirs.
func (s *Service) deleteParts(ctx context.Context, job Job) (n int, err error) {
	ids, err := s.spool().List(ctx, job.ID)
	n, deleteErr := deleteBut(ctx, ids, job.Parts, s.spool().Delete)
	return n, errors.Join(err, deleteErr)
}

// deleteArchives deletes the archives of all attempts at a job but one.
func (s *Service) deleteArchives(ctx context.Context, job Job, keep string) error {
	keys, err := s.config.Destination.List(ctx, objectPrefix(job))
	_, deleteErr := deleteBut(ctx, keys, []string{keep}, s.config.Destination.Delete)
	return errors.Join(err, deleteErr)
}

// deleteBut deletes what is not to be kept, and returns how many that were.
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
