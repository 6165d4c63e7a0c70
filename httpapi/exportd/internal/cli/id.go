package cli

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/uuidtext"
)

const idHelp = `Id prints the forms of the key of an organization:

  id      22 characters, by which the API knows the organization;
          :organization_id in queries
  uuid    the UUID that the id is short for; :organization_uuid
  number  the number that the UUID holds; :organization_number

VALUE is any one of them. A product that knows its organizations by UUIDs or by
numbers uses those in its queries, and gives its clients the ids: no table is
needed. A number stands in a UUID of version 8 (RFC 9562) that begins with
6f726765-7870-800; other ids have no number.

A negative number stands behind "--": exportd id -- -1`

func idCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "id VALUE",
		Short: "Show the id, UUID and number of an organization",
		Long:  idHelp,
		Args:  exactly("VALUE"),
		RunE: func(_ *cobra.Command, args []string) error {
			id := args[0]
			if err := resolveOrganization(&id); err != nil {
				return fmt.Errorf("%q is not an id of 22 characters, nor a UUID or a number", args[0])
			}
			uuid, ok := export.DecodeID(id)
			if !ok {
				return fmt.Errorf("%q is the id of no UUID: it is too large", id)
			}
			w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintf(w, "id\t%s\nuuid\t%s\n", id, uuidtext.Format(uuid)) //nolint:errcheck // Flush returns the error
			if n, ok := export.DecodeNumber(id); ok {
				fmt.Fprintf(w, "number\t%d\n", n) //nolint:errcheck // as above
			}
			return failed(w.Flush())
		},
	}
}

// organizationIDs returns the ids that the key of an organization may stand for: as a UUID
// or as a number. An id stands for itself.
func organizationIDs(key string) []string {
	if uuid, ok := uuidtext.Parse(key); ok {
		return []string{export.EncodeID(uuid)}
	}
	if n, err := strconv.ParseInt(key, 10, 64); err == nil && !export.ValidID(key) {
		return []string{export.EncodeNumber(n)}
	}
	return nil
}

// resolveOrganization makes of the key of an organization, which --organization gives, its
// id.
func resolveOrganization(key *string) error {
	if *key == "" {
		return errors.New("--organization is missing")
	}
	if export.ValidID(*key) {
		return nil
	}
	ids := organizationIDs(*key)
	if len(ids) == 0 {
		return fmt.Errorf("--organization %q is not an id of 22 characters, nor a UUID or a number", *key)
	}
	*key = ids[0]
	return nil
}
