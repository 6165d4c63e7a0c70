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

// errNoHelp means that this process cannot help with a job, such as for lack of a section.
var errNoHelp = fmt.Errorf("%w: no help", errNothingToDo)

// Work is called for each task of the [Dispatcher]: [Service.Run] calls it, and
// so does a queue of your own. It claims a job, exports it and stores how that
// ended, or helps with one that another worker has (see [Config.FanOut]).
//
// Which job it claims does not depend on the task. If the store is a [Scheduler],
// Work claims the job that is next and dispatches the task again, because the
// task's own job may still wait; then it goes on with the job that is next after that, until
// none waits. A queue of your own that is to stop ends the context, or Work goes on with all
// that wait; under [Service.Run] it does not. Else it claims the job of the task.
//
// A job that may have been the reason why a worker was lost begins when no other such
// job runs in this process, or none at all; Work waits for that.
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
	worked, err := s.workOn(ctx, task.JobID)
	if _, ok := s.config.Store.(Scheduler); !ok {
		return err
	}
	// A task that waits in the queue takes longer to come than a look at the store.
	for worked && err == nil && ctx.Err() == nil && !s.stopping() {
		worked, err = s.workOn(ctx, "")
	}
	return err
}

// workOn claims a job and exports it, the one with that id or the next: see Work. It reports
// whether there was one.
func (s *Service) workOn(ctx context.Context, jobID string) (worked bool, err error) {
	s.mark(ctx)
	end, ok := s.places.begin(ctx)
	if ok && s.stopping() { // it waited for so long
		end()
		ok = false
	}
	if !ok {
		if jobID != "" {
			s.wake(ctx, jobID)
		}
		return false, nil
	}
	l, job, err := s.claimNext(ctx, jobID, Want{PerOrganization: s.config.PerOrganization})
	if err == nil && jobID != "" && job.ID != jobID {
		// The task of the claimed job may have been lost with a process. Then the
		// job of this task has no other.
		s.dispatch(ctx, Job{ID: jobID})
	}
	return l != nil, s.export(ctx, l, job, end, err)
}

// export exports a job that was claimed, if one was. end lets other jobs begin.
func (s *Service) export(ctx context.Context, l *lease, job Job, end func(), err error) error {
	if errors.Is(err, errNothingToDo) {
		err = nil
	}
	if l == nil {
		end()
		return err
	}
	if job.Suspect > 1 && !l.helps {
		end = s.keepAlone(ctx, job, end)
	} else {
		end()
		end = func() {}
	}
	defer s.wakeNext(ctx, job)
	defer end()
	if l.helps {
		return s.help(ctx, l, job)
	}
	return s.attempt(ctx, l, job)
}

// wakeNext dispatches the next job after one that others may have waited for though a
// worker was free: their tasks are gone.
func (s *Service) wakeNext(ctx context.Context, ended Job) {
	if ended.Suspect == 0 && s.config.PerOrganization == 0 {
		return
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	if id, err := s.next(limited, Want{PerOrganization: s.config.PerOrganization}); err == nil {
		s.wake(ctx, id)
	}
}

// wake dispatches a job that waits and may have no task. It writes the job, because some
// stores enqueue the task with that. If it fails the job is found when its lease is over.
func (s *Service) wake(ctx context.Context, jobID string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	if job, _, err := s.update(ctx, jobID, s.rules.wake); err == nil {
		s.dispatch(ctx, job)
	}
}

// claimNext claims the next job of a [Scheduler], else the one with that id. The caller
// has called begin. The error is errNothingToDo if there is no such job. The lease is nil
// if the job is not to be exported now.
func (s *Service) claimNext(ctx context.Context, jobID string, want Want) (*lease, Job, error) {
	noSuspects := want.NoSuspects
	for range claimTries {
		free, _ := s.free()
		want.NoSuspects = noSuspects || free.withSuspect
		id, err := s.next(ctx, want)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			return s.claim(ctx, jobID)
		case errors.Is(err, export.ErrNotFound):
			return nil, Job{}, s.rescueNow(ctx, jobID)
		}
		if err != nil {
			return nil, Job{}, fmt.Errorf("jobs: next job: %w", err)
		}
		l, job, err := s.claim(ctx, id)
		if l != nil || err != nil && !errors.Is(err, errNothingToDo) {
			return l, job, err
		}
		want.NoHelp = want.NoHelp || errors.Is(err, errNoHelp)
		// Another worker was faster, the job was cancelled, or it waits for another worker.
	}
	return nil, Job{}, errNothingToDo
}

// next asks the store for the next job. The error matches [errors.ErrUnsupported] if it is
// no [Scheduler].
func (s *Service) next(ctx context.Context, want Want) (string, error) {
	if n, ok := s.config.Store.(Scheduler); ok {
		return n.Next(ctx, want)
	}
	return "", errors.ErrUnsupported
}

// rescueNow is rescue of a job that may not be named.
func (s *Service) rescueNow(ctx context.Context, jobID string) error {
	if jobID == "" {
		return errNothingToDo
	}
	if err := s.rescue(ctx, jobID); err != nil && !errors.Is(err, export.ErrNotFound) {
		return err
	}
	return errNothingToDo
}

// claim makes a job this worker's. The lease is nil if the job waits for another worker
// instead, or has failed.
func (s *Service) claim(ctx context.Context, jobID string) (*lease, Job, error) {
	l, job, err := s.claimOnce(ctx, jobID)
	if !errors.Is(err, errNotAlone) {
		return l, job, err
	}
	if s.waitAlone(ctx) {
		return s.claimOnce(ctx, jobID)
	}
	if ctx.Err() == nil { // others are not to wait any longer
		job, steps, err := s.update(ctx, jobID, s.rules.waitForAlone)
		if err == nil {
			s.log(job).WarnContext(ctx, "a suspect waits until a process exports nothing else")
			s.tell(ctx, job, steps)
		}
	}
	return nil, job, errNothingToDo
}

func (s *Service) claimOnce(ctx context.Context, jobID string) (*lease, Job, error) {
	free, _ := s.free()
	began := time.Now()
	job, steps, helps, err := s.updateToClaim(ctx, jobID, free)
	switch {
	case helps && (errors.Is(err, errNothingToDo) || errors.Is(err, errSuspect)):
		return nil, job, errNoHelp
	case errors.Is(err, errNothingToDo), errors.Is(err, errSuspect):
		return nil, job, errNothingToDo
	case errors.Is(err, errNotAlone):
		return nil, job, err
	case err != nil:
		return nil, job, fmt.Errorf("jobs: claim job %s: %w", jobID, err)
	}
	s.tell(ctx, job, steps)
	if job.Status != Processing {
		return nil, job, nil
	}
	l := s.newLease(ctx, job, helps, began)
	s.enter(l)
	return l, job, nil
}

// updateToClaim claims a job, or makes this worker a helper of it if another worker has it and
// offers shards.
func (s *Service) updateToClaim(ctx context.Context, jobID string, free place) (job Job, steps []Step, helps bool, err error) {
	job, steps, err = s.update(ctx, jobID, func(now time.Time, j *Job) ([]Step, error) {
		if helps = j.Offers() && now.Before(j.LeaseUntil); helps && !s.helps() {
			return nil, errNothingToDo
		}
		if helps {
			return s.rules.help(free)(now, j)
		}
		return s.rules.claim(free)(now, j)
	})
	return job, steps, helps, err
}
