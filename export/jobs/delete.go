package jobs

import (
	"context"
	"errors"
	"iter"
	"slices"
)

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
	job, steps, err := s.update(ctx, jobID, s.rules.remove)
	switch {
	case errors.Is(err, errNothingToDo):
		return NothingDeleted, nil
	case err != nil:
		return NothingDeleted, err
	}
	s.tell(ctx, job, steps)
	if slices.Contains(steps, StepCancelled) {
		s.cancel(ctx, job)
		return Cancelled, nil
	}
	if err := s.purge(ctx, jobID); err != nil {
		s.config.Logger.ErrorContext(ctx, "archive not deleted, to be tried again", "job", jobID, "error", err)
	}
	return Purged, nil
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
		case l.renewNow <- struct{}{}:
		default: // it is about to
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
