package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/archive"
)

const listHelp = `List prints the files of an archive with their sizes in bytes, in their order.

` + inputHelp + `

All of the archive is read. What is listed before damage is found is there, but
only exportd verify tells whether it is what was exported.

Exit status:
  0    the archive was read to its end
  1    it is damaged, or not safe to unpack
  2    it could not be read, or wrong usage`

func listCommand() *cobra.Command {
	var format string
	var asJSON bool
	c := &cobra.Command{
		Use:     "list FILE [flags]",
		Short:   "List the files of an archive",
		Long:    listHelp,
		Example: "  exportd list export-acme-foods-20260626-210000.zip\n  curl -s URL | exportd list -",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			return list(c.Context(), args[0], format, asJSON)
		},
		DisableFlagsInUseLine: true,
	}
	c.Flags().SortFlags = false
	c.Flags().BoolVar(&asJSON, "json", false, "print a JSON array with name, size_bytes and modified of each file")
	inputFormatFlag(c, &format)
	return c
}

func list(ctx context.Context, name, format string, asJSON bool) error {
	in, err := openInput(name, format)
	if err != nil {
		return err
	}
	defer in.close()
	out := bufio.NewWriter(os.Stdout)
	array := &jsonArray{w: out}
	err = in.each(ctx, func(h archive.Header, _ io.Reader) (err error) {
		if asJSON {
			return array.add(listed{h.Name, h.Size, h.ModTime.UTC()})
		}
		_, err = fmt.Fprintf(out, "%12d  %s\n", h.Size, shown(h.Name))
		return err
	})
	if err == nil && asJSON {
		err = array.close()
	}
	if ctx.Err() != nil {
		return err // somebody may still be writing
	}
	// What was good comes before the complaint.
	if ferr := out.Flush(); ferr != nil {
		return &failure{ferr}
	}
	return whole(err)
}

// listed is a file as --json has it.
type listed struct {
	Name     string    `json:"name"`
	Size     int64     `json:"size_bytes"`
	Modified time.Time `json:"modified"`
}

// jsonArray writes an array of any length, a line for each element.
type jsonArray struct {
	w     io.Writer
	count int
}

func (a *jsonArray) add(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	before := ",\n  "
	if a.count == 0 {
		before = "[\n  "
	}
	a.count++
	_, err = fmt.Fprintf(a.w, "%s%s", before, text)
	return err
}

func (a *jsonArray) close() error {
	end := "\n]\n"
	if a.count == 0 {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}
