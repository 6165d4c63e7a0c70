package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
)

func formats() []archive.Format { return []archive.Format{archive.Zip(), archive.TarGz(), xz.TarXz()} }

func formatNames() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.Name())
	}
	return names
}

// formatOf returns the format that --format names.
func formatOf(name string) (archive.Format, error) {
	for _, f := range formats() {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("--format %q is none of %s", name, strings.Join(formatNames(), ", "))
}

// addFormatFlag gives a command the flag --format.
func addFormatFlag(c *cobra.Command, format *string, byDefault, usage string) {
	c.Flags().StringVar(format, "format", byDefault, usage+": "+strings.Join(formatNames(), ", "))
	err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // there is no such flag
	}
}
