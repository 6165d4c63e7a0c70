// Package bunstore keeps jobs, API keys, members, sessions, the windows of rate
// limits and the audit trail in SQLite or PostgreSQL, through
// github.com/uptrace/bun. A [Store] implements all these ports: [jobs.Store],
// [access.KeyStore], [access.MemberStore], [access.SessionStore],
// [access.Counter], [audit.Log], [audit.Reader] and [audit.Purger].
//
//	store, err := bunstore.Open(ctx, "sqlite:/var/lib/exportd/jobs.db", bunstore.Config{})
//	if err != nil {
//		return err
//	}
//	defer store.Close()
//	if err := store.Migrate(ctx); err != nil {
//		return err
//	}
//
// A host with a [bun.DB] of its own calls [New] instead. All names of tables and
// indexes begin with [Config].TablePrefix, so they can be beside the host's.
//
// # Databases
//
// SQLite is for one machine. Several processes may share the file, but it must not
// be on a network file system. [Open] turns on write-ahead logging, makes
// connections wait up to 10 s for another writer, and uses one connection, with
// which SQLite writes fastest. A host should set up its own [bun.DB] alike, above
// all with a busy timeout and _txlock=immediate.
//
// PostgreSQL, version 13 or newer, is for any number of machines. Connections need
// standard_conforming_strings and UTF-8, which are the defaults.
//
// If there are more clients than connections, look-ups wait in the order in which
// they came. Writes about running jobs do not wait behind them.
//
// All times are read from the database's clock, so the clocks of workers do not
// matter. They are stored as milliseconds since 1970.
//
// # Text
//
// Not every database keeps a NUL byte or invalid UTF-8. An id, name or key with
// such bytes is refused when it is written, and not found when it is looked up.
// Texts of errors and audit entries must not get lost: in these, such bytes become
// U+FFFD.
package bunstore
