package jobs

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"
)

// Deletion says what [Service.Delete] did.
type Deletion string

// The kinds of deletion.
const (
	NothingDeleted Deletion = ""          // the job had ended and had no archive
	Cancelled      Deletion = "cancelled" // the job was in flight and has failed now
	Purged         Deletion = "purged"    // the archive was deleted
)

// StatusError says that a job is not in a state for what was asked of it.
type StatusError struct {
	Status Status // of the job
}

func (e *StatusError) Error() string { return "jobs: the job is " + string(e.Status) }

// Delete cancels a job in flight, and deletes the archive of a completed job and its parts;
// those that a retry in flight uses are deleted once that has ended. It may be repeated. The
// error matches [export.ErrNotFound] if the organization has no such job.
func (s *Service) Delete(ctx context.Context, organizationID, jobID string) (Deletion, error) {
	return s.remove(ctx, organizationID, jobID, s.rules.remove)
}

// Cancel is [Service.Delete] of a job in flight. The error is a [*StatusError] if the job has
// ended, also if it did so a moment ago: no archive is deleted then.
func (s *Service) Cancel(ctx context.Context, organizationID, jobID string) error {
	_, err := s.remove(ctx, organizationID, jobID, onlyIf(Status.InFlight, s.rules.remove))
	return err
}

// Purge is [Service.Delete] of a job that has ended. The error is a [*StatusError] if it has
// not: nothing is cancelled then.
func (s *Service) Purge(ctx context.Context, organizationID, jobID string) (Deletion, error) {
	ended := func(status Status) bool { return !status.InFlight() }
	return s.remove(ctx, organizationID, jobID, onlyIf(ended, s.rules.remove))
}

// onlyIf is a rule for jobs of some statuses.
func onlyIf(is func(Status) bool, rule transition) transition {
	return func(now time.Time, j *Job) ([]Step, error) {
		if !is(j.Status) {
			return nil, &StatusError{j.Status}
		}
		return rule(now, j)
	}
}

// remove is Delete by a rule.
func (s *Service) remove(ctx context.Context, organizationID, jobID string, rule transition) (Deletion, error) {
	job, err := s.config.Store.Get(ctx, organizationID, jobID)
	if err != nil {
		return NothingDeleted, err
	}
	inUse, err := s.partsInUse(ctx, job)
	if err != nil {
		return NothingDeleted, err
	}
	job, steps, err := s.updateDeleting(ctx, jobID, rule, s.rules.beginPurge(inUse))
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
	if err := s.purge(ctx, job); err != nil {
		s.config.Logger.ErrorContext(ctx, "archive not deleted, to be tried again", "job", jobID, "error", err)
	}
	return Purged, nil
}

// cancel stops the worker of a job that was cancelled. A worker in another process
// that cannot be told stops with its next heartbeat.
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

// Cancelled is called when another process has cancelled a job: see [Listener]. If
// this process exports the job, it asks the store at once and stops if the job has
// ended. A wrong call does no harm.
func (s *Service) Cancelled(jobID string) {
	for l := range s.leases(jobID) {
		select {
		case l.renewNow <- struct{}{}:
		default: // it is about to
		}
	}
}

// leases returns the leases that this process has of a job: one, or two for a moment.
func (s *Service) leases(jobID string) iter.Seq[*lease] {
	return func(yield func(*lease) bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for l := range s.places.running {
			if l.jobID == jobID && !yield(l) {
				return
			}
		}
	}
}
