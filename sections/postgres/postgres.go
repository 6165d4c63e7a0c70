// Package postgres reads the rows of a section from PostgreSQL, by the driver pgx.
//
//	source, err := postgres.Open("postgres://app@db.example.com/app", "app")
//	if err != nil {
//		return err
//	}
//	defer source.Close()
//	section, err := sections.NewSQL(sections.SQL{
//		Key: "products", Source: source, Dialect: sections.Postgres,
//		Files: []sections.RecordFile{{File: "products.ndjson", SQL: "SELECT * FROM products WHERE org = :organization_id ORDER BY id"}},
//	})
//
// It gives the same bytes as sections.SQL with a database of package database/sql, several
// times as fast, and nests more: see "Values".
//
// # Transactions and poolers
//
// Each query runs in a transaction of its own: BEGIN READ ONLY, settings that hold until
// its end, the query, ROLLBACK. If all queries of an export are to read one moment (see
// [Source.OpenSnapshot]), one connection more keeps it, in a transaction that is idle, and
// those of the queries begin with SET TRANSACTION SNAPSHOT. So no setting of a role, a database
// or an address changes a byte, and nothing is asked of a connection that a pooler such as
// PgBouncer does not give, but for its mode of statements, which has no transactions: no
// parameter of the session and no named prepared statement.
//
// # What a query can do
//
// A query that writes to a table or a sequence fails, also within WITH and in a function.
// What else it or a function does in the database (set_config, NOTIFY, large objects, which
// servers before version 16 let a read-only transaction write) is undone by the ROLLBACK, and
// advisory locks are given back. A statement without columns, such as COPY or SET, is not
// run.
//
// What a function does beyond the transaction happens: dblink writes by a connection of its
// own, and lo_export, adminpack, untrusted languages and functions such as
// pg_terminate_backend and pg_read_file reach the server and its files. PostgreSQL lets only
// superusers use most of them, and those to whom they were granted. So give the Source a role
// that may only read: [Source.Rights] tells whether it has one, and which GRANTs make one.
//
// # Values
//
// The table has what becomes of each type. Nested data is JSON text in a cell of a .csv. See
// package record for text that is not UTF-8, for JSON that YAML cannot say and for the guard
// against formulas.
//
//	type                               | .json, .ndjson           | .yaml                  | .csv
//	bool                               | true                     | true                   | true
//	int2, int4, int8, oid              | 1                        | 1                      | 1
//	float4, float8                     | 0.1, "NaN", "-Infinity"  | 0.1, .nan, -.inf       | 0.1, NaN, -Infinity
//	numeric                            | 1.50, "NaN", "Infinity"  | 1.50, .nan, .inf       | 1.50, NaN, Infinity
//	text, varchar, bpchar, char, name  | "text"                   | text                   | text
//	bytea                              | "base64"                 | base64                 | base64
//	json, jsonb                        | nested data              | nested data            | JSON
//	timestamptz                        | "2026-01-31T12:00:00.5Z" | 2026-01-31T12:00:00.5Z | 2026-01-31T12:00:00.5Z
//	timestamp                          | "2026-01-31T12:00:00.5"  | 2026-01-31T12:00:00.5  | 2026-01-31T12:00:00.5
//	date                               | "2026-01-31"             | 2026-01-31             | 2026-01-31
//	arrays of any type                 | [1, null, [2]]           | list                   | JSON
//	composite types, rows of tables    | {"a": 1, "b": null}      | mapping                | JSON
//	hstore                             | {"a": "1", "b": null}    | mapping                | JSON
//	domains                            | as the type below        | as the type below      | as the type below
//	enums, and the types below         | "text"                   | text                   | text
//
// The text of these types is the one that PostgreSQL writes: time, timetz, interval, uuid,
// money, inet, cidr, macaddr, macaddr8, bit, varbit, xml, tsvector, tsquery, jsonpath, the
// ranges int4range, int8range, numrange, daterange, tsrange and tstzrange, the multiranges
// int4multirange, int8multirange, nummultirange, datemultirange, tsmultirange and
// tstzmultirange, point, line, lseg, box, path, polygon, circle, pg_lsn, pg_snapshot,
// txid_snapshot, tid, xid, xid8, cid, refcursor, aclitem, regclass, regcollation, regconfig,
// regdictionary, regnamespace, regoper, regoperator, regproc, regprocedure, regrole, regtype,
// int2vector, oidvector, records without a type of their own, as of ROW(1, 2), and what no
// table of yours has: gtsvector, pg_brin_bloom_summary, pg_brin_minmax_multi_summary,
// pg_dependencies, pg_mcv_list, pg_ndistinct, pg_node_tree.
//
// Numbers have the fewest digits that read back as the same number of 32 or 64 bits; those of
// numeric have all that they have. Texts of times may also be infinity and -infinity; years
// beyond 9999 and before Christ are as in 10000-01-01 and 0044-03-15 BC. Arrays lose their
// lower bounds. A row with an array of more than 1,048,576 elements, or with an array, composite
// type or hstore whose text has more than 16 MiB, is left out: they would take many times as much
// memory.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgaddress"
)

// Source runs the queries of sections: it is a sections.Source. It is safe for concurrent
// use. Each query that runs has a connection of the pool.
type Source struct {
	pool  *pgxpool.Pool
	owned bool
	types typeCache

	holders chan struct{} // has one for each snapshot that is open

	mu   sync.Mutex
	uses map[string]*use // of snapshots, by their IDs

	refused atomic.Int64 // see Waits
}

// New returns a Source that takes its connections from a pool, which its owner closes when
// nothing is exported any more.
func New(pool *pgxpool.Pool) *Source {
	return &Source{pool: pool, holders: holders(pool), uses: make(map[string]*use)}
}

// maxConns is how many connections a pool may have, unless the URL has another number: as
// many as are asked for, because the engine bounds how many sections run at once.
const maxConns = 1 << 16

// maxIdle is how long a connection waits for the next query, unless the URL has another
// time. A server has few connections, and others want them.
const maxIdle = time.Minute

// Open returns a Source of the database at a "postgres://" URL, with all parameters that
// pgx knows. pool_max_conns bounds its connections; there is no bound without it.
// application is the application_name, unless the URL or PGAPPNAME has another.
//
// It does not connect. The Source must be closed. No error ever holds the password.
func Open(address, application string) (*Source, error) {
	config, err := pgaddress.Parse(address, application)
	if err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	pooled, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("postgres: a pool_ parameter of the PostgreSQL URL is not valid")
	}
	if config.RuntimeParams["pool_max_conns"] == "" {
		pooled.MaxConns = maxConns
	}
	if config.RuntimeParams["pool_max_conn_idle_time"] == "" {
		pooled.MaxConnIdleTime = maxIdle
	}
	pooled.ConnConfig.ConnectTimeout = config.ConnectTimeout
	pooled.ConnConfig.RuntimeParams["application_name"] = config.RuntimeParams["application_name"]
	pool, err := pgxpool.NewWithConfig(context.Background(), pooled) //nolint:forbidigo // it is not kept, and does not connect
	if err != nil {
		return nil, errors.New("postgres: the PostgreSQL URL makes no pool of connections")
	}
	s := New(pool)
	s.owned = true
	return s, nil
}

// Close closes the connections of a Source that [Open] has made. It waits for queries that
// run. It may be called more than once. The error is nil.
func (s *Source) Close() error {
	if s.owned {
		s.pool.Close()
	}
	return nil
}

// Digest implements export.Digester: it says which database this is, and by which role it is
// read, but not at which address, because a replica or a pooler has the same data.
func (s *Source) Digest() string {
	c := s.pool.Config().ConnConfig
	return fmt.Sprintf("%q %q", c.Database, c.User)
}

// Ping returns an error if the server cannot be reached.
func (s *Source) Ping(ctx context.Context) error { return s.pool.Ping(ctx) }

// Query is that of a sections.Source.
func (s *Source) Query(ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	return s.query(ctx, statement, args, read, func() (*pgxpool.Conn, error) { return s.begin(ctx) }, func(pg *pgconn.PgConn) { end(ctx, pg) })
}

// query is Query in the transaction that begin begins. ended ends it, unless the query has failed.
func (s *Source) query(
	ctx context.Context, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error,
	begin func() (*pgxpool.Conn, error), ended func(*pgconn.PgConn),
) error {
	values, err := texts(args)
	if err != nil {
		return err
	}
	conn, err := begin()
	if err != nil {
		return err
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	if err = s.read(ctx, pg, statement, values, read); err != nil {
		end(ctx, pg)
		return err
	}
	ended(pg)
	return nil
}

// end ends a transaction, and gives back the only locks that do not end with it: whoever
// has the connection next would hold them. If that fails the connection does not come back
// into the pool.
func end(ctx context.Context, pg *pgconn.PgConn) {
	_ = exec(ctx, pg, "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()")
}

// begin returns a connection with a transaction.
func (s *Source) begin(ctx context.Context) (*pgxpool.Conn, error) {
	conn, _, err := s.beginAs(ctx, beginOwn, "")
	return conn, err
}

// unreachable tells of an error of connecting that the server is to blame, or the way to it.
// It is not if the server has answered, as to a wrong password.
func unreachable(ctx context.Context, err error) error {
	_, connecting := errors.AsType[*pgconn.ConnectError](err)
	_, answered := errors.AsType[*pgconn.PgError](err)
	if ctx.Err() != nil || !connecting || answered {
		return err
	}
	return &unreachableError{err}
}

type unreachableError struct{ error }

func (e *unreachableError) Unwrap() error { return e.error }

// MachineFault says it to [export.MachineFault].
func (*unreachableError) MachineFault() export.Fault { return export.FaultConnection }

// read runs the statement in a transaction.
func (s *Source) read(ctx context.Context, pg *pgconn.PgConn, statement string, values [][]byte, read func([]string, iter.Seq2[[]any, error]) error) error {
	// A query that is given up is cancelled: its connection would have to read the rest
	// of its rows, and is closed instead.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &result{conn: pg, types: &s.types}
	if err := r.open(ctx, statement, values); err != nil {
		return err
	}
	err := read(r.names, r.rows)
	if !r.ended {
		cancel()
		_, _ = r.reader.Close()
	}
	return err
}

// encoding returns what is to be done for texts of a database that does not know their
// encoding. As UTF-8 it sends none that is something else, but an error that ends all rows.
func encoding(pg *pgconn.PgConn) string {
	if pg.ParameterStatus("server_encoding") == "SQL_ASCII" {
		return "; SET LOCAL client_encoding = SQL_ASCII" // as they are
	}
	return ""
}

// exec runs statements without parameters.
func exec(ctx context.Context, pg *pgconn.PgConn, statements string) error {
	return pg.Exec(ctx, statements).Close()
}
