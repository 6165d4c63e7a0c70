package cli

import (
	"context"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/adapters/bunstore"
)

const sessionsListHelp = `List shows the sessions of a user that have not been ended. The texts of their cookies
are not stored and cannot be shown. One that has expired is not active; it is removed
some time after that.`

func sessionsListCommand() *cobra.Command {
	var o sessionOptions
	c := newCommand("list --user SUBJECT [flags]", "List the sessions of a user", sessionsListHelp, o.list)
	o.flags(c)
	userFlag(c, &o.user, "`SUBJECT` whose sessions are listed (required)")
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	return c
}

func (o *sessionOptions) list(ctx context.Context) error {
	if err := checkUser(o.user); err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		now, err := store.Now(ctx)
		if err != nil {
			return err
		}
		sessions, err := store.Sessions(ctx, o.user)
		if err != nil {
			return err
		}
		listed := make([]listedSession, len(sessions))
		for i, s := range sessions {
			listed[i] = listedSession{s.ID, s.CreatedAt, s.ExpiresAt, s.Active(now)}
		}
		return printList(os.Stdout, o.json, listed, []string{"ID", "CREATED", "EXPIRES", "ACTIVE"}, listedSession.cells)
	})
}

// listedSession is a session as it is shown.
type listedSession struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Active    bool      `json:"active"`
}

// cells are those of the session's line in the table.
func (s listedSession) cells() []string {
	active := "no"
	if s.Active {
		active = "yes"
	}
	return []string{shown(s.ID), day(&s.CreatedAt), day(&s.ExpiresAt), active}
}
