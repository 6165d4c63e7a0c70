package sections

import (
	"context"
	"iter"

	"github.com/orgexport/orgexport/export"
)

// Source runs the queries of a section that reads a database by other means than package
// database/sql. Packages sections/postgres and sections/sqlite have one each: they are
// faster, and say more about values. It may be an [export.Digester] that says which database
// it is.
type Source interface {
	// Query runs a statement with these values of its positional parameters and calls
	// read with the columns and rows of its result. What the query holds, such as a
	// connection, is free again when Query returns. If the statement fails read is not
	// called; if rows fail, they end with an error. The error of read is returned as it
	// is. An error whose text may quote values is made export.Private, or has a method
	// LogText: see [export.LogText].
	//
	// The rows are read once. Each has a field for every column, of the kinds that a
	// record.Row may have, and is valid until the next one. It is the same slice, which
	// read may change.
	//
	// A value is nil, a string or an int64; with the dialect SQLite it is also a float64 or a
	// []byte if a section has shards.
	//
	// Query is called by several goroutines if the section exports several
	// organizations at once.
	Query(ctx context.Context, statement string, args []any, read func(columns []string, rows iter.Seq2[[]any, error]) error) error
}

// Describer is an optional interface of a [Source]: it tells about a statement without
// running it. [Check] asks it.
type Describer interface {
	// Describe prepares a statement and returns the names of the columns that its
	// result would have. It reads no rows and changes nothing. The error says why the
	// statement fails with these values of its positional parameters, as far as the
	// database can tell by then.
	Describe(ctx context.Context, statement string, args []any) (columns []string, err error)
}

// Estimator is an optional interface of a [Source]: it tells about how much a statement returns,
// without running it. An [export.Estimator] that [NewSQL] has made asks it.
type Estimator interface {
	// Estimate returns about how many bytes the rows of a statement have with these values of
	// its positional parameters, as the database expects; 0 if it does not say. It reads no rows.
	Estimate(ctx context.Context, statement string, args []any) (bytes int64, err error)
}

// Snapshotter is an optional interface of a [Source] whose queries can read a snapshot. A
// section of [NewSQL] on it is an [export.SnapshotReader]: all that are on one Source read
// one moment, if the engine wants it so.
type Snapshotter interface {
	export.Snapshots

	// QueryAt is Query, and reads the snapshot with that ID, which may be that of another
	// process. If it cannot any more the error matches [export.ErrSnapshotLost], and read was
	// not called.
	QueryAt(ctx context.Context, snapshot, statement string, args []any, read func(columns []string, rows iter.Seq2[[]any, error]) error) error
}
