package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const jobsHelp = `Jobs shows and ends the exports that exportd serve was asked for, of all
organizations. Servers and workers may run meanwhile. Without --config they are
those of exportd.yaml in the current folder or, if there is none, of the demo that
serve has made there.

Exit status:
  0  done
  1  it failed, or there is no such job
  2  wrong usage or configuration`

func jobsCommand() *cobra.Command {
	return newGroup("jobs", "List, show, cancel and purge exports", jobsHelp, "list, show, cancel or purge",
		jobsListCommand(), jobsShowCommand(), jobsCancelCommand(), jobsPurgeCommand())
}

const jobsCancelHelp = `Cancel ends exports that wait or run, as DELETE of the API does. Their workers stop:
at once with jobs in PostgreSQL, and within seconds otherwise. The status of the job
is failed then. One that has ended already is left alone: see exportd jobs purge.

Each job that was cancelled is a line on standard output. If one cannot be, the
others are all the same, and the exit status is 1.`

func jobsCancelCommand() *cobra.Command {
	return endCommand("cancel", "Cancel exports that wait or run", jobsCancelHelp,
		func(ctx context.Context, server *wire.Server, job jobs.Job) (string, error) {
			err := server.Jobs().Cancel(ctx, job.Organization.ID, job.ID)
			if ended, ok := errors.AsType[*jobs.StatusError](err); ok {
				return "", fmt.Errorf("job %s has ended (%s); exportd jobs purge deletes what is kept of it", job.ID, ended.Status)
			}
			if err != nil {
				return "", err
			}
			return "cancelled", recordJob(ctx, server, audit.Cancelled, job)
		})
}

const jobsPurgeHelp = `Purge deletes the archives of exports that have ended, as DELETE of the API does, and
what is kept to retry them. Links to them do not work any more. The jobs stay in the
list until jobs.retention is over. One that waits or runs is left alone: see exportd
jobs cancel.

Each job is a line on standard output. If one cannot be purged, the others are all
the same, and the exit status is 1.`

func jobsPurgeCommand() *cobra.Command {
	return endCommand("purge", "Delete the archives of exports that have ended", jobsPurgeHelp,
		func(ctx context.Context, server *wire.Server, job jobs.Job) (string, error) {
			done, err := server.Jobs().Purge(ctx, job.Organization.ID, job.ID)
			if flying, ok := errors.AsType[*jobs.StatusError](err); ok {
				return "", fmt.Errorf("job %s has not ended (%s); exportd jobs cancel ends it", job.ID, flying.Status)
			}
			switch {
			case err != nil:
				return "", err
			case done == jobs.NothingDeleted:
				return "has no archive", nil
			}
			return "purged", recordJob(ctx, server, audit.Purged, job)
		})
}

// recordJob adds to the audit trail what the operator has done to a job.
func recordJob(ctx context.Context, server *wire.Server, action audit.Action, job jobs.Job) error {
	return recordEntry(ctx, server.Store, audit.Entry{Action: action, OrganizationID: job.Organization.ID, JobID: job.ID})
}

// endCommand returns a command that does something to each of some jobs, and tells what it did.
func endCommand(name, short, long string, do func(context.Context, *wire.Server, jobs.Job) (string, error)) *cobra.Command {
	var o serverOptions
	c := &cobra.Command{
		Use:   name + " JOB_ID … [flags]",
		Short: short,
		Long:  long,
		Args: func(c *cobra.Command, ids []string) error {
			if len(ids) == 0 {
				return exactly("JOB_ID")(c, ids)
			}
			return nil
		},
		RunE: func(c *cobra.Command, ids []string) error {
			return o.withServer(c.Context(), func(server *wire.Server) error {
				var all []error
				for _, id := range ids {
					all = append(all, endJob(c.Context(), server, id, do))
				}
				return errors.Join(all...)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	o.logging.flags(c, slog.LevelWarn)
	return c
}

// endJob does something to a job of which only the id is known.
func endJob(ctx context.Context, server *wire.Server, id string, do func(context.Context, *wire.Server, jobs.Job) (string, error)) error {
	job, err := server.Store.JobByID(ctx, id)
	if err != nil {
		return noJob(id, err)
	}
	done, err := do(ctx, server, job)
	if done != "" {
		_, printing := fmt.Printf("%s  organization %s: %s\n", job.ID, job.Organization.ID, done)
		err = errors.Join(err, unlessUnread(printing))
	}
	return err
}

// noJob is the error of a job that could not be read.
func noJob(id string, err error) error {
	if errors.Is(err, export.ErrNotFound) {
		return fmt.Errorf("there is no job with the id %q", id)
	}
	return err
}

// withServer opens what changes jobs, calls use with it and closes it.
func (o *serverOptions) withServer(ctx context.Context, use func(*wire.Server) error) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	server, err := wire.OpenOperator(ctx, c, o.logger(c))
	if err != nil {
		return failed(err)
	}
	return failed(errors.Join(use(server), server.Close()))
}
