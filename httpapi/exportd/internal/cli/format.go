package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// formatOf returns the format that --format names.
func formatOf(name string, of []archive.Format) (archive.Format, error) {
	f, ok := config.FormatNamed(name, of)
	if !ok {
		return nil, fmt.Errorf("--format %q is none of %s", name, strings.Join(config.FormatNames(of), ", "))
	}
	return f, nil
}

// addFormatFlag gives a command the flag --format.
func addFormatFlag(c *cobra.Command, format *string, byDefault, usage string, of []archive.Format) {
	names := config.FormatNames(of)
	c.Flags().StringVar(format, "format", byDefault, usage+": "+strings.Join(names, ", "))
	err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // there is no such flag
	}
}
