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

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
	"github.com/orgexport/orgexport/sections/sqlite"
)

// source is the database that is exported.
type source interface {
	sections.Source
	sections.Describer
	sections.Snapshotter
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
	if c.Consistency.Level == export.ConsistencyRequired && c.Database.Dialect == sections.Postgres && connections(c) == 1 {
		s.check(c, c.Consistency.Line, errors.New("consistency: one connection keeps the moment that others read, so that max_connections has to be 2 or more"))
	}
}

const (
	defaultConcurrency = 4 // that of package export
	defaultWorkers     = 2 // that of the queues
)

// maxConns is the parameter of a URL that bounds its connections.
const maxConns = "pool_max_conns"

// withConnections returns the URL of the database that is exported, with a bound of
// connections unless it has one.
func withConnections(c *config.Config) string {
	u, err := url.Parse(c.Database.Address)
	if err != nil { // which has been told
		return c.Database.Address
	}
	if u.Query().Has(maxConns) {
		return c.Database.Address
	}
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+maxConns+"="+strconv.Itoa(connections(c)), "&")
	return u.String()
}

// connections returns how many there may be to the PostgreSQL database that is exported; 0
// if the URL says so and it is no number.
func connections(c *config.Config) int {
	if u, err := url.Parse(c.Database.Address); err == nil && u.Query().Has(maxConns) {
		n, _ := strconv.Atoi(u.Query().Get(maxConns))
		return n
	}
	each := cmp.Or(c.Concurrency, defaultConcurrency)
	if c.Consistency.Level != export.ConsistencyOff {
		each++ // which keeps the moment that the others read
	}
	// One worker more than there are may run for an organization that waits for others.
	return cmp.Or(c.Connections, each*(cmp.Or(c.Jobs.Workers, defaultWorkers)+1))
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
