package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const migrateHelp = `Migrate brings the tables of jobs, API keys and the audit trail up to date and, in
PostgreSQL, those of River, which brings jobs to workers. It may be run by several
processes at once, and again. Serve and worker do the same when they start; run
this first where they may not change tables.

Exit status:
  0  the tables are up to date
  1  it failed, or the tables are those of a newer exportd
  2  wrong usage or configuration`

func migrateCommand() *cobra.Command {
	var o serverOptions
	c := newCommand("migrate [--config FILE] [flags]", "Bring the tables of the server up to date", migrateHelp, o.migrate)
	o.flags(c)
	return c
}

func (o *serverOptions) migrate(ctx context.Context) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	if err := wire.Migrate(ctx, c, o.logger(c)); err != nil {
		return failed(err)
	}
	_, err = fmt.Println("the tables are up to date")
	return failed(err)
}
