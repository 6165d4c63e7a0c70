package cli

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"

	"github.com/spf13/cobra"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Long: `Version prints the version of this program, "devel" if it is none that was
released; the commit that it was built of and when that was made, in UTC, if that is
known; and what it was built with and for.`,
		Args: atMost(),
		RunE: printVersion,
	}
}

func printVersion(*cobra.Command, []string) error {
	_, err := fmt.Fprintln(os.Stdout, version(debug.ReadBuildInfo()))
	return failed(err)
}

// versionFlag gives the program its flag --version. That of cobra needs a template for this
// text, and a template may call any method by its name, so that the linker keeps them all.
func versionFlag(root *cobra.Command) {
	root.Flags().BoolFuncP("version", "v", "version for exportd", func(value string) error {
		asked, err := strconv.ParseBool(value)
		if root.RunE = nil; asked {
			root.RunE = printVersion
		}
		return err
	})
	root.Flags().Lookup("version").Annotations = map[string][]string{cobra.FlagSetByCobraAnnotation: {"true"}} // for completion
}

// version tells what the program was built of, in one line.
func version(info *debug.BuildInfo, ok bool) string {
	number, commit, at, changes := "devel", "", "", ""
	if ok {
		if v := info.Main.Version; v != "" && v != "(devel)" {
			number = v
		}
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = ", commit " + s.Value
			case s.Key == "vcs.time":
				at = " of " + s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changes = " with changes"
			}
		}
	}
	return fmt.Sprintf("exportd %s%s%s%s, %s %s/%s", number, commit, at, changes, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
