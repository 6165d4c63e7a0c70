package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
	"github.com/orgexport/orgexport/sections/sqlite"
)

// source is the database that is exported.
type source interface {
	sections.Source
	sections.Describer
	io.Closer
	Ping(ctx context.Context) error
}

// openDatabase opens the database for reading only. Each section that runs has
// a connection of its own; they are kept from one section to the next.
func (s *Setup) openDatabase(c *config.Config) {
	var err error
	if c.Database.Dialect == sections.Postgres {
		s.source, err = openPostgres(withConnections(c))
	} else {
		s.source, err = openSQLite(c.Database.Address)
	}
	if err != nil {
		s.problems = append(s.problems, c.DatabaseProblem(c.Database, err.Error()))
	}
}

const (
	defaultConcurrency = 4 // that of package export
	defaultWorkers     = 2 // that of the queues
)

// withConnections returns the URL of the database that is exported, with a bound of
// connections unless it has one.
func withConnections(c *config.Config) string {
	u, err := url.Parse(c.Database.Address)
	if err != nil { // which has been told
		return c.Database.Address
	}
	if u.Query().Has("pool_max_conns") {
		return c.Database.Address
	}
	// One worker more than there are may run for an organization that waits for others.
	all := cmp.Or(c.Concurrency, defaultConcurrency) * (cmp.Or(c.Jobs.Workers, defaultWorkers) + 1)
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&pool_max_conns="+strconv.Itoa(cmp.Or(c.Connections, all)), "&")
	return u.String()
}

func openPostgres(address string) (source, error) {
	s, err := postgres.Open(address, "exportd")
	if err != nil { // which says no more than this
		return nil, errors.New("the address of the PostgreSQL database, or a PG… variable of the environment, is not valid")
	}
	return s, nil
}

// openSQLite opens a file. It says at once if there is none.
func openSQLite(path string) (source, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no database file %s", path)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a database file", path)
	}
	return sqlite.Open(path)
}
