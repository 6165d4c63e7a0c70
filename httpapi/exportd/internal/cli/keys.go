package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const keysHelp = `Keys manages the API keys of exportd serve. A key is shown once, when it is made;
only its SHA-256 is stored. Without --config they are those of exportd.yaml in the
current folder or, if there is none, of the demo that serve has made there.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func keysCommand() *cobra.Command {
	return newGroup("keys", "Make, list and revoke API keys", keysHelp, "create, list or revoke",
		keysCreateCommand(), keysListCommand(), keysRevokeCommand())
}

const keysCreateHelp = `Create makes an API key and prints it alone on standard output.

Kinds of keys (--kind):
  csb  acts in one organization, with --role
  csu  acts as --user, in the organizations that they are a member of
  cpk  may be seen by anybody, belongs to one organization and may export nothing

A key begins with its kind, or with what api.key_prefixes of the configuration says.`

// keyOptions are the flags of keys create.
type keyOptions struct {
	serverOptions
	key     access.Key
	expires time.Duration // 0: never
}

func keysCreateCommand() *cobra.Command {
	var o keyOptions
	c := newCommand("create --organization ID [flags]", "Make an API key", keysCreateHelp, o.create)
	c.PreRun = func(c *cobra.Command, _ []string) {
		if o.key.Kind != access.Business && !c.Flags().Changed("role") {
			o.key.Role = "" // the default is for csb
		}
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&o.key.OrganizationID, "organization", "", "`ID` of the organization that the key acts in, which must exist: see exportd id")
	roleFlag(c, &o.key.Role, "`ROLE` of a csb key")
	f.StringVar((*string)(&o.key.Kind), "kind", string(access.Business), "`KIND` of the key: csb, csu, cpk")
	f.StringVar(&o.key.UserID, "user", "", "`SUBJECT` that a csu key acts as")
	f.StringVar(&o.key.Name, "name", "", "`NAME` to know the key by")
	f.IntVar(&o.key.Limits.PerMinute, "per-minute", 0, "`NUMBER` of requests a minute (default: that of the server)")
	f.IntVar(&o.key.Limits.PerDay, "per-day", 0, "`NUMBER` of requests a day (default: that of the server)")
	durationFlag(c, &o.expires, "expires", 0, "`DURATION` after which the key is no longer good, such as 30d (default: never)")
	return c
}

func (o *keyOptions) create(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	if o.key.OrganizationID != "" {
		if err := wire.CheckOrganization(ctx, c, o.key.OrganizationID); err != nil {
			return failed(err)
		}
	}
	return withStoreOf(ctx, c, func(store *bunstore.Store) error {
		return printText(newKey(ctx, store, c.API.Keys(), o.key, o.expires))
	})
}

// check says what is wrong with the flags, and makes an id of the organization's key.
func (o *keyOptions) check() error {
	k := o.key
	if o.expires < 0 {
		return errors.New("--expires is negative")
	}
	switch k.Kind {
	case access.Business, access.Publishable:
		if err := resolveOrganization(&o.key.OrganizationID); err != nil {
			return err
		}
		if k.UserID != "" {
			return errors.New("--user is for keys of the kind csu")
		}
	case access.User:
		if k.UserID == "" || k.OrganizationID != "" {
			return errors.New("a key of the kind csu takes --user and no --organization")
		}
	default:
		return fmt.Errorf("--kind %q is none of csb, csu, cpk", k.Kind)
	}
	if k.Limits.PerMinute < 0 || k.Limits.PerDay < 0 {
		return errors.New("--per-minute or --per-day is negative")
	}
	if k.Kind == access.Business {
		return checkRole(k.Role)
	}
	if k.Role != "" {
		return errors.New("--role is for keys of the kind csb")
	}
	return nil
}

// newKey stores a key and returns its text, with the prefix of its kind. The key
// expires after a while, or never if that is 0.
func newKey(ctx context.Context, store *bunstore.Store, prefixes access.KeyPrefixes, key access.Key, expires time.Duration) (string, error) {
	text, err := prefixes.NewText(key.Kind, rand.Reader)
	if err != nil {
		return "", err
	}
	now, err := store.Now(ctx)
	if err != nil {
		return "", err
	}
	key.ID, key.Hash, key.CreatedAt = export.NewID(), access.Hash(text), now
	if expires > 0 {
		key.ExpiresAt = now.Add(expires)
	}
	if err := store.CreateKey(ctx, key); err != nil {
		return "", err
	}
	return text, record(ctx, store, audit.KeyCreated, key.OrganizationID, key.ID)
}

func keysRevokeCommand() *cobra.Command {
	var o serverOptions
	c := &cobra.Command{
		Use:   "revoke ID [flags]",
		Short: "Make an API key useless, at once",
		Long:  "Revoke makes the key with that id (see exportd keys list) useless at once and for\never. Revoking it again changes nothing.",
		Args:  exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				err := revokeKey(c.Context(), store, args[0], "")
				if errors.Is(err, access.ErrNotFound) {
					return fmt.Errorf("there is no key with the id %q", args[0])
				}
				return err
			})
		},
	}
	o.flags(c)
	return c
}

// revokeKey makes a key useless from now on. organizationID is that of the key for
// the audit trail, or empty if it is not known.
func revokeKey(ctx context.Context, store *bunstore.Store, id, organizationID string) error {
	now, err := store.Now(ctx)
	if err != nil {
		return err
	}
	if err := store.RevokeKey(ctx, id, now); err != nil {
		return err
	}
	return record(ctx, store, audit.KeyRevoked, organizationID, id)
}
