package httpapi

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// auditTimeout bounds how long it takes to write an entry. It is written even if the
// client has gone.
const auditTimeout = 5 * time.Second

// linkEvery is how often at most the trail notes links to an archive for a principal.
const linkEvery = time.Hour

// recordLink notes that the principal of ctx got a link, unless some process has done
// so within the hour. The counter knows.
func (a *api) recordLink(ctx context.Context, job jobs.Job) {
	key := "link:" + principalOf(ctx).Name + ":" + job.ID
	if a.config.Audit == nil || !a.touched.due(key, time.Time{}, a.config.Now()) {
		return
	}
	windows, err := a.config.Counter.Count(ctx, key, linkEvery)
	if err == nil && windows[0].Count > 1 {
		return
	}
	a.record(ctx, audit.Linked, job.Organization.ID, job.ID) // rather twice than not at all
}

// record adds to the trail what was done to a job. If that fails, it is logged: what
// was done cannot be undone.
func (a *api) record(ctx context.Context, action audit.Action, organizationID, jobID string) {
	a.recordEntry(ctx, audit.Entry{Action: action, OrganizationID: organizationID, JobID: jobID})
}

// recordEntry adds an entry and fills in who did it and when.
func (a *api) recordEntry(ctx context.Context, entry audit.Entry) {
	if a.config.Audit == nil {
		return
	}
	entry.At, entry.Actor = a.config.Now().UTC().Truncate(time.Millisecond), principalOf(ctx).Name
	if r := requestOf(ctx); r != nil {
		entry.Address = r.address
	}
	to, cancel := context.WithTimeout(context.WithoutCancel(ctx), auditTimeout)
	defer cancel()
	if err := a.config.Audit.Record(to, entry); err != nil {
		a.log(ctx).ErrorContext(ctx, "not recorded in the audit trail", "action", entry.Action, "actor", entry.Actor,
			"organization", entry.OrganizationID, "job", entry.JobID, "error", err)
	}
}
