package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/export/access"
)

// newCommand returns a command that has no arguments, only flags. long may be
// empty.
func newCommand(use, short, long string, run func(context.Context) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long,
		Args:  atMost(),
		RunE: func(c *cobra.Command, _ []string) error {
			return run(c.Context())
		},
	}
}

// newGroup returns a command that only holds others. which lists their names for
// the error of a call that gives none.
func newGroup(name, short, long, which string, commands ...*cobra.Command) *cobra.Command {
	c := newCommand(name, short, long, func(context.Context) error {
		return fmt.Errorf("say which: exportd %s %s", name, which)
	})
	c.Args = subcommand
	c.AddCommand(commands...)
	return c
}

// userFlag adds the required flag --user.
func userFlag(c *cobra.Command, user *string, usage string) {
	c.Flags().StringVar(user, "user", "", usage)
	requireFlags(c, "user")
}

func checkUser(user string) error {
	if user == "" {
		return errors.New("--user is empty")
	}
	return nil
}

// roleNames lists the roles that keys and members may have.
func roleNames() string {
	var names []string
	for _, r := range access.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}

// roleFlag adds the flag --role.
func roleFlag(c *cobra.Command, role *access.Role, usage string) {
	c.Flags().StringVar((*string)(role), "role", string(access.Manager), usage+": "+roleNames()+"; owners and managers may export")
}

func checkRole(role access.Role) error {
	if !slices.Contains(access.Roles(), role) {
		return fmt.Errorf("--role %q is none of %s", role, roleNames())
	}
	return nil
}

// configUsage is what --config of commands is that know nothing of the demo.
const configUsage = "configuration `FILE` (default: exportd.yaml in this folder)"

// configFlag adds the flag --config. Help lists all flags of the command in the order in
// which they are added.
func configFlag(c *cobra.Command, file *string, usage string) {
	c.Flags().SortFlags = false
	c.Flags().Var((*pathFlag)(file), "config", usage)
	if err := c.MarkFlagFilename("config", "yaml", "yml"); err != nil {
		panic(err) // there is no such flag
	}
}

// pathFlag is a flag that is a path. If it is given it is not empty, as it would be of a
// variable that a shell does not know.
type pathFlag string

func (p *pathFlag) String() string { return string(*p) }

func (p *pathFlag) Type() string { return "string" }

// Set implements [pflag.Value].
func (p *pathFlag) Set(path string) error {
	if path == "" {
		return errors.New("it is empty")
	}
	*p = pathFlag(path)
	return nil
}

// requireFlags makes a call without one of these flags wrong usage.
func requireFlags(c *cobra.Command, names ...string) {
	for _, name := range names {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err) // there is no such flag
		}
	}
}

// limitFlag adds the flag --limit of a list that begins with what is newest.
func limitFlag(c *cobra.Command, limit *int, what string) {
	c.Flags().IntVar(limit, "limit", 50, "`NUMBER` of "+what+" at most, the newest ones")
}

func checkLimit(limit int) error {
	if limit < 1 {
		return errors.New("--limit is less than 1")
	}
	return nil
}
