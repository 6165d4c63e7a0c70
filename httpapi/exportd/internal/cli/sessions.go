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
)

const sessionsHelp = `Sessions manages the sessions of browsers at exportd serve, for a product that
signs its users in by itself: it makes one here and gives the browser the text
that is printed as the cookie "sessionid". Only its SHA-256 is stored. Without
--config they are those of the demo.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func sessionsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sessions",
		Short: "Make and revoke sessions of browsers",
		Long:  sessionsHelp,
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("say which: exportd sessions create or revoke")
		},
	}
	c.AddCommand(sessionsCreateCommand(), sessionsRevokeCommand())
	return c
}

func sessionsCreateCommand() *cobra.Command {
	var o serverOptions
	var user string
	var expires time.Duration
	c := &cobra.Command{
		Use:   "create --user SUBJECT [flags]",
		Short: "Make a session and print the text of its cookie",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" {
				return errors.New("--user is empty")
			}
			if expires < time.Second {
				return errors.New("--expires is less than a second")
			}
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				text, err := access.NewSessionText(rand.Reader)
				if err != nil {
					return err
				}
				now, err := store.Now(c.Context())
				if err != nil {
					return err
				}
				s := access.Session{ID: export.NewID(), Hash: access.Hash(text), Subject: user, CreatedAt: now, ExpiresAt: now.Add(expires)}
				if err := store.CreateSession(c.Context(), s); err != nil {
					return err
				}
				if err := record(c.Context(), store, audit.SessionCreated, "", s.ID); err != nil {
					return err
				}
				_, err = fmt.Println(text)
				return err
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&user, "user", "", "`SUBJECT` that is signed in (required)")
	c.Flags().DurationVar(&expires, "expires", 14*24*time.Hour, "`DURATION` after which the session ends; one of 14 days or more goes on while it is used")
	if err := c.MarkFlagRequired("user"); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

func sessionsRevokeCommand() *cobra.Command {
	var o serverOptions
	var user string
	c := &cobra.Command{
		Use:   "revoke --user SUBJECT [flags]",
		Short: "End all sessions of a user, at once",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if user == "" {
				return errors.New("--user is empty")
			}
			return o.withStore(c.Context(), func(store *bunstore.Store) error {
				ended, err := endSessions(c.Context(), store, user)
				if err == nil {
					_, err = fmt.Printf("sessions ended: %d\n", ended)
				}
				return err
			})
		},
		DisableFlagsInUseLine: true,
	}
	o.flags(c)
	c.Flags().StringVar(&user, "user", "", "`SUBJECT` whose sessions end (required)")
	if err := c.MarkFlagRequired("user"); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

// endSessions ends all sessions of a user and counts them, but not those that
// have ended in between by themselves.
func endSessions(ctx context.Context, store *bunstore.Store, user string) (ended int, err error) {
	sessions, err := store.Sessions(ctx, user)
	if err != nil {
		return 0, err
	}
	for _, s := range sessions {
		err := store.EndSession(ctx, s.ID)
		if errors.Is(err, access.ErrNotFound) {
			continue
		}
		if err == nil {
			ended++
			err = record(ctx, store, audit.SessionEnded, "", s.ID)
		}
		if err != nil {
			return ended, err
		}
	}
	return ended, nil
}
