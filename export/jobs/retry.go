package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orgexport/orgexport/export"
)

// PartsUsage is implemented by a [Store] that knows whose parts are used by retries. Without
// it the parts of a job are deleted at the end of their retention although a retry that is in
// flight has taken them over, which then runs their sections again.
type PartsUsage interface {
	// PartsInUse reports whether any other job that is in flight has a part of this job in
	// its Parts. It is false if there is no such job.
	PartsInUse(ctx context.Context, jobID string) (bool, error)
}

// TakenOver returns the keys of the sections whose parts were made by another job, which
// this one retries. They do not run. Once its own parts are deleted, a job knows of none.
func (j Job) TakenOver() []string {
	var keys []string
	for _, id := range j.Parts {
		if id.JobID != j.ID && !slices.Contains(keys, id.Section) {
			keys = append(keys, id.Section)
		}
	}
	return keys
}

// retry makes j a retry of an earlier job: with its format, AsOf and good parts.
func (s *Service) retry(ctx context.Context, j *Job, r Request) error {
	old, err := s.config.Store.Get(ctx, r.OrganizationID, r.RetryOf)
	if err != nil {
		return err
	}
	_, known := s.format(old.Format)
	switch {
	case old.Status.InFlight():
		return ErrInFlight
	case r.Format != "" && old.Format != r.Format:
		return &RequestError{"retry_of", fmt.Sprintf("The export to retry has the archive format %q.", old.Format)}
	case !known:
		return &RequestError{"retry_of", fmt.Sprintf("The archive format %q of the export to retry is not available any more.", old.Format)}
	}
	j.RetryOf, j.Organization, j.Format, j.AsOf = old.ID, old.Organization, old.Format, old.AsOf
	if len(r.Sections) == 0 {
		j.Sections = old.Sections
	}
	s.takeOver(ctx, j, old)
	return nil
}

// takeOver gives j the good parts of an earlier job that are kept.
func (s *Service) takeOver(ctx context.Context, j *Job, old Job) {
	kept := make(map[string][]export.PartID) // by the job that made them
	for _, result := range old.Results {
		asked := len(j.Sections) == 0 || slices.Contains(j.Sections, result.Key)
		if !asked || result.Status != export.StatusOK && result.Status != export.StatusEmpty {
			continue
		}
		wanted := slices.DeleteFunc(slices.Clone(old.Parts), func(id export.PartID) bool { return id.Section != result.Key })
		missing := slices.ContainsFunc(wanted, func(id export.PartID) bool {
			parts, found := kept[id.JobID]
			if !found {
				parts = s.lend(ctx, id.JobID, old.Parts)
				kept[id.JobID] = parts
			}
			return !slices.Contains(parts, id)
		})
		if len(wanted) > 0 && !missing {
			j.Parts, j.Results = append(j.Parts, wanted...), append(j.Results, result)
		}
	}
}

// lend keeps the parts of an ended job until a retry is stored that uses them: from then on
// partsInUse does. It returns the parts that there are, or hopes if nobody knows: a worker
// looks for them again.
func (s *Service) lend(ctx context.Context, jobID string, hopes []export.PartID) []export.PartID {
	owner, _, err := s.update(ctx, jobID, s.rules.lend)
	switch {
	case err == nil:
		return owner.Parts
	case errors.Is(err, errNothingToDo) || errors.Is(err, export.ErrNotFound):
		return nil
	}
	s.config.Logger.WarnContext(ctx, "parts may be deleted before they are taken over", "job", jobID, "error", err)
	return hopes
}

// partsInUse reports whether a retry that is in flight uses parts of a job that has ended.
func (s *Service) partsInUse(ctx context.Context, job Job) (bool, error) {
	store, ok := s.config.Store.(PartsUsage)
	if !ok || len(job.Parts) == 0 || job.Status.InFlight() {
		return false, nil
	}
	used, err := store.PartsInUse(ctx, job.ID)
	if errors.Is(err, errors.ErrUnsupported) {
		return false, nil
	}
	return used, err
}
