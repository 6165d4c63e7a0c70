package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
)

// formats returns every format that exportd knows. Its commands, flags and help follow
// this list. help_test.go, list_test.go, run_test.go and verify_test.go quote it and have
// to be changed with it.
func formats() []archive.Format { return append(servedFormats(), xz.TarXz()) }

// servedFormats returns those that the API's contract names.
func servedFormats() []archive.Format { return archive.DefaultFormats() }

func formatNames(of []archive.Format) []string {
	var names []string
	for _, f := range of {
		names = append(names, f.Name())
	}
	return names
}

// formatOf returns the format that --format names.
func formatOf(name string, of []archive.Format) (archive.Format, error) {
	for _, f := range of {
		if f.Name() == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("--format %q is none of %s", name, strings.Join(formatNames(of), ", "))
}

// addFormatFlag gives a command the flag --format.
func addFormatFlag(c *cobra.Command, format *string, byDefault, usage string, of []archive.Format) {
	c.Flags().StringVar(format, "format", byDefault, usage+": "+strings.Join(formatNames(of), ", "))
	err := c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(of), cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // there is no such flag
	}
}
