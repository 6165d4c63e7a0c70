package cli

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export/access"
)

const keysListHelp = `List shows the keys that act in an organization or, without --organization, those
of users. The keys themselves are not stored and cannot be shown.`

// keyListOptions are the flags of keys list.
type keyListOptions struct {
	serverOptions
	organization string
	json         bool
}

func keysListCommand() *cobra.Command {
	var o keyListOptions
	c := newCommand("list [--organization ID] [flags]", "List API keys", keysListHelp, o.list)
	o.flags(c)
	c.Flags().StringVar(&o.organization, "organization", "", "`ID` of the organization")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *keyListOptions) list(ctx context.Context) error {
	if o.organization != "" {
		if err := resolveOrganization(&o.organization); err != nil {
			return err
		}
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		keys, err := store.Keys(ctx, o.organization)
		if err != nil {
			return err
		}
		listed := make([]listedKey, len(keys))
		for i, key := range keys {
			listed[i] = newListedKey(key)
		}
		heads := []string{"ID", "KIND", "ROLE", "USER", "CREATED", "EXPIRES", "LAST USED", "REVOKED", "NAME"}
		return printList(os.Stdout, o.json, listed, heads, listedKey.cells)
	})
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

func newListedKey(k access.Key) listedKey {
	return listedKey{
		k.ID, string(k.Kind), k.OrganizationID, string(k.Role), k.UserID, k.Name,
		k.CreatedAt, instant(k.ExpiresAt), instant(k.RevokedAt), instant(k.LastUsedAt),
	}
}

// cells are those of the key's line in the table.
func (k listedKey) cells() []string {
	return []string{
		k.ID, k.Kind, dash(k.Role), dash(shown(k.User)),
		day(&k.CreatedAt), day(k.ExpiresAt), day(k.LastUsedAt), day(k.RevokedAt), dash(shown(k.Name)),
	}
}
