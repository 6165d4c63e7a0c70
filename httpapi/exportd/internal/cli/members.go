package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
)

const membersHelp = `Members manages who belongs to which organization, for user keys, sessions and
bearer tokens of exportd serve. A change counts from the next request on. Owners and managers may
export. Without --config they are those of exportd.yaml in the current folder or, if
there is none, of the demo that serve has made there.

A user is a SUBJECT: any text for keys and sessions that were made for it; for
bearer tokens the claim "sub" with --issuer.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func membersCommand() *cobra.Command {
	return newGroup("members", "Add, list and remove members of organizations", membersHelp, "add, list or remove",
		membersAddCommand(), membersListCommand(), membersRemoveCommand())
}

// memberOptions are the flags of the commands about members.
type memberOptions struct {
	serverOptions
	organization, user, issuer string
	role                       access.Role // of add
	json                       bool        // of list
}

// flags adds the flags that name a member.
func (o *memberOptions) flags(c *cobra.Command) {
	o.organizationFlags(c)
	userFlag(c, &o.user, "`SUBJECT` of the user (required)")
	c.Flags().StringVar(&o.issuer, "issuer", "", "`URL` of the OpenID provider whose user it is")
}

// organizationFlags adds the flags that name an organization.
func (o *memberOptions) organizationFlags(c *cobra.Command) {
	o.serverOptions.flags(c)
	c.Flags().StringVar(&o.organization, "organization", "", "`ID` of the organization (required): see exportd id")
	requireFlags(c, "organization")
}

// member is the member that the flags name.
func (o *memberOptions) member() (access.Member, error) {
	if err := resolveOrganization(&o.organization); err != nil {
		return access.Member{}, err
	}
	if err := checkUser(o.user); err != nil {
		return access.Member{}, err
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

func membersAddCommand() *cobra.Command {
	var o memberOptions
	c := newCommand("add --organization ID --user SUBJECT [flags]", "Add a member, or change their role", "", o.add)
	o.flags(c)
	roleFlag(c, &o.role, "`ROLE` of the member")
	return c
}

func (o *memberOptions) add(ctx context.Context) error {
	m, err := o.member()
	if err != nil {
		return err
	}
	if err := checkRole(o.role); err != nil {
		return err
	}
	m.Role = o.role
	return o.withStore(ctx, func(store *bunstore.Store) error {
		if err := store.PutMember(ctx, m); err != nil {
			return err
		}
		return record(ctx, store, audit.MemberPut, m.OrganizationID, m.Subject)
	})
}

func membersRemoveCommand() *cobra.Command {
	var o memberOptions
	c := newCommand("remove --organization ID --user SUBJECT [flags]", "Remove a member, at once", "", o.remove)
	o.flags(c)
	return c
}

func (o *memberOptions) remove(ctx context.Context) error {
	m, err := o.member()
	if err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		if err := store.RemoveMember(ctx, m.OrganizationID, m.Subject); err != nil {
			return err
		}
		return record(ctx, store, audit.MemberRemoved, m.OrganizationID, m.Subject)
	})
}

func membersListCommand() *cobra.Command {
	var o memberOptions
	c := newCommand("list --organization ID [flags]", "List the members of an organization", "", o.list)
	o.organizationFlags(c)
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *memberOptions) list(ctx context.Context) error {
	if err := resolveOrganization(&o.organization); err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		members, err := store.Members(ctx, o.organization)
		if err != nil {
			return err
		}
		listed := make([]listedMember, len(members))
		for i, m := range members {
			listed[i] = listedMember{m.Subject, string(m.Role)}
		}
		return printList(os.Stdout, o.json, listed, []string{"ROLE", "USER"}, listedMember.cells)
	})
}

// listedMember is a member as it is shown.
type listedMember struct {
	User string `json:"user"`
	Role string `json:"role"`
}

func (m listedMember) cells() []string { return []string{m.Role, shown(m.User)} }
