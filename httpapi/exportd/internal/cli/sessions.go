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
--config they are those of exportd.yaml in the current folder or, if there is none, of
the demo that serve has made there.

Exit status:
  0  done
  1  it failed
  2  wrong usage or configuration`

func sessionsCommand() *cobra.Command {
	return newGroup("sessions", "Make, list and revoke sessions of browsers", sessionsHelp, "create, list or revoke",
		sessionsCreateCommand(), sessionsListCommand(), sessionsRevokeCommand())
}

// sessionOptions are the flags of the commands about sessions.
type sessionOptions struct {
	serverOptions
	user    string
	expires time.Duration // of create
	json    bool          // of list
}

func sessionsCreateCommand() *cobra.Command {
	var o sessionOptions
	c := newCommand("create --user SUBJECT [flags]", "Make a session and print the text of its cookie", "", o.create)
	o.flags(c)
	userFlag(c, &o.user, "`SUBJECT` that is signed in (required)")
	durationFlag(c, &o.expires, "expires", 14*24*time.Hour, "`DURATION` after which the session ends; one of 14 days or more goes on while it is used")
	return c
}

func (o *sessionOptions) create(ctx context.Context) error {
	if err := checkUser(o.user); err != nil {
		return err
	}
	if o.expires < time.Second {
		return errors.New("--expires is less than a second")
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		return printText(newSession(ctx, store, o.user, o.expires))
	})
}

// newSession stores a session and returns its text.
func newSession(ctx context.Context, store *bunstore.Store, user string, expires time.Duration) (string, error) {
	text, err := access.NewSessionText(rand.Reader)
	if err != nil {
		return "", err
	}
	now, err := store.Now(ctx)
	if err != nil {
		return "", err
	}
	s := access.Session{ID: export.NewID(), Hash: access.Hash(text), Subject: user, CreatedAt: now, ExpiresAt: now.Add(expires)}
	if err := store.CreateSession(ctx, s); err != nil {
		return "", err
	}
	return text, record(ctx, store, audit.SessionCreated, "", s.ID)
}

func sessionsRevokeCommand() *cobra.Command {
	var o sessionOptions
	c := newCommand("revoke --user SUBJECT [flags]", "End all sessions of a user, at once", "", o.revoke)
	o.flags(c)
	userFlag(c, &o.user, "`SUBJECT` whose sessions end (required)")
	return c
}

func (o *sessionOptions) revoke(ctx context.Context) error {
	if err := checkUser(o.user); err != nil {
		return err
	}
	return o.withStore(ctx, func(store *bunstore.Store) error {
		ended, err := endSessions(ctx, store, o.user)
		if err == nil {
			_, err = fmt.Printf("sessions ended: %d\n", ended)
		}
		return err
	})
}

// endSessions ends all sessions of a user and counts them. Those that end by
// themselves meanwhile are not counted.
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
