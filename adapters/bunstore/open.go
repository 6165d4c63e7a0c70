package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgaddress"
)

const (
	busyTimeout = 10 * time.Second // another process may hold the SQLite file this long

	applicationName = "orgexport" // for PostgreSQL, unless the URL or PGAPPNAME has another
)

// Open opens the database of a store: "sqlite:" and the path of a file, which is
// made if there is none, readable by its owner alone; or a "postgres://" URL, with
// all parameters that pgx knows and pool_max_conns (defaults to [Config].MaxConns).
// PostgreSQL is asked to keep the statements that each request needs, unless the URL has
// another default_query_exec_mode or a pooler does not allow it.
//
// It connects but changes nothing: see [Store.Migrate]. The error matches
// [ErrNewerSchema] if the tables were made by a newer program, and [ErrOtherPurpose] if
// they are a demo's and the store is not. No error ever holds the password.
func Open(ctx context.Context, address string, config Config) (*Store, error) {
	which := new(origin)
	db, prepares, err := openDB(ctx, address, config, which)
	if err != nil {
		return nil, wrap("open", err)
	}
	s, err := New(db, config)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.owned, s.origin = true, which
	s.prepares.Store(prepares)
	if err := s.checkStart(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// openDB opens a database whose connections are of the origin. prepares says that PostgreSQL
// may be asked to keep statements: see [Store.query].
func openDB(ctx context.Context, address string, config Config, which *origin) (db *bun.DB, prepares bool, err error) {
	path, err := sqlitePath(address)
	if err != nil {
		return nil, false, err
	}
	if path != "" {
		db, err = openSQLite(ctx, path, config, which)
		return db, false, err
	}
	return openPostgres(address, config, which)
}

// sqlitePath returns the absolute path in the address of a SQLite database. It is
// empty if the address is a URL of PostgreSQL.
func sqlitePath(address string) (string, error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		if path == "" {
			return "", errors.New(`"sqlite:" needs the path of a file`)
		}
		return filepath.Abs(path)
	}
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return "", nil
	}
	return "", errors.New(`the database must be "sqlite:" and a path, or a postgres:// URL`)
}

// sqliteDB opens a SQLite file by its absolute path, with these parameters of the
// driver.
func sqliteDB(path string, parameters url.Values, prefix string, which *origin) (*sql.DB, error) {
	parameters.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	name := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/"), RawQuery: parameters.Encode()}
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	opened, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(&sqliteFile{Connector: connector, path: path, opened: opened, table: prefix + "identity", origin: which}), nil
}

func openSQLite(ctx context.Context, path string, c Config, which *origin) (*bun.DB, error) {
	// SQLite gives its other files the mode of this one.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := sqliteDB(path, url.Values{
		"_pragma": {
			"journal_mode(WAL)",
			"synchronous(NORMAL)", // with WAL a power cut loses the last writes at most
			"foreign_keys(1)",
		},
		// A transaction begins by taking the lock for writing: it could not wait
		// for that after it has read.
		"_txlock": {"immediate"},
	}, c.prefix(), which)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // there is one writer, and SQLite lets others wait by sleeping
	if err := connect(ctx, db); err != nil {
		if outageKind(err) == export.OutageDamaged {
			err = fmt.Errorf("it is damaged, or no SQLite database; restore it from a backup: %w", err)
		}
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), db.Close())
	}
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// connect makes the first connection to a SQLite file. It tries again while another
// process switches a new file to write-ahead logging: SQLite then fails at once,
// whatever the busy timeout is.
func connect(ctx context.Context, db *sql.DB) error {
	waiting, cancel := context.WithTimeout(ctx, busyTimeout)
	defer cancel()
	for try := 0; ; try++ {
		err := db.PingContext(ctx)
		if !isBusy(err) || pause(waiting, try) != nil {
			return err
		}
	}
}

func openPostgres(address string, c Config, which *origin) (db *bun.DB, prepares bool, err error) {
	config, err := pgaddress.Parse(address, applicationName)
	if err != nil {
		return nil, false, err
	}
	conns := cmp.Or(c.MaxConns, maxConns)
	if text, ok := config.RuntimeParams["pool_max_conns"]; ok {
		delete(config.RuntimeParams, "pool_max_conns")
		if conns, err = strconv.Atoi(text); err != nil || conns < 1 {
			return nil, false, errors.New("pool_max_conns of the PostgreSQL URL: want a number from 1")
		}
	}
	config.RuntimeParams["standard_conforming_strings"] = "on" // bun escapes for nothing else
	// Who asks for another mode has a reason, such as a pooler.
	prepares = config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	if prepares {
		// bun puts values into the text of a query, so that every text is new:
		// the server would collect prepared statements that nobody uses again.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	return bun.NewDB(openPool(*config, conns, c.prefix(), which), pgdialect.New()), prepares, nil
}
