package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

var (
	_ jobs.Store          = (*Store)(nil)
	_ export.Checker      = (*Store)(nil)
	_ access.KeyStore     = (*Store)(nil)
	_ access.MemberStore  = (*Store)(nil)
	_ access.SessionStore = (*Store)(nil)
	_ access.Counter      = (*Store)(nil)
	_ audit.Trail         = (*Store)(nil)
	_ audit.Reader        = (*Store)(nil)
	_ audit.Purger        = (*Store)(nil)
)

// Config is how a [Store] works. Its zero value is ready for use.
type Config struct {
	// TablePrefix begins the name of every table and index. It is up to 24
	// lower-case letters, digits and underscores, and begins with a letter.
	// Defaults to "orgexport_".
	TablePrefix string

	// AfterWrite is called in the transaction of each write of a job, by Create
	// and by Update, with the job as it is from then on. If it fails the write is
	// undone and its error returned, wrapped. It is called again if the write has
	// to be tried again. It uses nothing but tx: on SQLite any other use of the
	// database waits for ever. Nil means nothing is to be done.
	AfterWrite func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error
}

const defaultPrefix = "orgexport_"

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)

// Store keeps jobs, API keys, members, sessions, the windows of rate limits and
// the audit trail in a database. It is made by [Open] or [New], and safe for concurrent use, also by several processes
// on one database. Its methods fail until [Store.Migrate] has made the tables.
type Store struct {
	db         *bun.DB
	lookUps    line
	owned      bool // db is closed with the store
	postgres   bool // not SQLite
	prefix     string
	migrations []string // SQL; the first makes version 1 of the schema
	afterWrite func(context.Context, *sql.Tx, *jobs.Job) error
	counts     atomic.Int64 // calls of Count
}

// New makes a Store of a host's database, whose limit of connections is to be set
// before. It does not connect, and [Store.Close] leaves db open.
func New(db *bun.DB, config Config) (*Store, error) {
	s := &Store{db: db, prefix: config.TablePrefix, afterWrite: config.AfterWrite}
	if s.prefix == "" {
		s.prefix = defaultPrefix
	}
	var problems []error
	if !prefixPattern.MatchString(s.prefix) {
		problems = append(problems, fmt.Errorf("table prefix %q: want up to 24 of a-z, 0-9 and _, a letter first", s.prefix))
	}
	if db == nil {
		problems = append(problems, errors.New("no database"))
	} else if name := db.Dialect().Name(); name != dialect.PG && name != dialect.SQLite {
		problems = append(problems, fmt.Errorf("dialect %s: want PostgreSQL or SQLite", name))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("bunstore: %w", err)
	}
	s.lookUps = newLine(db.Stats().MaxOpenConnections)
	s.postgres = db.Dialect().Name() == dialect.PG
	s.migrations = migrations(s.postgres, s.prefix)
	return s, nil
}

// DB is the database that the store uses, for what belongs into the same one.
func (s *Store) DB() *bun.DB { return s.db }

// Close closes the database if [Open] has opened it.
func (s *Store) Close() error {
	if !s.owned {
		return nil
	}
	return s.db.Close()
}

// table names one of the store's tables in a query.
func (s *Store) table(name string) bun.Ident { return bun.Ident(s.prefix + name) }

// clock is SQL for the time of the database in milliseconds since 1970. It is
// not that of the transaction's start.
func (s *Store) clock() bun.Safe {
	if s.postgres {
		return "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
	}
	return "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)"
}

// Now is the clock of the database, in UTC and whole milliseconds: that by which
// jobs, and the windows of rate limits, are timed.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var ms int64
	err := s.db.NewRaw("SELECT ?", s.clock()).Scan(ctx, &ms)
	return time.UnixMilli(ms).UTC(), wrap("clock", err)
}
