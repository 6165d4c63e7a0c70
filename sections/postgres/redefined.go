package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/export"
)

// A snapshot keeps rows, but not what tables are: by the names of now PostgreSQL finds the tables
// of now. One that was truncated or rewritten by ALTER TABLE since is empty, whatever the snapshot
// had in it; a materialized view that was refreshed has its new rows; the rows of a partition
// that was detached or dropped are missing. None of them ends in an error. So after each query
// it is asked which relations the query has used, which its locks tell, and whether the
// catalogs had the same of them at the moment as they have now. The locks themselves keep them
// from being changed in between.

// used are the columns of a relation that say what it is and where its rows are. Privileges,
// constraints and statistics are of no matter. The row of the snapshot is compared with that of
// the present.
const used = "SELECT c.oid, c.relkind::pg_catalog.text, c.relname, pg_catalog.md5(ROW(c.relname, c.relnamespace, c.relkind, c.relfilenode, c.relnatts, " +
	"c.relrowsecurity, c.relforcerowsecurity, " +
	"(SELECT pg_catalog.array_agg(i.inhrelid ORDER BY i.inhrelid) FROM pg_catalog.pg_inherits i WHERE i.inhparent = c.oid), " +
	"(SELECT pg_catalog.array_agg(w.xmin::pg_catalog.text ORDER BY w.oid) FROM pg_catalog.pg_rewrite w WHERE w.ev_class = c.oid), " +
	"(SELECT pg_catalog.array_agg(p.xmin::pg_catalog.text ORDER BY p.oid) FROM pg_catalog.pg_policy p WHERE p.polrelid = c.oid)" +
	")::pg_catalog.text) FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f', 'S') AND c.oid IN "

const (
	// firstUser is where the numbers of relations begin that are not the server's own.
	firstUser = "16384"

	// locked are the relations that the transaction has used.
	locked = "(SELECT l.relation FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND " +
		"l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AND l.relation >= " + firstUser + ")"
)

// relation is one that a query has used.
type relation struct {
	kind, name, definition string
}

// relationsOf returns the relations by their numbers.
func relationsOf(answer *pgconn.Result) (found map[string]relation, err error) {
	found = make(map[string]relation, len(answer.Rows))
	for _, row := range answer.Rows {
		if len(row) != 4 {
			return nil, errors.New("postgres: the catalogs have another form than is known")
		}
		found[string(row[0])] = relation{string(row[1]), string(row[2]), string(row[3])}
	}
	return found, nil
}

// endAt ends the transaction of a query that has read a snapshot. It returns why what was read
// may be of another moment.
func endAt(ctx context.Context, pg *pgconn.PgConn) error {
	if pg.IsClosed() {
		return fmt.Errorf("postgres: rows were not read to their end, so that nobody knows what of: %w", export.ErrSnapshotLost)
	}
	numbers, then, err := usedBy(ctx, pg)
	if err != nil || len(numbers) == 0 {
		end(ctx, pg)
		return lostIfRefused(ctx, err)
	}
	answers, err := pg.Exec(ctx, "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); "+used+"("+strings.Join(numbers, ", ")+")").ReadAll()
	if err != nil {
		return lostIfRefused(ctx, err)
	}
	now, err := relationsOf(answers[len(answers)-1])
	if err != nil {
		return err
	}
	for _, number := range numbers {
		was, is := then[number], now[number]
		switch {
		case is.kind == "f" || is.kind == "S":
			return fmt.Errorf("postgres: %q is a foreign table or a sequence, which no snapshot has: %w", is.name, export.ErrSnapshotLost)
		case was != is:
			return fmt.Errorf("postgres: %q was made, truncated, rewritten or defined anew after the snapshot, or its partitions were: %w", cmp.Or(is.name, was.name), export.ErrSnapshotLost)
		}
	}
	return nil
}

// usedBy returns the numbers of the relations that the transaction has used, and what they were
// at its moment.
func usedBy(ctx context.Context, pg *pgconn.PgConn) (numbers []string, then map[string]relation, err error) {
	answers, err := pg.Exec(ctx, "SELECT DISTINCT x.relation FROM "+locked+" x; "+used+locked).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	for _, row := range answers[0].Rows {
		numbers = append(numbers, string(row[0]))
	}
	then, err = relationsOf(answers[1])
	return numbers, then, err
}
