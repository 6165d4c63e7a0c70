// Package datadir keeps all that exports need in one folder: the way to begin, on
// one machine without set-up.
//
//	data, err := datadir.Open(ctx, "/var/lib/exports", datadir.Config{
//		Links: sign.Config{URL: "https://example.com/downloads"},
//	})
//	…
//	defer data.Close()
//	engine, err := export.New(export.Config{Spool: data.Parts, Sections: …})
//	…
//	service, err := jobs.New(data.JobsConfig(engine, organizations))
//	…
//	mux.Handle("/downloads/", data.Links)
//	err = service.Run(ctx)
//
// # What is in the folder
//
//	jobs.db       jobs, API keys, members, sessions, rate limits, audit entries: see bunstore.Store
//	parts/        parts of archives: see dir.Spool
//	archives/     finished archives: see dir.Destination
//	signing.keys  the keys that links are signed with: see sign.Keyring
//
// SQLite has its files jobs.db-wal and jobs.db-shm beside the first. All is for its
// owner only (mode 0600, folders 0700). Who has the folder has every archive, and
// can make links: back it up, and keep the copy safe.
//
// Tasks are not in the folder but in memory: see [inproc]. The service finds jobs
// that a process has left unfinished, and goes on with them after the next start.
//
// The program exportd keeps the same things under the same names. A folder of one
// can be opened by the other.
//
// # Several processes
//
// Several processes of one machine may open a folder at once. Each takes the links
// that the others have made. The folder is not for a network file system, which
// SQLite does not work on.
//
// # Other adapters
//
// For more than one machine, put others in the place of single ports: they are
// fields of what [Dir.JobsConfig] returns, such as its Store and Dispatcher for
// PostgreSQL. Archives are kept elsewhere by the Destination of [Config].Links, from
// which links are then served, too.
package datadir
