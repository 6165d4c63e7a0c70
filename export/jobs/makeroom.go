package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/orgexport/orgexport/export"
)

// updateDeleting is update with a rule that takes out of a job what is to be deleted. If the
// store has no space left for that, it deletes first and notes it afterwards: on a full disk
// nothing could be deleted otherwise. then are the rules that follow t before anything is
// deleted. After a crash in between, the job has an archive that is not there, and deleting
// it again does no harm.
func (s *Service) updateDeleting(ctx context.Context, jobID string, t transition, then ...transition) (Job, []Step, error) {
	job, steps, err := s.update(ctx, jobID, t)
	if export.OutageOf(err) != export.OutageFull {
		return job, steps, err
	}
	left, ok := s.imagine(ctx, jobID, append([]transition{t}, then...))
	if !ok {
		return job, nil, err
	}
	s.log(left).WarnContext(ctx, "no space left: files are deleted before that is noted", "error", err)
	_, partsErr := s.deleteParts(ctx, left)
	if failed := errors.Join(partsErr, s.deleteArchives(ctx, left, left.ObjectKey)); failed != nil {
		return job, nil, errors.Join(err, failed)
	}
	return s.update(ctx, jobID, t)
}

// imagine returns a job as it would be after the rules. It stores nothing. ok is false if a
// rule does not apply.
func (s *Service) imagine(ctx context.Context, jobID string, rules []transition) (job Job, ok bool) {
	_, _, err := s.update(ctx, jobID, func(now time.Time, j *Job) ([]Step, error) {
		ok = false
		for _, t := range rules {
			if _, err := t(now, j); err != nil {
				return nil, errNothingToDo
			}
		}
		job, ok = j.Clone(), true
		return nil, errNothingToDo
	})
	return job, ok && errors.Is(err, errNothingToDo)
}
