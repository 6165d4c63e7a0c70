package jobs

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Observer is told what a [Service] does with jobs, for metrics and traces. Each
// of its functions is optional, is called by several goroutines at once, and
// holds up what it is told of until it returns.
type Observer struct {
	// Job is told of each step of a job that this process has taken, once it is
	// stored. ctx is that of the request or, of steps that end an attempt, the
	// attempt's without its end.
	Job func(ctx context.Context, e Event)

	// Attempt is told that this process begins to work on a job that it has
	// claimed. What it does for that, heartbeats apart, it does with the context
	// that is returned, which is made from ctx. end is called once, with the
	// event that ended the attempt and that Job was told of.
	Attempt func(ctx context.Context, job Job) (_ context.Context, end func(Event))

	// Section is told that a section of an attempt has its turn. The section and
	// the Spool that takes its part get the context that is returned, which is
	// made from ctx. end is called once: with the event [export.SectionFinished] when
	// the part is sealed, or with an error of the job, which may tell what
	// customers must not see. A section that failed is no error: see the event's
	// Result.
	Section func(ctx context.Context, job Job, key string) (_ context.Context, end func(export.Event, error))
}

// JobEvent is a step in the life of a job.
type Event struct {
	Step Step
	Job  Job // as it was stored; of an attempt whose end was not, as it was claimed

	// Elapsed is how long the attempt took, of the steps that end one; else 0.
	Elapsed time.Duration

	// Err is why an attempt did not complete the job. It may tell what customers
	// must not see.
	Err error
}

// Step is what has happened to a job.
type Step string

// The steps of a job.
const (
	StepCreated    Step = "created"     // it was asked for
	StepClaimed    Step = "claimed"     // an attempt begins
	StepCancelled  Step = "cancelled"   // it has failed because somebody wanted it to
	StepWorkerLost Step = "worker_lost" // its lease was over, without a word of the worker
	StepPurged     Step = "purged"      // its archive was deleted
)

// The steps that end an attempt. StepFailed can also come without one, of a job
// whose workers were lost too often.
const (
	StepCompleted  Step = "completed"   // the archive is there
	StepFailed     Step = "failed"      // there will be none
	StepPutOff     Step = "put_off"     // storage failed, and it will be tried again
	StepHandedBack Step = "handed_back" // the process ends, and any other may go on
	StepStopped    Step = "stopped"     // the job was ended meanwhile: it was cancelled, or given up
	StepLeaseLost  Step = "lease_lost"  // the job is no longer this worker's, or its end could not be stored
)

// tell tells the observers of the steps that a job has taken.
func (s *Service) tell(ctx context.Context, job Job, steps []Step) {
	for _, step := range steps {
		s.tellEvent(ctx, Event{Step: step, Job: job})
	}
}

func (s *Service) tellEvent(ctx context.Context, e Event) {
	for _, o := range s.config.Observers {
		if o.Job != nil {
			o.Job(ctx, e)
		}
	}
}

// beginAttempt tells the observers that an attempt begins, and that it is over
// when end is called.
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

// beginSection tells the observers that a section of a job begins.
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
