package wire

import (
	"context"
	"os"
	"path/filepath"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// OpenStore opens the store of jobs, keys, members and the audit trail, and brings
// its tables up to date. It is for commands that need nothing else of a server. The
// store must be closed.
func OpenStore(ctx context.Context, c *config.Config) (*bunstore.Store, error) {
	return openStore(ctx, c, bunstore.Config{})
}

// openStore is OpenStore with a configuration of the store. The folder of a SQLite
// file is made if makesFolder says so.
func openStore(ctx context.Context, c *config.Config, how bunstore.Config) (*bunstore.Store, error) {
	database := c.Jobs.Database
	if database.Dialect == sections.Postgres {
		return bunstore.OpenMigrated(ctx, database.Address, how)
	}
	if folder := filepath.Dir(database.Address); makesFolder(c, folder) {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	return bunstore.OpenMigrated(ctx, "sqlite:"+database.Address, how)
}

// makesFolder reports whether the folder of a database of jobs is made if it is not there:
// the default one, and the one of the archives, which is made for these.
func makesFolder(c *config.Config, folder string) bool {
	return c.Jobs.Database.Line == 0 || folder == filepath.Clean(c.Archives.Folder.Value)
}
