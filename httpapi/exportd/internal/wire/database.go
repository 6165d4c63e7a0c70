package wire

import (
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// openDatabase opens the database for reading only. Each section that runs has
// a connection of its own; they are kept from one section to the next.
func (s *Setup) openDatabase(c *config.Config) {
	var err error
	if c.Database.Dialect == sections.Postgres {
		s.db, err = openPostgres(c.Database.Address)
	} else {
		s.db, err = openSQLite(c.Database.Address)
	}
	s.check(c, c.Database.Line, err)
	if err == nil {
		s.db.SetMaxIdleConns(max(c.Concurrency, 4))
	}
}

// openSQLite opens a file. It says at once if there is none: the driver would only
// say so when it connects.
func openSQLite(path string) (*sql.DB, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a database file", path)
	}
	return bunstore.OpenSource("sqlite:"+path, "")
}

func openPostgres(address string) (*sql.DB, error) {
	db, err := bunstore.OpenSource(address, "exportd")
	if err != nil { // which says no more than this
		return nil, errors.New("the address of the PostgreSQL database, or a PG… variable of the environment, is not valid")
	}
	return db, nil
}
