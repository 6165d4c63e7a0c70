package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/user"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const keysHelp = `Keys manages the API keys of exportd serve. A key is shown once, when it is made;
only its SHA-256 is stored. Without --config they are those of the demo.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func keysCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys",
		Long:  keysHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return errors.New("say which: exportd keys create, list or revoke")
		},
	}
	c.AddCommand(keysCreateCommand(), keysListCommand(), keysRevokeCommand())
	return c
}

const keysCreateHelp = `Create makes an API key and prints it alone on standard output.

Kinds of keys (--kind):
  csb  acts in one organization, with --role; owners and managers may export
  csu  acts as --user, in the organizations that they are a member of
  cpk  may be seen by anybody, belongs to one organization and may export nothing

A key begins with its kind, or with what api.key_prefixes of the configuration says.`

func keysCreateCommand() *cobra.Command {
	var o serverOptions
	key := access.Key{}
	var kind, role string
	var expires time.Duration
	c := &cobra.Command{
		Use:   "create --organization ID [flags]",
		Short: "Make an API key",
		Long:  keysCreateHelp,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			key.Kind, key.Role = access.Kind(kind), access.Role(role)
			if !c.Flags().Changed("role") && key.Kind != access.Business {
				key.Role = ""
			}
			if expires < 0 {
				return errors.New("--expires is negative")
			}
			if err := checkKey(key); err != nil {
				return err
			}
			return o.createKey(c.Context(), key, expires)
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	f := c.Flags()
	f.StringVar(&key.OrganizationID, "organization", "", "`ID` of the organization that the key acts in")
	f.StringVar(&role, "role", string(access.Manager), "`ROLE` of a csb key: owner, manager, editor, readonly")
	f.StringVar(&kind, "kind", string(access.Business), "`KIND` of the key: csb, csu, cpk")
	f.StringVar(&key.UserID, "user", "", "`SUBJECT` that a csu key acts as")
	f.StringVar(&key.Name, "name", "", "`NAME` to know the key by")
	f.IntVar(&key.Limits.PerMinute, "per-minute", 0, "`NUMBER` of requests a minute (default: that of the server)")
	f.IntVar(&key.Limits.PerDay, "per-day", 0, "`NUMBER` of requests a day (default: that of the server)")
	f.DurationVar(&expires, "expires", 0, "`DURATION` after which the key is no longer good, such as 720h (default: never)")
	return c
}

// checkKey tells what the flags lack.
func checkKey(k access.Key) error {
	roles := []access.Role{access.Owner, access.Manager, access.Editor, access.ReadOnly}
	switch k.Kind {
	case access.Business, access.Publishable:
		if !export.ValidID(k.OrganizationID) {
			return fmt.Errorf("--organization %q is not an id of 22 characters", k.OrganizationID)
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
	if k.Kind != access.Business && k.Role != "" {
		return errors.New("--role is for keys of the kind csb")
	}
	if k.Kind == access.Business && !slices.Contains(roles, k.Role) {
		return fmt.Errorf("--role %q is none of owner, manager, editor, readonly", k.Role)
	}
	return nil
}

// withStore opens the store of the server for use.
func (o *serverOptions) withStore(ctx context.Context, use func(*bunstore.Store) error) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	return withStoreOf(ctx, c, use)
}

// withStoreOf opens the store that a configuration names, for use.
func withStoreOf(ctx context.Context, c *config.Config, use func(*bunstore.Store) error) error {
	store, err := wire.OpenStore(ctx, c)
	if err != nil {
		return failed(err)
	}
	return failed(errors.Join(use(store), store.Close()))
}

// createKey makes a key that expires after a while, or never if that is 0.
func (o *serverOptions) createKey(ctx context.Context, key access.Key, expires time.Duration) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	return withStoreOf(ctx, c, func(store *bunstore.Store) error {
		if expires > 0 {
			now, err := store.Now(ctx)
			if err != nil {
				return err
			}
			key.ExpiresAt = now.Add(expires)
		}
		text, err := newKey(ctx, store, c.API.Keys(), key)
		if err != nil {
			return err
		}
		_, err = fmt.Println(text)
		return err
	})
}

// newKey stores a key and returns its text, with the prefix of its kind.
func newKey(ctx context.Context, store *bunstore.Store, prefixes access.KeyPrefixes, key access.Key) (string, error) {
	text, err := prefixes.NewText(key.Kind, rand.Reader)
	if err != nil {
		return "", err
	}
	now, err := store.Now(ctx)
	if err != nil {
		return "", err
	}
	key.ID, key.Hash, key.CreatedAt = export.NewID(), access.Hash(text), now
	if err := store.CreateKey(ctx, key); err != nil {
		return "", err
	}
	return text, record(ctx, store, audit.KeyCreated, key.OrganizationID, key.ID)
}

// record notes in the audit trail what the operator has done to an object.
func record(ctx context.Context, store *bunstore.Store, action audit.Action, organizationID, object string) error {
	now, err := store.Now(ctx)
	if err != nil {
		return err
	}
	return store.Record(ctx, audit.Entry{
		At: now, Action: action, Actor: operator(), OrganizationID: organizationID, Object: object,
	})
}

// operator names who runs this program, in the audit trail.
func operator() string {
	if u, err := user.Current(); err == nil {
		return "operator:" + u.Username
	}
	return "operator"
}

func keysRevokeCommand() *cobra.Command {
	var o serverOptions
	c := &cobra.Command{
		Use:   "revoke ID [flags]",
		Short: "Make an API key useless, at once",
		Long:  "Revoke makes the key with that id (see exportd keys list) useless at once and for\never. Revoking it again changes nothing.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				err := revokeKey(c.Context(), store, args[0], "")
				if errors.Is(err, access.ErrNotFound) {
					return fmt.Errorf("there is no key with the id %q", args[0])
				}
				return err
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	return c
}

// revokeKey makes a key useless from now on. The organization may not be known.
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
