package jobs

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Observer has functions that a [Service] calls, for metrics and traces. Each
// function is optional. Each is called by several goroutines at once, and the
// service waits for it to return.
type Observer struct {
	// Job is called after each step of a job that this process has stored. ctx is
	// that of the request; for a step that ends an attempt it is the attempt's
	// context, which does not end then.
	Job func(ctx context.Context, e Event)

	// Attempt is called when an attempt at a job begins. It returns ctx or a context
	// derived from it; the service uses that for the work of the attempt, but not for
	// heartbeats. end is called once, when the attempt is over, after Job and with the
	// same event.
	Attempt func(ctx context.Context, job Job) (_ context.Context, end func(Event))

	// Section is called when a section of an attempt begins. It returns ctx or a
	// context derived from it; the section and the Spool get that. end is called once:
	// with the event [export.SectionFinished] when the part is sealed, or with the
	// error that ends the job. That error is not for customers. A section that failed
	// does not end the job: the event's Result says so.
	Section func(ctx context.Context, job Job, key string) (_ context.Context, end func(export.Event, error))

	// Rerun is called when a section is to be run again, because the machine has failed it
	// (see [export.Config.Reruns]). ctx is the one that Section returned.
	Rerun func(ctx context.Context, job Job, key string, fault export.Fault)
}

// Event is a step that a job has taken.
type Event struct {
	Step Step

	// Job is the job as it was stored. If the end of an attempt could not be stored,
	// it is the job as it was claimed.
	Job Job

	// Elapsed is how long the attempt took. It is 0 if the step ends no attempt.
	Elapsed time.Duration

	// Err is why an attempt did not complete the job, or a [*DamageError] that says
	// what is wrong with its archive. It is not for customers.
	Err error
}

// Step says what has happened to a job.
type Step string

// The steps of a job.
const (
	StepCreated    Step = "created"     // the job was requested
	StepClaimed    Step = "claimed"     // an attempt begins
	StepCancelled  Step = "cancelled"   // the job was cancelled and has failed
	StepWorkerLost Step = "worker_lost" // the lease ran out while a worker had the job
	StepSuspected  Step = "suspected"   // it had other jobs, too: each is tried apart
	StepUnable     Step = "unable"      // a worker cannot export the job now; another one may
	StepHelped     Step = "helped"      // another worker has come to help with it
	StepHelperLost Step = "helper_lost" // the lease of such a worker ran out
	StepDamaged    Step = "damaged"     // the archive of a completed job was found damaged
	StepPurged     Step = "purged"      // the archive was deleted
)

// The steps that end an attempt. StepFailed also comes without an attempt, when the
// workers of a job were lost too often.
const (
	StepCompleted  Step = "completed"   // the archive is stored
	StepFailed     Step = "failed"      // there will be no archive
	StepPutOff     Step = "put_off"     // storage failed or is full; the job is tried again later
	StepHandedBack Step = "handed_back" // the process stops; any worker may go on
	StepStopped    Step = "stopped"     // the job was cancelled or given up during the attempt
	StepLeaseLost  Step = "lease_lost"  // another worker has the job, or the store could not be reached
)

// tell tells the observers of the steps that a job has taken.
func (s *Service) tell(ctx context.Context, job Job, steps []Step) {
	for _, step := range steps {
		s.tellEvent(ctx, Event{Step: step, Job: job})
	}
}

func (s *Service) tellEvent(ctx context.Context, e Event) {
	s.logStep(ctx, e)
	for _, o := range s.config.Observers {
		if o.Job != nil {
			o.Job(ctx, e)
		}
	}
}

// beginAttempt tells the observers that an attempt begins. end tells them that it is
// over.
func (s *Service) beginAttempt(ctx context.Context, job Job) (_ context.Context, end func(Event)) {
	var ends []func(Event)
	for _, o := range s.config.Observers {
		if o.Attempt != nil {
			var end func(Event)
			ctx, end = o.Attempt(ctx, job) //nolint:fatcontext // as many as there are observers
			ends = append(ends, end)
		}
	}
	return ctx, func(e Event) {
		s.tellEvent(context.WithoutCancel(ctx), e)
		for _, end := range ends {
			end(e)
		}
	}
}

// tellRerun tells the observers that a section is to be run again.
func (s *Service) tellRerun(ctx context.Context, job Job, key string, fault export.Fault) {
	for _, o := range s.config.Observers {
		if o.Rerun != nil {
			o.Rerun(ctx, job, key, fault)
		}
	}
}

// beginSection tells the observers that a section begins. end tells them that it is
// over.
func (s *Service) beginSection(ctx context.Context, job Job, key string) (_ context.Context, end func(export.Event, error)) {
	var ends []func(export.Event, error)
	for _, o := range s.config.Observers {
		if o.Section != nil {
			var end func(export.Event, error)
			ctx, end = o.Section(ctx, job, key) //nolint:fatcontext // as many as there are observers
			ends = append(ends, end)
		}
	}
	return ctx, func(e export.Event, err error) {
		for _, end := range ends {
			end(e, err)
		}
	}
}
