package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/orgexport/orgexport/export"
)

// attempt exports a job that was claimed, and stores how that ended.
func (s *Service) attempt(ctx context.Context, l *lease, job Job) error {
	defer s.leave(l)
	leased, release := l.start()
	s.crowd(leased, l)
	observed, end := s.beginAttempt(leased, job)
	over := Event{Step: StepLeaseLost, Job: job} // what it is if this panics
	defer func() {
		over.Elapsed = time.Since(l.began)
		end(over)
	}()
	done, failure := s.makeWhileLeased(observed, release, l, job)
	if failure == nil {
		over = Event{Step: StepCompleted, Job: done}
		return nil
	}
	stopping := ctx.Err() != nil
	var err error
	over, err = s.storeFailure(context.WithoutCancel(observed), l, job, failure, stopping)
	return err
}

// makeWhileLeased is makeArchive, and releases the lease.
func (s *Service) makeWhileLeased(ctx context.Context, release func(), l *lease, job Job) (Job, error) {
	defer release()
	done, err := s.makeArchive(ctx, l, job)
	if err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return done, err
}

// makeArchive makes the archive and returns the job as it is completed.
func (s *Service) makeArchive(ctx context.Context, l *lease, job Job) (Job, error) {
	request, err := s.engineRequest(ctx, l, job)
	if err != nil {
		return Job{}, err
	}
	key := objectKey(job, request.Format.Extension())
	result, err := s.sealAndJoin(ctx, l, job, request, key)
	if err != nil {
		return Job{}, err
	}
	if err := s.readBack(ctx, job, key, result); err != nil {
		return Job{}, err
	}
	// From here on the archive is there: not even the end of ctx is to lose it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	done, _, err := l.update(ctx, s.rules.complete(key, result))
	if errors.Is(err, errLeaseLost) {
		return s.completedBefore(ctx, l, key, err)
	}
	if err != nil {
		return done, err
	}
	if err := s.deleteArchives(ctx, job, key); err != nil {
		s.log(job).WarnContext(ctx, "archives of earlier attempts not deleted", "error", err)
	}
	return done, nil
}

// completedBefore returns the job if an earlier write of this attempt, of which
// only the answer was lost, has completed it. Else it returns err.
func (s *Service) completedBefore(ctx context.Context, l *lease, key string, err error) (Job, error) {
	job, lookErr := s.jobByID(ctx, l.jobID)
	if lookErr != nil {
		return job, errors.Join(err, lookErr)
	}
	if job.Status == Completed && job.ObjectKey == key {
		return job, nil
	}
	return job, err
}

// engineRequest is what the engine is asked for. Once a part is stored, no worker looks the
// organization up any more.
func (s *Service) engineRequest(ctx context.Context, l *lease, job Job) (export.Request, error) {
	r, err := s.workRequest(l, job)
	if err != nil {
		return r, err
	}
	if r.Organization.Slug == "" && r.Organization.Name == "" {
		organization, err := s.config.Organizations.Get(ctx, job.Organization.ID)
		if err != nil {
			return r, export.WithPublic(fmt.Errorf("jobs: organization: %w", err), "The organization could not be read.")
		}
		organization.ID = job.Organization.ID
		r.Organization = organization
	}
	r.Parts, err = s.goodParts(ctx, l, r, job)
	return r, err
}

// workRequest is what every worker of a job asks its engine for.
func (s *Service) workRequest(l *lease, job Job) (export.Request, error) {
	r := export.Request{
		Organization: job.Organization,
		JobID:        job.ID,
		AsOf:         job.AsOf,
		RetryOf:      job.RetryOf,
		RequestedAt:  job.CreatedAt,
		Attempt:      l.worker,
		Observe:      l.observe,
		Begin: func(ctx context.Context, key string) (context.Context, func(export.Event, error)) {
			return s.beginSection(ctx, job, key)
		},
		Rerun: func(ctx context.Context, key string, fault export.Fault) {
			s.tellRerun(ctx, job, key, fault)
		},
	}
	r.Shards = job.plan()
	if err := s.requestSections(&r, job); err != nil {
		return r, err
	}
	var ok bool
	if r.Format, ok = s.format(job.Format); !ok {
		return r, fmt.Errorf("%w: archive format %q", export.ErrNotFound, job.Format)
	}
	return r, nil
}

// goodParts returns the parts of a job that can be joined. It takes the others out of the job.
func (s *Service) goodParts(ctx context.Context, l *lease, r export.Request, job Job) ([]export.PartID, error) {
	for _, id := range job.Parts {
		err := s.config.Engine.CheckPart(ctx, r, id)
		if err == nil {
			continue
		}
		if job, err = s.remakePart(ctx, l, id, err); err != nil {
			return nil, err
		}
		return s.goodParts(ctx, l, r, job) // others may be gone with it
	}
	return job.Parts, nil
}

// sealAndJoin seals the parts that are missing and joins all of them into the
// destination. A part that turns out to be of no use is made again.
func (s *Service) sealAndJoin(ctx context.Context, l *lease, job Job, r export.Request, key string) (result export.Result, err error) {
	for range 3 {
		if err = s.seal(ctx, l, job, &r); err == nil {
			err = s.put(ctx, r, key, func(w io.Writer) (err error) {
				result, err = s.config.Engine.Join(ctx, r, w)
				return err
			})
		}
		bad, ok := errors.AsType[*export.PartError](err)
		if !ok {
			return result, err
		}
		if job, err = s.remakePart(ctx, l, bad.Part, err); err != nil {
			return result, err
		}
		r.Parts, r.Shards = job.Parts, job.plan()
	}
	return result, err
}

// put stores an archive. A destination that has to know how large it can become is told.
func (s *Service) put(ctx context.Context, r export.Request, key string, write func(io.Writer) error) error {
	d, ok := s.config.Destination.(Bounder)
	if !ok {
		return s.config.Destination.Put(ctx, key, write)
	}
	most, err := s.config.Engine.Bound(ctx, r)
	if err != nil {
		return err
	}
	return d.PutBounded(ctx, key, most, write)
}

// remakePart takes a part that cannot be joined out of the job, so that it is made again, and
// returns the job. An error that is not about the part is returned.
func (s *Service) remakePart(ctx context.Context, l *lease, id export.PartID, err error) (Job, error) {
	if _, ok := errors.AsType[*export.PartError](err); !ok {
		return Job{}, err
	}
	s.config.Logger.WarnContext(ctx, "part has to be made again", "job", l.jobID, "section", id.Section, "error", err)
	job, _, err := l.update(ctx, s.rules.dropPart(id))
	return job, err
}

// storeFailure stores how an attempt ended that did not complete the job, and
// returns the event of it. stopping means that the process is to stop.
func (s *Service) storeFailure(ctx context.Context, l *lease, job Job, failure error, stopping bool) (Event, error) {
	e := Event{Job: job, Err: failure}
	var end transition
	switch log := s.log(job); {
	case errors.Is(failure, errLeaseLost):
		log.InfoContext(ctx, "work on the job ended", "reason", failure)
		e.Step = stepOfLoss(failure)
		if e.Step == StepLeaseLost {
			s.acquit(ctx, l)
		}
		return e, nil
	case stopping:
		log.InfoContext(ctx, "job handed back")
		end = s.rules.handBack
	case permanent(failure):
		log.WarnContext(ctx, "job failed", "error", failure)
		end = s.rules.fail(export.PublicTextOr(failure, "The export could not be made."))
	case errors.Is(failure, export.ErrNoSpace):
		log.ErrorContext(ctx, "job waits for free space", "error", failure)
		end = s.rules.postpone
	default:
		log.ErrorContext(ctx, "attempt at the job failed", "error", failure)
		end = s.rules.putOff(failureText(failure))
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Lease)
	defer cancel()
	ended, steps, err := l.update(ctx, end)
	if err != nil { // it may have been stored all the same, but nobody knows
		e.Step = stepOfLoss(err)
		return e, err
	}
	e.Job, e.Step = ended, steps[0]
	return e, nil
}

// acquit says of a job whose lease was lost that its worker lives, once the store can be
// reached again. It gives up after some leases, or when the process stops.
func (s *Service) acquit(ctx context.Context, l *lease) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.config.Lease)
	defer cancel()
	for !s.stopping() {
		job, steps, err := s.update(ctx, l.jobID, s.rules.acquit(l.attempt))
		if err == nil && len(steps) > 0 {
			s.dispatch(ctx, job)
		}
		if err == nil || errors.Is(err, errNothingToDo) || errors.Is(err, export.ErrNotFound) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(retryEvery):
		}
	}
}

// stepOfLoss is the step of an attempt that could not store how it ended.
func stepOfLoss(err error) Step {
	if errors.Is(err, errEnded) {
		return StepStopped
	}
	return StepLeaseLost
}

// failureText is the public text of a job that has failed too often, the last time by err.
func failureText(err error) string {
	const often = "The export failed too often. Please contact support."
	if inconsistent, ok := errors.AsType[*export.ConsistencyError](err); ok {
		return inconsistent.Public() + " " + often
	}
	return often
}

// permanent reports whether another attempt would fail for the same reason.
func permanent(err error) bool {
	if _, ok := errors.AsType[*export.PartError](err); ok {
		return false
	}
	if inconsistent, ok := errors.AsType[*export.ConsistencyError](err); ok {
		return inconsistent.Final
	}
	_, required := errors.AsType[*export.RequiredError](err)
	return required || errors.Is(err, export.ErrTooLarge) || errors.Is(err, export.ErrNotFound)
}
