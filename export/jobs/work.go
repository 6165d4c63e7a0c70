package jobs

import (
	"context"
	"errors"
	"fmt"
	"github.com/orgexport/orgexport/export"
	"io"
	"slices"
	"sync"
	"time"
)

// errNothingToDo ends a task whose job somebody else looks after, or that has
// ended.
var errNothingToDo = errors.New("jobs: nothing to do")

// Work does a task: it claims a job, runs it and writes how it ended. The job is
// that of the task or, if the store is a [Scheduler], the one that is next; then
// the task is dispatched again, so that it ends only when its own job does not wait.
//
// It returns nil as well if there is nothing to do, if the job failed, or if it is
// no longer this worker's. When ctx ends the job is handed back, for any worker
// to go on with what is sealed.
//
// An error is for the log: whatever happens, the job's row tells the reaper what
// there is left to do.
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
		// The task of the job in its place may have been lost with a process: then
		// its own job has no other.
		s.dispatch(ctx, Job{ID: task.JobID})
	}
	if !job.Status.InFlight() {
		s.tell(ctx, Event{Step: StepFailed, Job: job}) // once too often
		return nil
	}
	s.tell(ctx, Event{Step: StepClaimed, Job: job})
	return s.attempt(ctx, s.newLease(job), job, began)
}

// attempt works on a job that was claimed at began, and writes how that ended.
func (s *Service) attempt(ctx context.Context, l *lease, job Job, began time.Time) error {
	held, release := l.hold(ctx, began)
	work, end := s.beginAttempt(held, job)
	over := Event{Step: StepLeaseLost, Job: job} // what it is if this panics
	defer func() {
		over.Elapsed = time.Since(began)
		end(over)
	}()
	over = s.hold(work, release, l, job)
	stopping := ctx.Err() != nil
	var err error
	over, err = s.settle(context.WithoutCancel(work), l, over, stopping)
	return err
}

// hold runs a job while its lease lasts. The event is how that ended, if it was
// not by an error.
func (s *Service) hold(ctx context.Context, release func(), l *lease, job Job) Event {
	defer release()
	done, err := s.run(ctx, l, job)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	if err != nil {
		return Event{Job: job, Err: err}
	}
	return Event{Step: StepCompleted, Job: done}
}

// claim makes a job this worker's.
func (s *Service) claim(ctx context.Context, jobID string) (Job, error) {
	lost := false
	job, err := s.config.Store.Update(ctx, jobID, func(now time.Time, j *Job) error {
		leased := (j.Status == Processing || j.PutOff) && now.Before(j.LeaseUntil)
		if !j.Status.InFlight() || leased {
			return errNothingToDo
		}
		if lost = j.Status == Processing; lost { // its worker ended without a word
			if s.countFailure(now, j); !j.Status.InFlight() {
				return nil
			}
		}
		j.Status = Processing
		j.Attempt++
		j.ClaimedAt = now
		j.LeaseOwner, j.LeaseUntil, j.PutOff = s.config.Node, now.Add(s.config.Lease), false
		j.Progress = nil
		return nil
	})
	if errors.Is(err, errNothingToDo) {
		return job, err
	}
	if err != nil {
		return job, fmt.Errorf("jobs: claim job %s: %w", jobID, err)
	}
	if lost {
		s.tell(ctx, Event{Step: StepWorkerLost, Job: job})
	}
	return job, nil
}

// countFailure notes that an attempt came to nothing, and ends the job if it was
// one too many.
func (s *Service) countFailure(now time.Time, j *Job) {
	if j.Failures++; j.Failures > s.config.MaxFailures {
		s.finish(now, j, "The export failed too often. Please contact support.")
	}
}

// run makes the archive and returns the job as it is completed.
func (s *Service) run(ctx context.Context, l *lease, job Job) (done Job, err error) {
	request, err := s.request(ctx, l, job)
	if err != nil {
		return done, err
	}
	key := objectKey(job, request.Format.Extension())
	result, err := s.export(ctx, l, request, key)
	if err != nil {
		return done, err
	}
	// From here on the archive is there: not even the end of ctx is to lose it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	err = l.persist(ctx, func(now time.Time, j *Job) {
		s.finish(now, j, "")
		j.Results = result.Sections
		j.Filename, j.ObjectKey = result.Filename, key
		j.Size, j.SHA256 = result.Size, result.SHA256[:]
		j.ExpiresAt = now.Add(s.config.Retention)
		j.PurgeAt = earliest(j.PurgeAt, j.ExpiresAt)
		done = j.Clone()
	})
	if err != nil {
		return done, s.completed(ctx, l, key, err)
	}
	s.log(job).InfoContext(ctx, "job completed", "bytes", result.Size)
	if err := s.deleteArchives(ctx, job, key); err != nil {
		s.log(job).WarnContext(ctx, "archives of earlier attempts not deleted", "error", err)
	}
	return done, nil
}

// completed returns err, or nil if the job was completed all the same: of an
// earlier write only the answer was lost.
func (s *Service) completed(ctx context.Context, l *lease, key string, err error) error {
	if !errors.Is(err, errLeaseLost) {
		return err
	}
	job, lookErr := s.look(ctx, l.jobID)
	if lookErr != nil {
		return errors.Join(err, lookErr)
	}
	if job.Status == Completed && job.ObjectKey == key {
		return nil
	}
	return err
}

// request is what the engine is asked for. The organization is looked up by the
// first worker only.
func (s *Service) request(ctx context.Context, l *lease, job Job) (export.Request, error) {
	r := export.Request{
		Organization: job.Organization,
		JobID:        job.ID,
		AsOf:         job.AsOf,
		Sections:     job.Sections,
		Attempt:      job.Attempt,
		Observe:      l.observe,
		Begin: func(ctx context.Context, key string) (context.Context, func(export.Event, error)) {
			return s.beginSection(ctx, job, key)
		},
		Parts: make(map[string]export.PartID),
	}
	var ok bool
	if r.Format, ok = s.format(job.Format); !ok {
		return r, fmt.Errorf("%w: archive format %q", export.ErrNotFound, job.Format)
	}
	if r.Organization.Slug == "" && r.Organization.Name == "" {
		organization, err := s.config.Organizations.Get(ctx, job.Organization.ID)
		if err != nil {
			return r, export.WithPublic(fmt.Errorf("jobs: organization: %w", err), "The organization could not be read.")
		}
		organization.ID = job.Organization.ID
		if err := l.persist(ctx, func(_ time.Time, j *Job) { j.Organization = organization }); err != nil {
			return r, err
		}
		r.Organization = organization
	}
	for _, id := range job.Parts {
		if err := s.config.Engine.CheckPart(ctx, id); err == nil {
			r.Parts[id.Section] = id
		} else if err := s.drop(ctx, l, id, err); err != nil {
			return r, err
		}
	}
	return r, nil
}

// export seals what is not sealed yet and joins the parts into the destination.
// A part that turns out to be of no use is made again.
func (s *Service) export(ctx context.Context, l *lease, r export.Request, key string) (result export.Result, err error) {
	var mu sync.Mutex // guards r.Parts: sections end at the same time
	for range 3 {
		err = s.config.Engine.Seal(ctx, r, func(ctx context.Context, id export.PartID, result export.SectionResult) error {
			mu.Lock()
			r.Parts[id.Section] = id
			mu.Unlock()
			return l.persist(ctx, func(_ time.Time, j *Job) {
				dropPart(j, id.Section)
				j.Parts, j.Results = append(j.Parts, id), append(j.Results, result)
			})
		})
		if err != nil {
			return result, err
		}
		err = s.config.Destination.Put(ctx, key, func(w io.Writer) (err error) {
			result, err = s.config.Engine.Join(ctx, r, w)
			return err
		})
		bad, ok := errors.AsType[*export.PartError](err)
		if !ok {
			return result, err
		}
		if err := s.drop(ctx, l, bad.Part, err); err != nil {
			return result, err
		}
		delete(r.Parts, bad.Part.Section)
	}
	return result, err
}

// drop takes a part of no use out of the job, so that its section is run again.
// Any other error is returned.
func (s *Service) drop(ctx context.Context, l *lease, id export.PartID, err error) error {
	if _, ok := errors.AsType[*export.PartError](err); !ok {
		return err
	}
	s.config.Logger.WarnContext(ctx, "part has to be made again", "job", l.jobID, "section", id.Section, "error", err)
	return l.persist(ctx, func(_ time.Time, j *Job) { dropPart(j, id.Section) })
}

func dropPart(j *Job, section string) {
	j.Parts = slices.DeleteFunc(j.Parts, func(id export.PartID) bool { return id.Section == section })
	j.Results = slices.DeleteFunc(j.Results, func(r export.SectionResult) bool { return r.Key == section })
}

// settle writes how an attempt ended that did not complete the job: e has its
// error. stopping tells that the process wants to end. What it returns is how the
// attempt ended.
func (s *Service) settle(ctx context.Context, l *lease, e Event, stopping bool) (Event, error) {
	if e.Err == nil {
		return e, nil
	}
	var end func(now time.Time, j *Job) Step
	switch log := s.log(e.Job); {
	case errors.Is(e.Err, errLeaseLost):
		log.InfoContext(ctx, "work on the job ended", "reason", e.Err)
		e.Step = lossOf(e.Err)
		return e, nil
	case stopping:
		log.InfoContext(ctx, "job handed back")
		end = func(now time.Time, j *Job) Step {
			j.Status, j.LeaseOwner, j.LeaseUntil = Pending, "", now
			return StepHandedBack
		}
	case permanent(e.Err):
		log.WarnContext(ctx, "job failed", "error", e.Err)
		end = func(now time.Time, j *Job) Step {
			s.finish(now, j, export.PublicTextOr(e.Err, "The export could not be made."))
			return StepFailed
		}
	default:
		log.ErrorContext(ctx, "attempt at the job failed", "error", e.Err)
		end = func(now time.Time, j *Job) Step {
			if s.countFailure(now, j); !j.Status.InFlight() {
				return StepFailed
			}
			j.Status, j.LeaseOwner, j.PutOff = Pending, "", true
			j.LeaseUntil = now.Add(s.config.Lease << min(j.Failures-1, 8))
			return StepPutOff
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Lease)
	defer cancel()
	over := e
	err := l.persist(ctx, func(now time.Time, j *Job) {
		j.Progress = nil
		over.Step = end(now, j)
		over.Job = j.Clone()
	})
	if err != nil { // it may have been stored all the same, but nobody knows
		e.Step = lossOf(err)
		return e, err
	}
	return over, nil
}

// lossOf is how an attempt ended that could not write how it did.
func lossOf(err error) Step {
	if errors.Is(err, errEnded) {
		return StepStopped
	}
	return StepLeaseLost
}

// permanent tells whether an attempt failed for a reason that another attempt
// would meet again.
func permanent(err error) bool {
	if _, ok := errors.AsType[*export.PartError](err); ok {
		return false
	}
	_, required := errors.AsType[*export.RequiredError](err)
	return required || errors.Is(err, export.ErrTooLarge) || errors.Is(err, export.ErrNotFound)
}
