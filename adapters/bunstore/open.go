package bunstore

import (
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
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"modernc.org/sqlite"
)

const (
	busyTimeout    = 10 * time.Second // another process may hold the SQLite file this long
	connectTimeout = 10 * time.Second // to PostgreSQL, unless the URL has another
	maxConns       = 16               // to PostgreSQL, unless the URL has another
)

// Open opens a database: "sqlite:" and the path of a file, which is made if there
// is none, readable by its owner alone; or a "postgres://" URL, with all
// parameters that pgx knows and pool_max_conns (defaults to 16).
//
// It reaches for the database but changes nothing in it: see [Store.Migrate]. The
// error matches [ErrNewerSchema] if the tables were made by a newer program. No
// error ever holds the password.
func Open(ctx context.Context, address string, config Config) (*Store, error) {
	db, err := openDB(ctx, address)
	if err != nil {
		return nil, fmt.Errorf("bunstore: open: %w", err)
	}
	s, err := New(db, config)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.owned = true
	if err := s.Check(ctx); err != nil && !errors.Is(err, ErrOlderSchema) {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func openDB(ctx context.Context, address string) (*bun.DB, error) {
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		return openSQLite(ctx, path)
	}
	if strings.HasPrefix(address, "postgres://") || strings.HasPrefix(address, "postgresql://") {
		return openPostgres(address)
	}
	return nil, errors.New(`the database must be "sqlite:" and a path, or a postgres:// URL`)
}

func openSQLite(ctx context.Context, path string) (*bun.DB, error) {
	if path == "" {
		return nil, errors.New(`"sqlite:" needs the path of a file`)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	// SQLite gives its other files the mode of this one.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/")}
	name.RawQuery = url.Values{
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
			"journal_mode(WAL)",
			"synchronous(NORMAL)", // with WAL a power cut loses the last writes at most
			"foreign_keys(1)",
		},
		// A transaction that begins by reading could not wait for its turn to
		// write.
		"_txlock": {"immediate"},
	}.Encode()
	connector, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1) // there is one writer, and SQLite lets others wait by sleeping
	if err := connect(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return bun.NewDB(db, sqlitedialect.New()), nil
}

// connect makes the first connection to a SQLite file. Who switches a new file to
// write-ahead logging while another process does so is refused at once, whatever
// the busy timeout is.
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

// openPostgres hides the driver's error about the URL: it may quote the password,
// or a part of it.
func openPostgres(address string) (*bun.DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errors.New("the PostgreSQL URL, or a PG… variable of the environment, is not valid (special characters are to be escaped, such as %2F for a slash)")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	conns := maxConns
	if text, ok := config.RuntimeParams["pool_max_conns"]; ok {
		delete(config.RuntimeParams, "pool_max_conns")
		if conns, err = strconv.Atoi(text); err != nil || conns < 1 {
			return nil, errors.New("pool_max_conns of the PostgreSQL URL: want a number from 1")
		}
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "orgexport"
	}
	config.RuntimeParams["standard_conforming_strings"] = "on" // bun escapes for nothing else
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		// bun puts values into the text of a query, so that every text is new:
		// the server would collect prepared statements that nobody uses again.
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return bun.NewDB(db, pgdialect.New()), nil
}
