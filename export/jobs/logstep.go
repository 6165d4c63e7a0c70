package jobs

import (
	"context"
	"time"
)

// logStep logs the life of a job: when it is requested, when an attempt starts, and how and
// after how long it has ended. Causes are logged where they are known.
func (s *Service) logStep(ctx context.Context, e Event) {
	log, job := s.log(e.Job), e.Job
	switch e.Step {
	case StepCreated:
		attrs := []any{"format", job.Format, "sections", len(job.Keys)}
		if job.RetryOf != "" {
			attrs = append(attrs, "retry_of", job.RetryOf, "taken_over", len(job.Parts))
		}
		log.InfoContext(ctx, "job requested", attrs...)
	case StepClaimed:
		log.InfoContext(ctx, "job started", "waited", job.ClaimedAt.Sub(job.CreatedAt).Round(time.Millisecond))
	case StepCompleted:
		log.InfoContext(ctx, "job ended", "status", string(job.Status), "duration", age(job), "bytes", job.Size)
	case StepFailed:
		log.InfoContext(ctx, "job ended", "status", string(job.Status), "duration", age(job), "failures", job.Failures)
	case StepCancelled:
		log.InfoContext(ctx, "job ended", "status", "cancelled", "duration", age(job))
	case StepHelped:
		log.InfoContext(ctx, "this process helps with a job", "worker", job.Claims)
	case StepHelperLost:
		log.WarnContext(ctx, "a helper was lost; others export its shards")
	case StepWorkerLost, StepSuspected, StepUnable, StepPurged, StepDamaged, StepPutOff, StepHandedBack, StepStopped, StepLeaseLost:
	}
}

// age is how long an ended job has taken since it was requested.
func age(j Job) time.Duration { return j.FinishedAt.Sub(j.CreatedAt).Round(time.Millisecond) }
