package jobstest

import (
	"context"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// run works off what a MemDispatcher has, until ctx ends or nothing is left.
func (d *MemDispatcher) run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	for tasks := d.Take(); len(tasks) > 0 && ctx.Err() == nil; tasks = d.Take() {
		for _, task := range tasks {
			if err := work(ctx, task); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestMemDispatcherKit(t *testing.T) {
	RunDispatcher(t, func(*testing.T) Worked { return breakDispatcher(func(*Worked) {}) })
}

func TestMemSignerKit(t *testing.T) {
	RunSigner(t, func(*testing.T) jobs.Signer { return new(MemSigner) })
}

func TestMemOrganizationsKit(t *testing.T) {
	RunOrganizations(t, func(_ *testing.T, have ...export.Organization) jobs.Organizations {
		m := make(MemOrganizations)
		for _, o := range have {
			m[o.ID] = o
		}
		return m
	})
}
