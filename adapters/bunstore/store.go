package bunstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"sync"
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
	_ audit.Log           = (*Store)(nil)
	_ audit.Reader        = (*Store)(nil)
	_ audit.Finder        = (*Store)(nil)
	_ audit.Purger        = (*Store)(nil)
)

// Config is how a [Store] works. Its zero value is ready for use.
type Config struct {
	// TablePrefix begins the names of all tables and indexes: up to 24 lower-case
	// letters, digits and underscores, a letter first. Defaults to "orgexport_".
	TablePrefix string

	// Demo says that the store is for a demo: if [Store.Migrate] makes its tables, they are
	// marked so. A store opens no database of the other kind: [ErrOtherPurpose]. One of
	// before there were marks is no demo's.
	Demo bool

	// MaxConns is how many connections [Open] makes to PostgreSQL, unless the address has
	// pool_max_conns. They are made when they are needed, and closed after a minute
	// without use. A queue in the same database has some of its own. Defaults to 6.
	// SQLite has one always.
	MaxConns int

	// AfterWrite is called by Create and Update when they have written a job, in
	// the same transaction, with the job as it is then. If it returns an error the
	// write is undone, and Create or Update returns that error, wrapped. If a write
	// is tried again AfterWrite is called again. It must use the database through tx
	// only: on SQLite anything else waits for ever. PostgreSQL ends the transaction if nothing
	// is asked of it for 3 seconds, because others wait. Nil means that nothing is called.
	AfterWrite func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error

	// AfterWriteIf reports whether AfterWrite is to be called for a job. If it is not, Update
	// needs no transaction, which is half of what it asks PostgreSQL for. Nil means that
	// AfterWrite is always called.
	AfterWriteIf func(job *jobs.Job) bool
}

const defaultPrefix = "orgexport_"

// prefix is TablePrefix, or its default.
func (c Config) prefix() string { return cmp.Or(c.TablePrefix, defaultPrefix) }

var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,23}$`)

// Store keeps jobs, API keys, members, sessions, the windows of rate limits and
// the audit trail in a database. Make one with [Open] or [New]. It is safe for
// concurrent use, and several processes may have a Store on one database. Its
// methods fail until [Store.Migrate] has made the tables.
type Store struct {
	db         *bun.DB
	lookUps    line
	owned      bool // Close closes db
	origin     *origin
	postgres   bool // not SQLite
	prefix     string
	migrations []string // see migrations
	config     Config
	statements statements
	prepares   atomic.Bool // see query
	counting   gathering[*countCall]
	counted    int        // calls of Count since windows were removed last; for the goroutine that counts
	removing   sync.Mutex // held while windows are removed

	texts struct{ jobNow, next, count string } // of queries

	jobs       *finder[jobRow]
	keysByHash *finder[keyRow]
	keysByID   *finder[keyRow]
	members    *finder[memberRow]
	sessions   *finder[sessionRow]
}

// New returns a Store on a host's database. If db is to have a limit of open
// connections, set it before. New does not connect, and [Store.Close] leaves db open.
// The error names all problems.
func New(db *bun.DB, config Config) (*Store, error) {
	s := &Store{db: db, prefix: config.prefix(), config: config, origin: new(origin)}
	var problems []error
	if !prefixPattern.MatchString(s.prefix) {
		problems = append(problems, fmt.Errorf("table prefix %q: want up to 24 of a-z, 0-9 and _, a letter first", s.prefix))
	}
	if config.MaxConns < 0 {
		problems = append(problems, fmt.Errorf("MaxConns is %d, want a number from 1", config.MaxConns))
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
	s.texts.jobNow, s.texts.next, s.texts.count = s.jobNowQuery(), s.nextQuery(), s.countQuery()
	s.counting.line, s.counting.run, s.counting.after = s.lookUps, s.countFor, s.removeAfter
	s.jobs = newFinder(s, "jobs", func(r *jobRow) rowKey { return rowKey{r.ID, r.OrganizationID} },
		column{name: "id"}, column{name: "organization_id"})
	s.keysByHash = newFinder(s, "keys", func(r *keyRow) rowKey { return rowKey{string(r.Hash)} }, column{name: "hash", bytes: true})
	s.keysByID = newFinder(s, "keys", func(r *keyRow) rowKey { return rowKey{r.ID} }, column{name: "id"})
	s.members = newFinder(s, "members", func(r *memberRow) rowKey { return rowKey{r.OrganizationID, r.Subject} },
		column{name: "organization_id"}, column{name: "subject"})
	s.sessions = newFinder(s, "sessions", func(r *sessionRow) rowKey { return rowKey{string(r.Hash)} }, column{name: "hash", bytes: true})
	return s, nil
}

// DB returns the store's database, for other tables in it.
func (s *Store) DB() *bun.DB { return s.db }

// Close closes the database if [Open] opened it.
func (s *Store) Close() error {
	err := s.statements.close()
	if s.owned {
		err = errors.Join(err, s.db.Close())
	}
	return err
}

// table returns the name of one of the store's tables, prefix included, for a query.
func (s *Store) table(name string) bun.Ident { return bun.Ident(s.prefix + name) }

// clock returns SQL for the database's time now, in milliseconds since 1970. It goes
// on within a transaction.
func (s *Store) clock() bun.Safe {
	if s.postgres {
		return "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
	}
	return "CAST(round(unixepoch('subsec') * 1000) AS INTEGER)"
}

// Now returns the time of the database, in UTC and whole milliseconds. Jobs and the
// windows of rate limits go by this clock.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	var ms int64
	err := s.db.NewRaw("SELECT ?", s.clock()).Scan(ctx, &ms)
	return time.UnixMilli(ms).UTC(), wrap("clock", err)
}
