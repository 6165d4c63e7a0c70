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
	address := database.Address
	if database.Dialect != sections.Postgres {
		if folder := filepath.Dir(address); makesFolder(c, folder) {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				return nil, err
			}
		}
		address = "sqlite:" + address
	}
	how.Demo, how.MaxConns = c.Demo, c.Jobs.Connections
	store, err := bunstore.OpenMigrated(ctx, address, how)
	if errors.Is(err, bunstore.ErrOtherPurpose) {
		return nil, config.FileErrors{otherPurpose(c)}
	}
	return store, err
}

// otherPurpose is the problem of a configuration that names the database of a demo and is
// none's, or the other way round.
func otherPurpose(c *config.Config) config.Problem {
	shown := c.Jobs.Database.Shown()
	if c.Demo {
		return c.DatabaseProblem(c.Jobs.Database, "the jobs database "+shown+" is no demo's, and may hold real jobs and keys: the demo does not use it; give its configuration with --config FILE, or the demo another folder with --data")
	}
	return c.DatabaseProblem(c.Jobs.Database, "the jobs database "+shown+" is a demo's, and this is no configuration of the demo: name another database")
}

// makesFolder reports whether the folder of a database of jobs is made if it is not there:
// the default one, and the one of the archives, which is made for these.
func makesFolder(c *config.Config, folder string) bool {
	return c.Jobs.Database.Line == 0 || folder == filepath.Clean(c.Archives.Folder.Value)
}
