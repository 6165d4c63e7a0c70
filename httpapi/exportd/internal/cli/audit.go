package cli

import (
	"cmp"
	"context"
	"errors"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export/audit"
)

const auditHelp = `Audit shows the audit log: who has requested, cancelled, purged and downloaded exports,
and who has made and revoked keys, sessions and members. Without --config it is that
of exportd.yaml in the current folder or, if there is none, of the demo that serve has
made there.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func auditCommand() *cobra.Command {
	return newGroup("audit", "Show the audit log", auditHelp, "list", auditListCommand())
}

const auditListHelp = `List shows the newest entries of the audit log, of all organizations or of one. OBJECT
is the export, key, session or member that something was done to. WHO is not known of
downloads by links that are not bound.

A terminal shows as many columns as it has room for. With --json each entry is a line,
with all that is recorded, such as the bytes of a download.`

// auditListOptions are the flags of audit list.
type auditListOptions struct {
	serverOptions
	organization, job string
	since             time.Duration // 0: all
	limit             int
	json              bool
}

func auditListCommand() *cobra.Command {
	var o auditListOptions
	c := newCommand("list [--organization ID] [flags]", "List entries of the audit log, newest first", auditListHelp, o.list)
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.organization, "organization", "", "`ID` of an organization (default: all)")
	f.StringVar(&o.job, "job", "", "`JOB_ID` of an export (default: all entries)")
	durationFlag(c, &o.since, "since", 0, "`DURATION` that entries are old at most, such as 7d (default: all)")
	limitFlag(c, &o.limit, "entries")
	f.BoolVar(&o.json, "json", false, "print a JSON object a line")
	return c
}

// check says what is wrong with the flags, and makes an id of the organization's key.
func (o *auditListOptions) check() error {
	if o.organization != "" {
		if err := resolveOrganization(&o.organization); err != nil {
			return err
		}
	}
	if o.since < 0 {
		return errors.New("--since is negative")
	}
	return checkLimit(o.limit)
}

func (o *auditListOptions) list(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		filter := bunstore.EntryFilter{OrganizationID: o.organization, JobID: o.job}
		if o.since > 0 {
			now, err := store.Now(ctx)
			if err != nil {
				return err
			}
			filter.Since = now.Add(-o.since)
		}
		entries, err := store.NewestEntries(ctx, filter, o.limit)
		if err != nil {
			return err
		}
		if o.json {
			out := newJSONLines(os.Stdout)
			for _, e := range entries {
				if err := out.add(listedEntry(e)); err != nil {
					return unlessUnread(err)
				}
			}
			return unlessUnread(out.flush())
		}
		heads := []string{"TIME", "WHO", "ACTION", "ORGANIZATION", "OBJECT", "ADDRESS"}
		return printTable(os.Stdout, tableWidth(os.Stdout), heads, rowsOf(entries, entryCells))
	})
}

// listedEntry is an entry of the audit log as it is shown.
type listedEntry struct {
	At             time.Time    `json:"at"`
	Action         audit.Action `json:"action"`
	Actor          string       `json:"actor,omitempty"`
	OrganizationID string       `json:"organization_id,omitempty"`
	JobID          string       `json:"job_id,omitempty"`
	Object         string       `json:"object,omitempty"`
	Address        string       `json:"address,omitempty"`
	Range          string       `json:"range,omitempty"`
	Bytes          int64        `json:"bytes,omitempty"`
	Complete       bool         `json:"complete,omitempty"`
	Requests       int64        `json:"requests,omitempty"`
}

// entryCells are those of the entry's line in the table.
func entryCells(e audit.Entry) []string {
	return []string{
		second(&e.At), dash(shown(e.Actor)), shown(string(e.Action)), dash(shown(e.OrganizationID)),
		dash(shown(cmp.Or(e.JobID, e.Object))), dash(shown(e.Address)),
	}
}
