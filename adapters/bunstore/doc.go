// Package bunstore keeps jobs, API keys, members, sessions, the windows of rate
// limits and the audit trail in SQLite or PostgreSQL, through
// github.com/uptrace/bun. One [Store] is all of these ports: [jobs.Store],
// [access.KeyStore], [access.MemberStore], [access.SessionStore],
// [access.Counter], [audit.Trail], [audit.Reader] and [audit.Purger].
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
// A host that has a [bun.DB] hands it to [New]; the tables have a prefix of their
// own.
//
// # Databases
//
// SQLite is for one machine: several processes may share the file, a network
// file system must not carry it. [Open] sets up write-ahead logging, waits up to
// 10 s for another writer, and uses a single connection, which is the fastest
// that SQLite writes. A host's own *bun.DB should be set up alike, above all with
// a busy timeout and _txlock=immediate.
//
// PostgreSQL, version 13 or newer, is for any number of machines. The connection
// needs standard_conforming_strings and UTF-8, which are the defaults.
//
// Where there are more clients than connections, look-ups wait in the order in
// which they came, and what is written about running jobs does not wait behind
// them.
//
// Time is that of the database, so that the clocks of workers do not matter.
// Instants are stored as milliseconds since 1970.
//
// # Text
//
// Databases keep neither a NUL nor, all of them, invalid UTF-8. Ids, names and
// keys that hold such are refused when they are written and not found when they
// are looked up. In the texts of errors and in audit entries, which must not get
// lost, they become U+FFFD.
package bunstore
