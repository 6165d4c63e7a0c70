package cli

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
)

const jobsShowHelp = `Show tells all about an export: who asked for it and when, which worker has it, how
far each section is and what is wrong with it, who helps, and what became of the
archive. It shows no links, and nothing of what is exported. The id is enough,
whichever organization's export it is.`

func jobsShowCommand() *cobra.Command {
	var o serverOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "show JOB_ID [flags]",
		Short: "Show all about an export",
		Long:  jobsShowHelp,
		Args:  exactly("JOB_ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				return showJob(c.Context(), store, args[0], asJSON)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func showJob(ctx context.Context, store *bunstore.Store, id string, asJSON bool) error {
	job, err := store.JobByID(ctx, id)
	if err != nil {
		return noJob(id, err)
	}
	now, err := store.Now(ctx)
	if err != nil {
		return err
	}
	listed := newListedJob(job)
	if asJSON {
		return unlessUnread(writeJSON(os.Stdout, listed, "  "))
	}
	return listed.print(os.Stdout, now)
}

// print prints the job for people: a line for each fact, and tables of sections and of the workers
// that share it.
func (j listedJob) print(w *os.File, now time.Time) error {
	var facts [][]string
	fact := func(name, value string) {
		if value != "" {
			facts = append(facts, []string{name, value})
		}
	}
	j.origin(fact, now)
	j.run(fact, now)
	j.archive(fact, now)
	if err := printTable(w, 0, nil, facts); err != nil {
		return err
	}
	for _, t := range []struct {
		heads []string
		rows  [][]string
	}{
		{[]string{"SECTION", "STATUS", "RECORDS", "BINARIES", "SIZE", "DONE", "ERROR"}, rowsOf(j.Sections, listedSection.cells)},
		{[]string{"HELPER", "NODE", "LEASE UNTIL"}, rowsOf(j.Helpers, listedHelper.cells)},
		{[]string{"SHARD", "STATUS", "WORKER", "LOST", "RECORDS", "BINARIES"}, rowsOf(j.Shards, listedShard.cells)},
	} {
		if len(t.rows) == 0 {
			continue
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return unlessUnread(err)
		}
		if err := printTable(w, 0, t.heads, t.rows); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf returns the cells of each item.
func rowsOf[T any](items []T, cells func(T) []string) [][]string {
	rows := make([][]string, len(items))
	for i, item := range items {
		rows[i] = cells(item)
	}
	return rows
}

// origin tells of the request.
func (j listedJob) origin(fact func(name, value string), now time.Time) {
	fact("job", shown(j.ID))
	fact("organization", shown(j.OrganizationID))
	fact("slug", shown(j.OrganizationSlug))
	fact("name", shown(j.OrganizationName))
	fact("format", shown(j.Format))
	if len(j.RequestedSections) > 0 {
		fact("sections", shown(strings.Join(j.RequestedSections, ", ")))
	}
	fact("retry of", shown(j.RetryOf))
	fact("requested", when(&j.RequestedAt, now))
	fact("by", shown(j.Requester))
	fact("as of", second(j.AsOf))
}

// run tells what became of the job, or which worker has it.
func (j listedJob) run(fact func(name, value string), now time.Time) {
	status := j.Status
	switch {
	case j.Cancelled:
		status += ", cancelled"
	case j.PutOff:
		status += ", put off"
	}
	fact("status", shown(status))
	fact("error", shown(j.Error))
	attempt := strconv.Itoa(j.Attempt)
	if j.Failures > 0 {
		attempt += fmt.Sprintf(", %d failed", j.Failures)
	}
	if j.Suspect > 0 {
		attempt += fmt.Sprintf(", its worker was lost %s", []string{"", "once", "twice or more"}[min(j.Suspect, 2)])
	}
	fact("attempt", attempt)
	fact("begun", when(j.ClaimedAt, now))
	fact("worker", shown(j.Worker))
	fact("lease until", when(j.LeaseUntil, now))
	fact("snapshot", when(j.SnapshotOpenedAt, now))
	fact("ended", when(j.FinishedAt, now))
	fact("took", span(j.took(now)))
}

// archive tells of the archive, and how long it and the parts are kept.
func (j listedJob) archive(fact func(name, value string), now time.Time) {
	fact("file", shown(j.Filename))
	if j.Size > 0 {
		fact("size", fmt.Sprintf("%d bytes (%s)", j.Size, size(j.Size)))
	}
	fact("sha256", j.SHA256)
	fact("object key", shown(j.ObjectKey))
	if j.ObjectKey == "" && j.Size > 0 {
		fact("archive", "deleted")
	}
	if j.DamagedAt != nil {
		fact("damaged", when(j.DamagedAt, now))
	}
	fact("archive until", when(j.ExpiresAt, now))
	fact("parts until", when(j.PartsUntil, now))
}

// when is an instant for people, with how long ago or ahead it is.
func when(t *time.Time, now time.Time) string {
	switch {
	case t == nil:
		return ""
	case t.After(now):
		return second(t) + "  (in " + span(t.Sub(now)) + ")"
	}
	return second(t) + "  (" + span(now.Sub(*t)) + " ago)"
}

// second is an instant for people.
func second(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// cells are those of the section's line in the table.
func (s listedSection) cells() []string {
	bytes, done := "-", "-"
	if s.Bytes > 0 {
		bytes = size(s.Bytes)
	}
	if s.Total > 0 {
		done = fmt.Sprintf("%d of %d", s.Done, s.Total)
	}
	return []string{
		shown(s.Key), shown(s.Status), strconv.FormatInt(s.Records, 10), strconv.FormatInt(s.Binaries, 10), bytes, done, dash(shown(s.Error)),
	}
}

func (h listedHelper) cells() []string {
	return []string{strconv.Itoa(h.Number), shown(h.Node), second(&h.LeaseUntil)}
}

func (s listedShard) cells() []string {
	name, worker := fmt.Sprintf("%s/%d", s.Section, s.Number), "-"
	if s.Worker > 0 {
		worker = strconv.Itoa(s.Worker)
	}
	status := s.Status
	if s.Local {
		status += ", not for helpers"
	}
	return []string{
		shown(name), status, worker, strconv.Itoa(s.Lost), strconv.FormatInt(s.Records, 10), strconv.FormatInt(s.Binaries, 10),
	}
}
