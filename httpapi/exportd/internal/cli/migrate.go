package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
)

const migrateHelp = `Migrate brings the tables of jobs, API keys and the audit trail up to date. It may
be run by several processes at once, and again. Serve does the same when it
starts; run this first where serve may not change tables.

Exit status:
  0  the tables are up to date
  1  it failed, or the tables are those of a newer exportd
  2  wrong usage or configuration`

func migrateCommand() *cobra.Command {
	var o serverOptions
	c := &cobra.Command{
		Use:   "migrate [--config FILE] [flags]",
		Short: "Bring the tables of the server up to date",
		Long:  migrateHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.withStore(c.Context(), func(*bunstore.Store) error { // which it does
				_, err := fmt.Println("the tables are up to date")
				return err
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	return c
}
