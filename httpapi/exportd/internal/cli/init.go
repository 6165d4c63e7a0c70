package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

const initHelp = `Init writes a short configuration file with comments, to be changed to your
tables. FILE is exportd.yaml if it is not given, and standard output if it is -.
A file that is already there is not touched.

See exportd help config for all keys, and exportd check for its mistakes.

Exit status:
  0    the file was written
  1    it could not be written, or was already there
  2    wrong usage`

func initCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init [FILE]",
		Short:   "Write a configuration file to begin with",
		Long:    initHelp,
		Example: "  exportd init\n  exportd init - | less",
		Args:    atMost("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			file := "exportd.yaml"
			if len(args) > 0 {
				file = args[0]
			}
			return failed(writeStarter(file))
		},
		DisableFlagsInUseLine: true,
	}
}

func writeStarter(file string) error {
	if file == "-" {
		_, err := io.WriteString(os.Stdout, config.Starter())
		return err
	}
	// Its owner may come to put a password in it.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is already there and was not touched", file)
	}
	if err != nil {
		return err
	}
	err = closing(f, func(w io.Writer) error {
		_, err := io.WriteString(w, config.Starter())
		return err
	})
	if err != nil {
		return errors.Join(err, os.Remove(file))
	}
	_, err = fmt.Printf("%s was written. Change it to your tables, then\n\n  %s check --config %s\n  %s run --config %s --organization ID\n", file, self(), quote(file), self(), quote(file))
	return err
}
