package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export/jobs"
)

const jobsListHelp = `List shows the newest exports, of all organizations or of one. TIME is how long ago an
export was requested or, once it has ended, how long it took from then on. SECTIONS
are those that are done, of all of them, and FAILED those of them that lack
something. ATTEMPT counts the workers that have begun it.

A terminal shows as many columns as it has room for. With --json each export is a
line, with all that exportd jobs show tells.`

// jobListOptions are the flags of jobs list.
type jobListOptions struct {
	serverOptions
	organization string
	statuses     []string
	limit        int
	json         bool
}

func jobsListCommand() *cobra.Command {
	var o jobListOptions
	c := newCommand("list [--organization ID] [flags]", "List exports, newest first", jobsListHelp, o.list)
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.organization, "organization", "", "`ID` of an organization (default: all)")
	f.StringSliceVar(&o.statuses, "status", nil, "`STATUS` of those that are listed, may be given again: "+strings.Join(statusNames(), ", ")+" (default: all)")
	if err := c.RegisterFlagCompletionFunc("status", cobra.FixedCompletions(statusNames(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
	limitFlag(c, &o.limit, "exports")
	f.BoolVar(&o.json, "json", false, "print a JSON object a line")
	return c
}

// statusNames are the statuses that jobs have.
func statusNames() []string {
	return []string{string(jobs.Pending), string(jobs.Processing), string(jobs.Completed), string(jobs.Failed)}
}

// filter is what the flags ask for.
func (o *jobListOptions) filter() (bunstore.JobFilter, error) {
	var filter bunstore.JobFilter
	if o.organization != "" {
		if err := resolveOrganization(&o.organization); err != nil {
			return filter, err
		}
	}
	for _, status := range o.statuses {
		if !slices.Contains(statusNames(), status) {
			return filter, fmt.Errorf("--status %q is none of %s", status, strings.Join(statusNames(), ", "))
		}
		filter.Statuses = append(filter.Statuses, jobs.Status(status))
	}
	filter.OrganizationID = o.organization
	return filter, checkLimit(o.limit)
}

func (o *jobListOptions) list(ctx context.Context) error {
	filter, err := o.filter()
	if err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		now, err := store.Now(ctx)
		if err != nil {
			return err
		}
		if o.json {
			out := newJSONLines(os.Stdout)
			err := eachJob(ctx, store, filter, o.limit, func(job jobs.Job) error { return out.add(newListedJob(job)) })
			return unlessUnread(errors.Join(err, out.flush()))
		}
		var rows [][]string
		err = eachJob(ctx, store, filter, o.limit, func(job jobs.Job) error {
			rows = append(rows, newListedJob(job).cells(now))
			return nil
		})
		if err != nil {
			return err
		}
		// What matters most comes first: a narrow terminal has no room for the rest.
		heads := []string{"JOB", "STATUS", "TIME", "SECTIONS", "FAILED", "ORGANIZATION", "REQUESTED", "SIZE", "FORMAT", "ATTEMPT"}
		return printTable(os.Stdout, tableWidth(os.Stdout), heads, rows)
	})
}

// jobsAtOnce is how many jobs are read at once.
const jobsAtOnce = 100

// eachJob calls do with up to limit jobs, newest first.
func eachJob(ctx context.Context, store *bunstore.Store, filter bunstore.JobFilter, limit int, do func(jobs.Job) error) error {
	for limit > 0 {
		size := min(limit, jobsAtOnce)
		page, err := store.Newest(ctx, filter, size)
		if err != nil {
			return err
		}
		for _, job := range page {
			if err := do(job); err != nil {
				return err
			}
		}
		if len(page) < size {
			return nil
		}
		limit -= size
		filter.Before = page[size-1]
	}
	return nil
}

// cells are those of the job's line in the table.
func (j listedJob) cells(now time.Time) []string {
	done, incomplete := 0, 0
	for _, s := range j.Sections {
		if s.ended() {
			done++
		}
		if s.incomplete() {
			incomplete++
		}
	}
	sections := fmt.Sprintf("%d/%d", done, len(j.Sections))
	if len(j.Sections) == 0 {
		sections = "-"
	}
	failed, length := "-", "-"
	if incomplete > 0 {
		failed = strconv.Itoa(incomplete)
	}
	if j.Size > 0 {
		length = size(j.Size)
	}
	return []string{
		shown(j.ID), shown(j.Status), span(j.took(now)), sections, failed, shown(j.OrganizationID),
		day(&j.RequestedAt), length, shown(j.Format), strconv.Itoa(j.Attempt),
	}
}

// took is how long a job has taken since it was requested, so far or altogether.
func (j listedJob) took(now time.Time) time.Duration {
	if j.FinishedAt != nil {
		now = *j.FinishedAt
	}
	return now.Sub(j.RequestedAt)
}
