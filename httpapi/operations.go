package httpapi

import (
	"context"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// input is the parameters of an operation. All are texts: what is wrong with them is
// found here, not by huma, and is said in the words of the contract.
type input interface {
	organization() string
	faults(a *api) []fault
}

// register adds an operation. do is called for valid requests whose principal may
// export the organization.
func register[I any, P interface {
	*I
	input
}, O any](a *api, op huma.Operation, do func(context.Context, *I) (*O, error)) {
	op.SkipValidateParams = true
	op.Security = credentials()
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := admit[I, P](ctx, a, in, do)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
}

func admit[I any, P interface {
	*I
	input
}, O any](ctx context.Context, a *api, in *I, do func(context.Context, *I) (*O, error)) (*O, error) {
	if faults := P(in).faults(a); len(faults) > 0 {
		return nil, a.invalid(faults)
	}
	if err := a.mayExport(ctx, P(in).organization()); err != nil {
		return nil, err
	}
	return do(ctx, in)
}

// jobIn names a job.
type jobIn struct {
	OrganizationID string `path:"organization_id"`
	JobID          string `path:"job_id"`
}

func (in *jobIn) organization() string { return in.OrganizationID }

func (in *jobIn) faults(*api) []fault {
	return append(organizationFaults(in), idFaults("path", "job_id", in.JobID)...)
}

func organizationFaults(in input) []fault {
	return idFaults("path", "organization_id", in.organization())
}

// createIn says what to export.
type createIn struct {
	OrganizationID string   `path:"organization_id"`
	ArchiveFormat  string   `query:"archive_format"`
	Sections       []string `query:"sections,explode"`
	RetryOf        string   `query:"retry_of"`
}

func (in *createIn) organization() string { return in.OrganizationID }

func (in *createIn) request() jobs.Request {
	r := jobs.Request{OrganizationID: in.OrganizationID, Format: in.ArchiveFormat, RetryOf: in.RetryOf}
	for key := range strings.SplitSeq(strings.Join(in.Sections, ","), ",") {
		if key != "" && !slices.Contains(r.Sections, key) {
			r.Sections = append(r.Sections, key)
		}
	}
	return r
}

func (in *createIn) faults(a *api) []fault {
	return append(organizationFaults(in), requestFaults(a.config.Service.Check(in.request()))...)
}

func (a *api) getJob(ctx context.Context, in *jobIn) (*statusResponse, error) {
	job, err := a.config.Service.Get(ctx, in.OrganizationID, in.JobID)
	if err != nil {
		return nil, err
	}
	return a.status(ctx, job)
}

func (a *api) createJob(ctx context.Context, in *createIn) (*statusResponse, error) {
	request := in.request()
	request.Requester = principalOf(ctx).Name
	job, created, err := a.config.Service.Create(ctx, request)
	if err != nil {
		return nil, err
	}
	if created {
		a.recordEntry(ctx, audit.Entry{
			Action: audit.Requested, OrganizationID: job.Organization.ID, JobID: job.ID, Object: job.RetryOf,
		})
	}
	return a.status(ctx, job)
}

func (a *api) deleteJob(ctx context.Context, in *jobIn) (*struct{}, error) {
	done, err := a.config.Service.Delete(ctx, in.OrganizationID, in.JobID)
	if err != nil {
		return nil, err
	}
	switch done {
	case jobs.Cancelled:
		a.record(ctx, audit.Cancelled, in.OrganizationID, in.JobID)
	case jobs.Purged:
		a.record(ctx, audit.Purged, in.OrganizationID, in.JobID)
	case jobs.NothingDeleted:
	}
	return nil, nil
}
