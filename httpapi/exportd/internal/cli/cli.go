// Package cli has the commands of exportd: flags, output and exit statuses. What
// they do is in the library.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// Exit statuses, beside 128 and the number of the signal that ended a run.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitIncomplete = 3
)

// Main runs the command that args ask for and returns the exit status.
func Main(ctx context.Context, args []string) int {
	collectOften()
	ctx, stop := withSignals(ctx)
	defer stop()
	err := execute(ctx, args)
	if err == nil {
		return 0
	}
	if stopped, ok := errors.AsType[*signalError](context.Cause(ctx)); ok {
		complain(os.Stderr, stopped)
		return stopped.status()
	}
	complain(os.Stderr, err)
	if _, ok := errors.AsType[*incompleteError](err); ok {
		return exitIncomplete
	}
	if _, ok := errors.AsType[*failure](err); ok {
		return exitFailed
	}
	return exitUsage
}

// failure is an error of a command that was asked for in the right way. All
// others are errors of usage or configuration.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// incompleteError says that there is an archive that lacks something.
type incompleteError struct{ text string }

func (e *incompleteError) Error() string { return e.text }

// failed turns an error into a failure, unless it says that the configuration
// is wrong.
func failed(err error) error {
	if _, ok := errors.AsType[config.FileErrors](err); ok || err == nil {
		return err
	}
	return &failure{err}
}

// complain prints an error, each of its lines with the program's name.
func complain(w io.Writer, err error) {
	text := strings.ReplaceAll(err.Error(), "\n\t", " ") // lines that go on
	for line := range strings.SplitSeq(text, "\n") {
		fmt.Fprintf(w, "exportd: %s\n", strings.TrimPrefix(line, "export: ")) //nolint:errcheck // there is no other place to complain
	}
}

func execute(ctx context.Context, args []string) error {
	root := &cobra.Command{
		Use:           "exportd",
		Short:         "Export everything an organization owns",
		SilenceErrors: true,
		SilenceUsage:  true,

		DisableSuggestions: true, // they would be several lines: see unknownCommand
	}
	root.SetArgs(args)
	versionFlag(root)
	root.AddCommand(demoCommand(), initCommand(), checkCommand(), serveCommand(), workerCommand(), keysCommand(), membersCommand(), sessionsCommand(), jobsCommand(), auditCommand(), migrateCommand(), scrubCommand(), runCommand(), idCommand(),
		verifyCommand(), listCommand(), catCommand(), versionCommand(), licensesCommand(), &cobra.Command{
			Use:   "config",
			Short: "The configuration file, with all its keys",
			Long:  config.Reference(),
		})
	root.SetFlagErrorFunc(explainFlag)
	err := root.ExecuteContext(ctx)
	if _, _, unknown := root.Find(args); err != nil && unknown != nil {
		return unknownCommand(root, wordOf(args))
	}
	return err
}
