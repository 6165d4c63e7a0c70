package httpapi

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
)

// pollAfter is how many seconds a client is asked to wait before it polls again.
const pollAfter = "2"

// statusResponse is a response with a job.
type statusResponse struct {
	Body orgExportStatusOut
}

// status answers with a job. While the job has not ended, it asks the client to poll
// again.
func (a *api) status(ctx context.Context, job jobs.Job) (*statusResponse, error) {
	out, err := a.statusOf(ctx, job)
	if err != nil {
		return nil, err
	}
	if r := requestOf(ctx); r != nil && job.Status.InFlight() {
		r.header.Set("Retry-After", pollAfter)
	}
	return &statusResponse{out}, nil
}

// statusOf returns a job as clients see it, with a fresh link to its archive. If that is
// damaged there is no link, and an error that says so; the job stays completed.
func (a *api) statusOf(ctx context.Context, job jobs.Job) (orgExportStatusOut, error) {
	out := orgExportStatusOut{
		JobID:          job.ID,
		Status:         orgExportStatusEnum(job.Status),
		ArchiveFormat:  orgExportArchiveFormatEnum(job.Format),
		FormatVersion:  export.FormatVersion,
		OutputFilename: orNull(job.Filename),
		FileSizeBytes:  job.Size,
		Sections:       a.inventory(job),
		Error:          orNull(job.Error),
	}
	link, err := a.config.Service.Link(access.WithPrincipal(ctx, principalOf(ctx)), job)
	if errors.Is(err, jobs.ErrDamaged) {
		out.Error = orNull(publicText(err))
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("httpapi: make a link: %w", err)
	}
	if link.URL != "" {
		a.recordLink(ctx, job)
		out.DownloadURL, out.ExpiresAt = orNull(link.URL), orNull(link.ExpiresAt.UTC().Format(timestampLayout))
	}
	return out, nil
}

// orNull returns what becomes null in JSON if there is no text.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// inventory lists the sections of a job that have ended, in the order of the
// archive.
func (a *api) inventory(job jobs.Job) []orgExportSectionOut {
	results := slices.Clone(job.Results)
	if job.Status != jobs.Completed { // else they are in order
		keys := a.config.Service.Keys()
		slices.SortStableFunc(results, func(x, y export.SectionResult) int {
			return slices.Index(keys, x.Key) - slices.Index(keys, y.Key)
		})
	}
	sections := make([]orgExportSectionOut, len(results))
	for i, r := range results {
		sections[i] = orgExportSectionOut{r.Key, string(r.Status), r.Records, r.Binaries, r.Error}
	}
	return sections
}
