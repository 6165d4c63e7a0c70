package wire

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

const (
	busyTimeout    = 10 * time.Second // a writer may hold the SQLite file this long
	connectTimeout = 10 * time.Second // unless the address or PGCONNECT_TIMEOUT has another
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

func openSQLite(path string) (*sql.DB, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a database file", path)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}
	name.RawQuery = url.Values{
		"mode":          {"ro"},
		"_busy_timeout": {fmt.Sprint(busyTimeout.Milliseconds())},
	}.Encode()
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// openPostgres hides the driver's error: it may quote the password.
func openPostgres(address string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the address of the PostgreSQL database, or a PG… variable of the environment, is not valid")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "exportd"
	}
	config.RuntimeParams["default_transaction_read_only"] = "on"
	return stdlib.OpenDB(*config), nil
}
