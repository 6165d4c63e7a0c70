package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/licenses"
)

func licensesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "licenses",
		Short: "Print the licences of what this program is built of",
		Long: `Licenses prints the licences and notices of every module that is linked into this
program, and of Go: first a list with their kinds, then the texts. Whoever passes the
program on, alone or in an image, passes these on with it. One thing is missing: the
libraries in the script of Swagger UI, which makes the page of the documentation, are
not modules of Go; their texts are with its releases, whose address is printed.`,
		Args: atMost(),
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(os.Stdout, licenses.Text())
			return failed(err)
		},
	}
}
