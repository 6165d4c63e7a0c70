package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orgexport/orgexport/export"
)

// claimTries bounds how often other workers may be faster.
const claimTries = 100

// Work is called for each task of the [Dispatcher]: [Service.Run] calls it, and
// so does a queue of your own. It claims a job, exports it and stores how that
// ended.
//
// Which job it claims does not depend on the task. If the store is a [Scheduler],
// Work claims the job that is next and dispatches the task again, because the
// task's own job may still wait. Else it claims the job of the task.
//
// Work returns nil if there was nothing to do, if the job has failed, or if
// another worker has taken it over. When ctx ends, the job is handed back: any
// worker may go on with the parts that are sealed.
//
// An error is for the log and needs no reaction. The job's row says what is left
// to do, and [Service.Maintain] sees to it.
func (s *Service) Work(ctx context.Context, task Task) error {
	if task.Kind != TaskExport {
		return fmt.Errorf("jobs: task of the unknown kind %q", task.Kind)
	}
	job, began, err := s.claimNext(ctx, task)
	if errors.Is(err, errNothingToDo) {
		return nil
	}
	if err != nil {
		return err
	}
	if job.ID != task.JobID {
		// The task of the claimed job may have been lost with a process. Then the
		// job of this task has no other.
		s.dispatch(ctx, Job{ID: task.JobID})
	}
	if !job.Status.InFlight() { // its workers were lost too often
		return nil
	}
	return s.attempt(ctx, job, began)
}

// claimNext claims the next job of a [Scheduler], else that of the task. The lease
// counts from began. The error is errNothingToDo if there is no such job.
func (s *Service) claimNext(ctx context.Context, task Task) (job Job, began time.Time, err error) {
	scheduler, ok := s.config.Store.(Scheduler)
	for range claimTries {
		if !ok {
			break
		}
		id, err := scheduler.Next(ctx)
		if errors.Is(err, export.ErrNotFound) {
			break
		}
		if err != nil {
			return Job{}, began, fmt.Errorf("jobs: next job: %w", err)
		}
		began = time.Now()
		job, err = s.claim(ctx, id)
		if !errors.Is(err, errNothingToDo) {
			return job, began, err
		}
		// Another worker was faster, or the job was cancelled.
	}
	began = time.Now()
	job, err = s.claim(ctx, task.JobID)
	return job, began, err
}

// claim makes a job this worker's. The job may have failed instead.
func (s *Service) claim(ctx context.Context, jobID string) (Job, error) {
	job, steps, err := s.update(ctx, jobID, s.rules.claim(s.config.Node))
	if errors.Is(err, errNothingToDo) {
		return job, err
	}
	if err != nil {
		return job, fmt.Errorf("jobs: claim job %s: %w", jobID, err)
	}
	s.tell(ctx, job, steps)
	return job, nil
}
