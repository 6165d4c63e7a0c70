package otel

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// Observer returns an observer for [jobs.Config]. It makes the spans of attempts and of
// sections, and adds the ids of jobs to those of requests.
func (t *Tracer) Observer() jobs.Observer {
	return jobs.Observer{Job: t.job, Attempt: t.attempt, Section: t.section, Rerun: t.rerun}
}

// job adds the ids of a job to the span of the request that created, cancelled or purged
// it.
func (t *Tracer) job(ctx context.Context, e jobs.Event) {
	switch e.Step {
	case jobs.StepCreated, jobs.StepCancelled, jobs.StepPurged:
		trace.SpanFromContext(ctx).SetAttributes(jobID.String(e.Job.ID), organization.String(e.Job.Organization.ID))
	case jobs.StepClaimed, jobs.StepCompleted, jobs.StepFailed, jobs.StepPutOff, jobs.StepHandedBack,
		jobs.StepStopped, jobs.StepLeaseLost, jobs.StepWorkerLost, jobs.StepDamaged: // these are no requests
	}
}

func (t *Tracer) attempt(ctx context.Context, job jobs.Job) (context.Context, func(jobs.Event)) {
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithAttributes(
		jobID.String(job.ID), organization.String(job.Organization.ID), jobAttempt.Int(job.Attempt), archiveFormat.String(job.Format),
	)}
	if link := trace.LinkFromContext(ctx); link.SpanContext.IsValid() {
		options = append(options, trace.WithLinks(link))
	}
	ctx, span := t.tracer.Start(ctx, "job attempt", options...)
	return ctx, func(e jobs.Event) {
		span.SetAttributes(jobOutcome.String(string(e.Step)))
		switch e.Step {
		case jobs.StepCompleted:
			span.SetAttributes(archiveBytes.Int64(e.Job.Size))
		case jobs.StepLeaseLost:
			failAs(span, "lease_lost")
		case jobs.StepFailed, jobs.StepPutOff:
			fail(span, e.Err)
		case jobs.StepHandedBack, jobs.StepStopped: // as somebody wanted
		case jobs.StepCreated, jobs.StepClaimed, jobs.StepCancelled, jobs.StepWorkerLost, jobs.StepDamaged, jobs.StepPurged: // end no attempt
		}
		span.End()
	}
}

func (t *Tracer) section(ctx context.Context, _ jobs.Job, key string) (context.Context, func(export.Event, error)) {
	ctx, span := t.tracer.Start(ctx, "section "+key, trace.WithAttributes(sectionKey.String(key)))
	return ctx, func(e export.Event, err error) {
		if err != nil {
			fail(span, err)
		} else {
			span.SetAttributes(sectionStatus.String(string(e.Result.Status)), sectionRecords.Int64(e.Records),
				sectionBinaries.Int64(e.Binaries), sectionBytes.Int64(e.Bytes))
			if e.Result.Status == export.StatusError {
				failAs(span, "other")
			}
		}
		span.End()
	}
}

// rerun adds an event to the span of the section.
func (t *Tracer) rerun(ctx context.Context, _ jobs.Job, _ string, fault export.Fault) {
	trace.SpanFromContext(ctx).AddEvent("section run again", trace.WithAttributes(sectionFault.String(string(fault))))
}
