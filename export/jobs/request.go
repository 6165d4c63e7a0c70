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

// JobRequest says what job to create.
type Request struct {
	OrganizationID string

	// Format is the name of an archive format. Defaults to the first of
	// [Config.Formats].
	Format string

	// Sections are the keys of the sections to export, in any order. Empty means
	// all or, of a retry, those of the job that is retried.
	Sections []string

	// RetryOf is the id of a job of the organization, in the same format, that
	// has ended. Of its sections those that were ok or empty are taken over, as
	// long as their parts are kept, and the others are run again, all labelled
	// with its AsOf. Empty means that everything is run.
	RetryOf string

	// Requester names who asks: see [Job.Requester].
	Requester string

	// Priority orders jobs that wait for a worker: of two the one with the greater
	// priority goes first, whoever's it is and however long the other has waited.
	// Defaults to 0. It does not make requests differ.
	Priority int
}

// RequestError tells what is wrong with a request, for whoever made it.
type RequestError struct {
	Field  string // the parameter of the API: archive_format, sections or retry_of
	Reason string // a sentence
}

func (e *RequestError) Error() string { return fmt.Sprintf("jobs: %s: %s", e.Field, e.Reason) }

// Public is the reason.
func (e *RequestError) Public() string { return e.Reason }

// ErrInFlight is matched when a job has not ended that should have.
var ErrInFlight = export.WithPublic(errors.New("jobs: job is in flight"), "The export to retry has not ended yet.")

// Check tells whether a request is valid in itself: it asks no port. The error
// is made of [*RequestError] values.
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

// Create stores a job and has it dispatched. If one of the same request is in
// flight that is returned instead, and false. A request that is not valid gives
// the error of [Service.Check]; a retry of a job that does not exist
// [export.ErrNotFound], of one that has not ended [ErrInFlight]; one that is over the
// quota of its organization a [*QuotaError].
func (s *Service) Create(ctx context.Context, r Request) (Job, bool, error) {
	if err := s.Check(r); err != nil {
		return Job{}, false, err
	}
	r.Format = cmp.Or(r.Format, s.config.Formats[0].Name())
	fresh := Job{
		Organization: export.Organization{ID: r.OrganizationID},
		Format:       r.Format,
		Sections:     s.sortedKeys(r.Sections),
		Requester:    r.Requester,
		Priority:     r.Priority,
	}
	if r.RetryOf != "" {
		if err := s.retry(ctx, &fresh, r); err != nil {
			return Job{}, false, err
		}
	}
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
	return job, true, nil
}

// retry makes j a retry of an earlier job: the same label, and what is sealed.
func (s *Service) retry(ctx context.Context, j *Job, r Request) error {
	old, err := s.config.Store.Get(ctx, r.OrganizationID, r.RetryOf)
	switch {
	case err != nil:
		return err
	case old.Status.InFlight():
		return ErrInFlight
	case old.Format != r.Format:
		return &RequestError{"retry_of", fmt.Sprintf("The export to retry has the archive format %q.", old.Format)}
	}
	j.RetryOf, j.Organization, j.AsOf = old.ID, old.Organization, old.AsOf
	if len(r.Sections) == 0 {
		j.Sections = old.Sections
	}
	for _, result := range old.Results {
		asked := len(j.Sections) == 0 || slices.Contains(j.Sections, result.Key)
		if !asked || result.Status != export.StatusOK && result.Status != export.StatusEmpty {
			continue
		}
		if i := slices.IndexFunc(old.Parts, func(id export.PartID) bool { return id.Section == result.Key }); i >= 0 {
			j.Parts = append(j.Parts, old.Parts[i])
			j.Results = append(j.Results, result)
		}
	}
	return nil
}

// dispatch sends a job to a worker. A failure is not the requester's: the job is
// dispatched again when its lease is over.
func (s *Service) dispatch(ctx context.Context, job Job) {
	if err := s.config.Dispatcher.Dispatch(ctx, Task{Kind: TaskExport, JobID: job.ID}); err != nil {
		s.log(job).WarnContext(ctx, "job not dispatched", "error", err)
	}
}
