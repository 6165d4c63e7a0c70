package jobs

import (
	"context"
	"errors"
	"fmt"
	"github.com/orgexport/orgexport/export"
	"time"
)

// Scheduler is implemented by a [Store] that knows which job is to be next. Then
// no organization waits long for another that has requested much; else jobs are
// worked on in the order in which the [Dispatcher] brings their tasks.
type Scheduler interface {
	// Next returns the id of the job that the next free worker is to have: of
	// those that wait (see [Job.Waits]) one of the greatest Priority; of these,
	// one of the organizations that have the fewest jobs processing; of these, one
	// of that organization for which a worker last claimed a job the longest ago,
	// or never; of these, the one that was created first. The error matches
	// [export.ErrNotFound] if none waits.
	Next(ctx context.Context) (string, error)
}

// claimTries bounds how often other workers may be faster.
const claimTries = 100

// claimNext makes the job that is next this worker's or, if nobody knows which
// that is, the task's. The lease counts from began. The error is errNothingToDo if
// there is none.
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
