package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export/verify"
)

const verifyHelp = `Verify tells whether an archive is whole: whether every file is what SHA256SUMS
in it says, none is missing or there too many, the manifest fits the files, and
nothing in it would do harm when it is unpacked. Nothing is unpacked.

` + inputHelp + `

What is wrong is printed to standard output, a line for each finding with its
kind: missing, extra, changed, renamed, duplicate, outside (of the folder at the
top), sums (SHA256SUMS itself), manifest, damaged, unsafe or limit. --json
prints one object with the first 100 findings instead. While it runs, progress
is shown if standard error is a terminal.

Whole means as the list in the archive says. Who made the list is another
question.

Exit status:
  0    the archive is whole
  1    it is not
  2    it could not be read, or wrong usage
  130  ended by SIGINT (128 and the number of the signal; 143 by SIGTERM)`

func verifyCommand() *cobra.Command {
	var format string
	var asJSON bool
	c := &cobra.Command{
		Use:     "verify FILE [flags]",
		Short:   "Tell whether an archive is whole",
		Long:    verifyHelp,
		Example: "  exportd verify export-acme-foods-20260626-210000.zip\n  curl -s URL | exportd verify -",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			return verifyFile(c.Context(), args[0], format, asJSON)
		},
		DisableFlagsInUseLine: true,
	}
	c.Flags().SortFlags = false
	c.Flags().BoolVar(&asJSON, "json", false, "print the report as JSON")
	inputFormatFlag(c, &format)
	return c
}

func verifyFile(ctx context.Context, name, format string, asJSON bool) error {
	in, err := openInput(name, format)
	if err != nil {
		return err
	}
	defer in.close()
	var tell func(verify.Finding) error
	if !asJSON {
		tell = printFinding
	}
	report, err := in.verify(ctx, tell)
	if err != nil {
		return err
	}
	if asJSON {
		if report.Findings == nil {
			report.Findings = []verify.Finding{}
		}
		out := json.NewEncoder(os.Stdout)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		err = out.Encode(struct {
			Whole bool `json:"whole"`
			verify.Report
		}{report.Whole(), report})
	} else if report.Whole() {
		_, err = fmt.Println(verdict(in.name, report))
	}
	if err == nil && !report.Whole() {
		err = fmt.Errorf("%s is not whole: %d %s", in.name, report.Total, plural(report.Total, "finding", "findings"))
	}
	return failed(err)
}

// verify checks the archive. It tells of each finding, if tell is not nil.
func (in *input) verify(ctx context.Context, tell func(verify.Finding) error) (report verify.Report, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := newGauge(in)
	o := verify.Options{Progress: g.show}
	if tell != nil {
		o.Found = func(f verify.Finding) {
			g.clear()
			if err := tell(f); err != nil {
				cancel(&failure{err})
			}
		}
	}
	err = untilDone(ctx, func() error {
		// The report is for others only if they have waited for it.
		r, err := verify.Verify(ctx, in.format, in.src, o)
		g.clear()
		if ctx.Err() == nil {
			report = r
		}
		return err
	})
	return report, err
}

func printFinding(f verify.Finding) error {
	what := shown(strings.ReplaceAll(f.Detail, "\n", "; "))
	if f.Path != "" {
		what = shown(f.Path) + ": " + what
	}
	_, err := fmt.Printf("%-9s  %s\n", f.Kind, what)
	return err
}

// verdict says of a whole archive that it is.
func verdict(name string, r verify.Report) string {
	text := fmt.Sprintf("%s is whole: %d %s, %d bytes unpacked", name, r.Files, plural(r.Files, "file", "files"), r.Bytes)
	if r.Signed {
		text += "; its signature was not checked"
	}
	return text
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
