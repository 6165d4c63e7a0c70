package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

// withStore opens the store of the server, calls use with it and closes it.
func (o *serverOptions) withStore(ctx context.Context, use func(*bunstore.Store) error) error {
	c, err := o.load(ctx)
	if err != nil {
		return err
	}
	return withStoreOf(ctx, c, use)
}

// withStoreOf opens the store that a configuration names, calls use with it and
// closes it.
func withStoreOf(ctx context.Context, c *config.Config, use func(*bunstore.Store) error) error {
	store, err := wire.OpenStore(ctx, c)
	if err != nil {
		return failed(err)
	}
	return failed(errors.Join(use(store), store.Close()))
}

// record adds an entry to the audit trail: the operator has done this to the
// object with that id or name.
func record(ctx context.Context, store *bunstore.Store, action audit.Action, organizationID, object string) error {
	return recordEntry(ctx, store, audit.Entry{Action: action, OrganizationID: organizationID, Object: object})
}

// recordEntry adds an entry to the audit trail, and fills in that the operator did it now.
func recordEntry(ctx context.Context, store *bunstore.Store, entry audit.Entry) (err error) {
	if entry.At, err = store.Now(ctx); err != nil {
		return err
	}
	entry.Actor = operator()
	return store.Record(ctx, entry)
}

// operator is the name of whoever runs this program, for the audit trail.
func operator() string {
	if u, err := user.Current(); err == nil {
		return "operator:" + u.Username
	}
	return "operator"
}

// printText prints the text of a new key or session, unless making it failed.
func printText(text string, err error) error {
	if err == nil {
		_, err = fmt.Println(text)
	}
	return err
}
