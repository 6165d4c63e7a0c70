package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const runHelp = `Run exports everything that an organization owns into one archive, as the
configuration file describes it (see exportd help config).

The archive appears whole or not at all. It is readable by its owner only; an
existing FILE is replaced once the new one is complete. FILE may be a folder,
for a file of the default name in it, or a device or pipe, which is written as
it is. While it runs, progress is shown if standard error is a terminal. The
inventory goes to standard output, or to standard error with --out -.

The archive is made, too, if a section failed or skipped items, unless that is
required. Which sections are incomplete and why is said on standard error, and the
exit status is 3; with --allow-partial it is 0. Skipped items are listed in the
archive; the log has one line for those of a section that have the same reason, and
with --log-level debug one for each.

SIGINT, SIGTERM and SIGHUP end the run and leave nothing behind. A second one
kills at once, which may leave a file ".NAME.partial-NUMBER" beside FILE.

Exit status:
  0    the archive was made, and every section is ok or empty
  1    no archive was made
  2    wrong usage or configuration
  3    the archive was made, but a section is incomplete (0 with --allow-partial)
  130  ended by SIGINT (128 and the number of the signal; 143 by SIGTERM)`

// runOptions are the flags of run.
type runOptions struct {
	config, organization, format, out, asOf string
	json, allowPartial                      bool
	logging                                 logging
}

func runCommand() *cobra.Command {
	var o runOptions
	c := newCommand("run [--config FILE] --organization ID [flags]", "Export one organization into an archive", runHelp, o.run)
	configFlag(c, &o.config, configUsage)
	f := c.Flags()
	f.StringVar(&o.organization, "organization", "", "`ID` of the organization (required): that of the API, its UUID or its number (see exportd id)")
	addFormatFlag(c, &o.format, "zip", "`FORMAT` of the archive", config.Formats())
	f.StringVar(&o.out, "out", "", "`FILE` or folder for the archive, - for standard output (default: a file in this folder)")
	f.StringVar(&o.asOf, "as-of", "", "`TIME` that the export is labelled with, in RFC 3339; the same time, data and configuration give the same bytes (default: now)")
	f.BoolVar(&o.json, "json", false, "print the inventory as JSON")
	f.BoolVar(&o.allowPartial, "allow-partial", false, "end with status 0 if a section is incomplete, too")
	o.logging.flags(c, slog.LevelWarn)
	requireFlags(c, "organization")
	return c
}

// request checks the flags and makes a request of them that has no organization
// yet.
func (o *runOptions) request() (export.Request, error) {
	r := export.Request{AsOf: time.Now()}
	var err error
	if r.Format, err = formatOf(o.format, config.Formats()); err != nil {
		return r, err
	}
	if o.asOf != "" {
		t, err := time.Parse(time.RFC3339, o.asOf)
		if err != nil {
			return r, fmt.Errorf("--as-of %q is not a time such as 2026-06-26T21:00:00Z", o.asOf)
		}
		r.AsOf = t
	}
	r.AsOf = r.AsOf.UTC().Truncate(time.Second)
	if o.organization == "" {
		return r, errors.New("--organization is empty")
	}
	if isStandardOutput(o.out) && isTerminal(os.Stdout) {
		return r, errTerminal
	}
	return r, nil
}

func (o *runOptions) run(ctx context.Context) error {
	request, err := o.request()
	if err != nil {
		return err
	}
	c, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	stderr := newScreen(os.Stderr, c)
	made, err := o.export(ctx, c, request, stderr)
	if err != nil {
		return failed(err)
	}
	inventoryTo := io.Writer(os.Stdout)
	if isStandardOutput(made.Path) {
		inventoryTo = stderr
	}
	if err := made.print(inventoryTo, o.json); err != nil {
		return failed(fmt.Errorf("the archive %s was made, but not its inventory: %w", made.Path, err))
	}
	if o.allowPartial {
		return nil
	}
	return made.incomplete()
}

// export makes the archive of the request, which has no organization yet, and
// returns what is in it.
func (o *runOptions) export(ctx context.Context, c *config.Config, request export.Request, stderr *screen) (made inventory, err error) {
	logger := o.logging.logger(stderr, c.Log)
	logWarnings(logger, c)
	setup, err := wire.Open(c, nil, logger)
	if err != nil {
		return made, err
	}
	defer func() {
		if cerr := setup.Close(); err == nil {
			err = cerr
		}
	}()
	if request.Organization, err = setup.OrganizationByKey(ctx, o.organization, organizationIDs(o.organization)); err != nil {
		return made, err
	}
	request.JobID = export.RunJobID(request.Organization.ID, request.AsOf)
	request.Observe = stderr.observe

	path := inFolder(o.out, setup.Engine.Filename(request))
	if isStandardOutput(path) {
		path = "-"
	}
	var result export.Result
	err = writeOutput(path, func(w io.Writer) (err error) {
		defer stderr.close()
		result, err = setup.Engine.Export(ctx, request, w)
		return err
	})
	if err != nil {
		return made, err
	}
	made = newInventory(path, request, result)
	for _, s := range made.Sections {
		if isIncomplete(s) {
			complain(stderr, fmt.Errorf("warning: section %q is incomplete (%s): %s", s.Key, s.Status, s.Error))
		}
	}
	return made, nil
}
