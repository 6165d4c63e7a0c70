package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Request says which job to create.
type Request struct {
	OrganizationID string

	// Format is the name of an archive format. Defaults to the first of
	// [Config.Formats], or in a retry to that of the job that is retried.
	Format string

	// Sections are the keys of the sections to export, in any order. Empty means
	// all sections, or in a retry those of the job that is retried.
	Sections []string

	// RetryOf is the id of an ended job of the organization, in the same format. Its
	// sections that were ok or empty are taken over if their parts are still kept, by the
	// same configuration; the others run again, and so do sections that it did not have.
	// AsOf stays that of the retried job. It may be a retry itself: then parts that it had
	// taken over are taken over again. Empty means that everything runs.
	RetryOf string

	// Requester is the name of the principal that requests the export.
	Requester string

	// FanOut says whether several workers may export the job at once. Defaults to
	// [Config.FanOut]. Requests that differ only in that are the same request.
	FanOut FanOut

	// Priority orders the jobs that wait for a worker: a greater priority goes
	// first, in all organizations. Defaults to 0. Requests that differ only in their
	// priority are the same request.
	Priority int
}

// RequestError says what is wrong with a request. It is for the requester.
type RequestError struct {
	Field  string // the parameter of the API: archive_format, sections or retry_of
	Reason string // a sentence
}

func (e *RequestError) Error() string { return fmt.Sprintf("jobs: %s: %s", e.Field, e.Reason) }

// Public returns the reason.
func (e *RequestError) Public() string { return e.Reason }

// ErrInFlight is matched when the job to retry has not ended yet.
var ErrInFlight = export.WithPublic(errors.New("jobs: job is in flight"), "The export to retry has not ended yet.")

// Check reports whether a request is valid in itself. It uses no port. The error
// joins [*RequestError] values, one for each problem.
func (s *Service) Check(r Request) error {
	var errs []error
	if _, ok := s.format(r.Format); !ok && r.Format != "" {
		errs = append(errs, &RequestError{"archive_format", fmt.Sprintf("There is no archive format %q.", r.Format)})
	}
	for _, key := range r.Sections {
		if !slices.Contains(s.Keys(), key) {
			errs = append(errs, &RequestError{"sections", fmt.Sprintf("There is no section %q.", key)})
		}
	}
	if r.RetryOf != "" && !export.ValidID(r.RetryOf) {
		errs = append(errs, &RequestError{"retry_of", "It is not the id of a job."})
	}
	return errors.Join(errs...)
}

// Create stores a job, dispatches it and returns it and true. If a job of the same
// request is in flight, Create returns that job and false, so that it is safe to
// repeat a request.
//
// The error is that of [Service.Check], or matches [export.ErrNotFound] if the job
// to retry does not exist and [ErrInFlight] if it has not ended, or is a
// [*QuotaError].
func (s *Service) Create(ctx context.Context, r Request) (Job, bool, error) {
	if err := s.Check(r); err != nil {
		return Job{}, false, err
	}
	fresh := Job{
		Organization: export.Organization{ID: r.OrganizationID},
		Format:       cmp.Or(r.Format, s.config.Formats[0].Name()),
		Sections:     s.sortedKeys(r.Sections),
		Requester:    r.Requester,
		Priority:     r.Priority,
		FanOut:       r.FanOut,
	}
	if r.RetryOf != "" {
		if err := s.retry(ctx, &fresh, r); err != nil {
			return Job{}, false, err
		}
	}
	fresh.Keys = s.keysOf(fresh.Sections)
	job, created, err := s.config.Store.Create(ctx, r.OrganizationID, func(now time.Time, usage Usage) (Job, error) {
		j := fresh.Clone()
		j.ID = s.config.NewID()
		s.rules.create(now, &j)
		return j, s.config.Quota.check(now, usage)
	})
	if err != nil || !created {
		return job, false, err
	}
	s.tell(ctx, job, []Step{StepCreated})
	s.dispatch(ctx, job)
	s.warnRequester(ctx, job)
	return job, true, nil
}

// dispatch sends a job to a worker. A failure is only logged, because the job is
// dispatched again when its lease is over.
func (s *Service) dispatch(ctx context.Context, job Job) {
	if err := s.config.Dispatcher.Dispatch(ctx, Task{Kind: TaskExport, JobID: job.ID}); err != nil {
		s.log(job).WarnContext(ctx, "job not dispatched", "error", err)
	}
}
