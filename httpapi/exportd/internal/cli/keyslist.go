package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export/access"
)

func keysListCommand() *cobra.Command {
	var o serverOptions
	var organization string
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [--organization ID] [flags]",
		Short: "List API keys",
		Long:  "List shows the keys that act in an organization or, without --organization, those\nof users. The keys themselves are not stored and cannot be shown.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				keys, err := store.Keys(c.Context(), organization)
				if err != nil {
					return err
				}
				return printKeys(os.Stdout, keys, asJSON)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&organization, "organization", "", "`ID` of the organization")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// listedKey is a key as it is shown.
type listedKey struct {
	ID           string     `json:"id"`
	Kind         string     `json:"kind"`
	Organization string     `json:"organization_id,omitempty"`
	Role         string     `json:"role,omitempty"`
	User         string     `json:"user,omitempty"`
	Name         string     `json:"name,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	RevokedAt    *time.Time `json:"revoked_at,omitempty"`
	LastUsedAt   *time.Time `json:"last_used_at,omitempty"`
}

func printKeys(w io.Writer, keys []access.Key, asJSON bool) error {
	listed := make([]listedKey, len(keys))
	for i, k := range keys {
		listed[i] = listedKey{
			k.ID, string(k.Kind), k.OrganizationID, string(k.Role), k.UserID, k.Name,
			k.CreatedAt, instant(k.ExpiresAt), instant(k.RevokedAt), instant(k.LastUsedAt),
		}
	}
	if asJSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(listed)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")) } //nolint:errcheck // Flush tells
	row("ID", "KIND", "ROLE", "USER", "CREATED", "EXPIRES", "LAST USED", "REVOKED", "NAME")
	for _, k := range listed {
		row(k.ID, k.Kind, dash(k.Role), dash(shown(k.User)), day(&k.CreatedAt), day(k.ExpiresAt), day(k.LastUsedAt), day(k.RevokedAt), dash(shown(k.Name)))
	}
	return table.Flush()
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func day(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04Z")
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
