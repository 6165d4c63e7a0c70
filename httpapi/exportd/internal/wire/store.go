package wire

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// OpenStore opens the store for what is done with keys, members and the like, and
// brings its tables up to date. It must be closed.
func OpenStore(ctx context.Context, c *config.Config) (*bunstore.Store, error) {
	return openStore(ctx, c, bunstore.Config{})
}

// openStore opens the store of jobs, keys and the audit trail, and brings its
// tables up to date. It must be closed.
func openStore(ctx context.Context, c *config.Config, how bunstore.Config) (_ *bunstore.Store, err error) {
	database := c.Jobs.Database
	address := database.Address
	if database.Dialect == sections.SQLite {
		if database.Line == 0 {
			if err := os.MkdirAll(filepath.Dir(address), 0o700); err != nil {
				return nil, err
			}
		}
		address = "sqlite:" + address
	}
	store, err := bunstore.Open(ctx, address, how)
	if err != nil {
		return nil, err
	}
	if err = store.Check(ctx); errors.Is(err, bunstore.ErrOlderSchema) {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
