package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
)

const membersHelp = `Members manages who belongs to which organization, for user keys, sessions and
bearer tokens of exportd serve. A change counts from the next request on. Owners and managers may
export. Without --config they are those of the demo.

A user is a SUBJECT: any text for keys and sessions that were made for it; for
bearer tokens the claim "sub" with --issuer.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func membersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "members",
		Short: "Add, list and remove members of organizations",
		Long:  membersHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say which: exportd members add, list or remove")
		},
	}
	c.AddCommand(membersAddCommand(), membersListCommand(), membersRemoveCommand())
	return c
}

// memberOptions are the flags that name a member.
type memberOptions struct {
	serverOptions
	organization, user, issuer string
}

func (o *memberOptions) flags(c *cobra.Command) {
	o.serverOptions.flags(c)
	o.organizationFlag(c)
	c.Flags().StringVar(&o.user, "user", "", "`SUBJECT` of the user (required)")
	c.Flags().StringVar(&o.issuer, "issuer", "", "`URL` of the OpenID provider whose user it is")
	if err := c.MarkFlagRequired("user"); err != nil {
		panic(err) // there is no such flag
	}
}

func (o *memberOptions) organizationFlag(c *cobra.Command) {
	c.Flags().StringVar(&o.organization, "organization", "", "`ID` of the organization (required)")
	if err := c.MarkFlagRequired("organization"); err != nil {
		panic(err) // there is no such flag
	}
}

// member is the member that the flags name.
func (o *memberOptions) member() (access.Member, error) {
	if err := checkOrganization(o.organization); err != nil {
		return access.Member{}, err
	}
	if o.user == "" {
		return access.Member{}, errors.New("--user is empty")
	}
	m := access.Member{OrganizationID: o.organization, Subject: o.user}
	if o.issuer != "" {
		if u, err := url.Parse(o.issuer); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return access.Member{}, fmt.Errorf("--issuer %q is not the URL of an OpenID provider", o.issuer)
		}
		m.Subject = oidc.Subject(o.issuer, o.user)
	}
	return m, nil
}

func checkOrganization(id string) error {
	if !export.ValidID(id) {
		return fmt.Errorf("--organization %q is not an id of 22 characters", id)
	}
	return nil
}

func membersAddCommand() *cobra.Command {
	var o memberOptions
	var role string
	c := &cobra.Command{
		Use:   "add --organization ID --user SUBJECT [flags]",
		Short: "Add a member, or change their role",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := o.member()
			if err != nil {
				return err
			}
			m.Role = access.Role(role)
			if !slices.Contains([]access.Role{access.Owner, access.Manager, access.Billing, access.Editor}, m.Role) {
				return fmt.Errorf("--role %q is none of owner, manager, billing, editor", role)
			}
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				if err := store.PutMember(c.Context(), m); err != nil {
					return err
				}
				return record(c.Context(), store, audit.MemberPut, m.OrganizationID, m.Subject)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&role, "role", string(access.Manager), "`ROLE`: owner, manager, billing, editor")
	return c
}

func membersRemoveCommand() *cobra.Command {
	var o memberOptions
	c := &cobra.Command{
		Use:   "remove --organization ID --user SUBJECT [flags]",
		Short: "Remove a member, at once",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := o.member()
			if err != nil {
				return err
			}
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				if err := store.RemoveMember(c.Context(), m.OrganizationID, m.Subject); err != nil {
					return err
				}
				return record(c.Context(), store, audit.MemberRemoved, m.OrganizationID, m.Subject)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	return c
}

func membersListCommand() *cobra.Command {
	var o memberOptions
	var asJSON bool
	c := &cobra.Command{
		Use:   "list --organization ID [flags]",
		Short: "List the members of an organization",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := checkOrganization(o.organization); err != nil {
				return err
			}
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				members, err := store.Members(c.Context(), o.organization)
				if err != nil {
					return err
				}
				return printMembers(os.Stdout, members, asJSON)
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.serverOptions.flags(c)
	o.organizationFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printMembers(w io.Writer, members []access.Member, asJSON bool) error {
	type listed struct {
		User string `json:"user"`
		Role string `json:"role"`
	}
	if asJSON {
		out := make([]listed, len(members))
		for i, m := range members {
			out[i] = listed{m.Subject, string(m.Role)}
		}
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(out)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ROLE\tUSER") //nolint:errcheck // Flush tells
	for _, m := range members {
		fmt.Fprintf(table, "%s\t%s\n", m.Role, shown(m.Subject)) //nolint:errcheck // Flush tells
	}
	return table.Flush()
}
