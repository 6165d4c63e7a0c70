package postgres_test

import (
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// redefinable are tables that can be changed in ways that no snapshot keeps.
var redefinable = []string{
	"CREATE TABLE t AS SELECT 1 AS a, 2 AS b", "CREATE TABLE z AS SELECT 1 AS a", "CREATE VIEW v AS SELECT a FROM t", "CREATE MATERIALIZED VIEW m AS SELECT a FROM t",
	"CREATE TABLE p (a int) PARTITION BY LIST (a)", "CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY LIST (a)",
	"CREATE TABLE p11 PARTITION OF p1 FOR VALUES IN (1)", "INSERT INTO p VALUES (1)", "CREATE TABLE p3 AS SELECT 3 AS a",
	"CREATE TABLE c (a int)", "CREATE TABLE c1 () INHERITS (c)", "INSERT INTO c1 VALUES (1)", "CREATE SEQUENCE s",
	"CREATE FUNCTION f() RETURNS SETOF int STABLE LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT a FROM z; END $$",
}

const everything = "SELECT count(*) AS n FROM (SELECT a FROM t UNION ALL SELECT a FROM v UNION ALL SELECT a FROM m UNION ALL SELECT a FROM p UNION ALL SELECT a FROM c) x"

// What DDL does is seen by older snapshots, too. A query that has read it is not of the moment.
func TestSnapshotOfTablesThatAreRedefined(t *testing.T) {
	for _, c := range []struct {
		name, change, query string
		want                error
	}{
		{"truncated", "TRUNCATE t", "SELECT count(*) AS n FROM t", export.ErrSnapshotLost},
		{"rewritten", "ALTER TABLE z ALTER COLUMN a TYPE bigint", "SELECT count(*) AS n FROM z", export.ErrSnapshotLost},
		{"another one of the name", "DROP TABLE z; CREATE TABLE z (a int)", "SELECT count(*) AS n FROM z", export.ErrSnapshotLost},
		{"names exchanged", "ALTER TABLE t RENAME TO told; ALTER TABLE z RENAME TO t", "SELECT count(*) AS n FROM t", export.ErrSnapshotLost},
		{"column made again", "ALTER TABLE t DROP COLUMN b; ALTER TABLE t ADD COLUMN b int DEFAULT 99", "SELECT sum(b) AS n FROM t", export.ErrSnapshotLost},
		{"view made anew", "CREATE OR REPLACE VIEW v AS SELECT a FROM t WHERE false", "SELECT count(*) AS n FROM v", export.ErrSnapshotLost},
		{"below a view", "TRUNCATE t", "SELECT count(*) AS n FROM v", export.ErrSnapshotLost},
		{"in a function", "TRUNCATE z", "SELECT count(*) AS n FROM f()", export.ErrSnapshotLost},
		{"view refreshed", "UPDATE t SET a = 7; REFRESH MATERIALIZED VIEW m", "SELECT sum(a) AS n FROM m", export.ErrSnapshotLost},
		{"partition dropped", "DROP TABLE p1", "SELECT count(*) AS n FROM p", export.ErrSnapshotLost},
		{"partition of a partition dropped", "DROP TABLE p11", "SELECT count(*) AS n FROM p", export.ErrSnapshotLost},
		{"partition truncated", "TRUNCATE p11", "SELECT count(*) AS n FROM p", export.ErrSnapshotLost},
		{"partition attached", "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES IN (3)", "SELECT count(*) AS n FROM p", export.ErrSnapshotLost},
		{"child dropped", "DROP TABLE c1", "SELECT count(*) AS n FROM c", export.ErrSnapshotLost},
		{"child released", "ALTER TABLE c1 NO INHERIT c", "SELECT count(*) AS n FROM c", export.ErrSnapshotLost},
		{"rows forbidden", "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "SELECT count(*) AS n FROM t", export.ErrSnapshotLost},
		{"sequence", "SELECT nextval('s')", "SELECT last_value AS n FROM s", export.ErrSnapshotLost},
		{"rows only", "DELETE FROM t; UPDATE p SET a = 1; DELETE FROM c", "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM p) + (SELECT count(*) FROM c) AS n", nil},
		{"others", "TRUNCATE z; DROP TABLE p3", "SELECT count(*) AS n FROM t", nil},
		{"beside the rows", "CREATE INDEX ON t (a); GRANT SELECT ON t TO PUBLIC; ANALYZE t; ALTER TABLE t ADD CHECK (a > 0)", "SELECT count(*) AS n FROM v", nil},
		{"no table", "TRUNCATE t", "SELECT count(*) AS n FROM generate_series(1, 2)", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			address := pgtest.Database(t)
			exec(t, address, redefinable...)
			s := opened(t, address, "redefined")
			held, err := s.OpenSnapshot(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close(t.Context())
			read := at{s, held.ID()}
			before, err := all(t.Context(), read, everything)
			if err != nil || before[0] != "n=int64 5" || held.Check(t.Context()) != nil {
				t.Fatalf("before anything was changed: %v, %v, %v", before, err, held.Check(t.Context()))
			}
			exec(t, address, c.change)
			got, err := all(t.Context(), read, c.query)
			why := held.Check(t.Context())
			if err != nil || !errors.Is(why, c.want) {
				t.Errorf("%v, %v; Check gives %v, want %v", got, err, why, c.want)
			}
			if c.want == nil {
				return
			}
			if strings.Count(why.Error(), `"`) != 2 || strings.Count(why.Error(), export.ErrSnapshotLost.Error()) != 1 {
				t.Errorf("the error is %v", why)
			}
			if _, err := all(t.Context(), read, "SELECT 1"); !errors.Is(err, export.ErrSnapshotLost) {
				t.Errorf("a query after that gives %v", err)
			}
		})
	}
}

// Whoever has enough of the rows has no error.
func TestSnapshotThatIsReadInPart(t *testing.T) {
	s := opened(t, pgtest.Database(t), "in part")
	held, err := s.OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(t.Context())
	err = s.QueryAt(t.Context(), held.ID(), "SELECT repeat('x', 10000) FROM generate_series(1, 100000)", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
		next, stop := iter.Pull2(rows)
		defer stop()
		_, err, _ := next()
		return err
	})
	if why := held.Check(t.Context()); err != nil || !errors.Is(why, export.ErrSnapshotLost) {
		t.Errorf("%v; Check gives %v", err, why)
	}
}

// A process that has not opened the snapshot has an error, and not one after which the rows are
// read again.
func TestSnapshotOfAnotherProcessIsRedefined(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t AS SELECT 1 AS a")
	held, err := opened(t, address, "one").OpenSnapshot(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close(t.Context())
	read := at{opened(t, address, "another"), held.ID()}
	if got, err := all(t.Context(), read, "SELECT * FROM t"); err != nil || got[0] != "a=int64 1" {
		t.Errorf("the snapshot has %v, %v", got, err)
	}
	exec(t, address, "TRUNCATE t")
	if _, err := all(t.Context(), read, "SELECT * FROM t"); err == nil || errors.Is(err, export.ErrSnapshotLost) {
		t.Errorf("after a change: %v", err)
	}
}

// A table is redefined between two sections of an export. One is read at a time: a reader would
// wait for its turn to report, and this for the reader.
func TestExportWhileATableIsRedefined(t *testing.T) {
	for _, level := range []export.ConsistencyLevel{export.ConsistencyBest, export.ConsistencyRequired} {
		t.Run(string(level), func(t *testing.T) {
			address := pgtest.Database(t)
			exec(t, address, money...)
			finished := 0
			_, _, consistent, err := counted(t.Context(), t, moneyEngine(t, opened(t, address, "redefined"), 4, 1, level), func(e export.Event) {
				if e.Kind != export.SectionFinished {
					return
				}
				if finished++; finished == 2 {
					exec(t, address, "TRUNCATE there; INSERT INTO there VALUES (0)")
				}
			})
			inconsistent, failed := errors.AsType[*export.ConsistencyError](err)
			if failed != (level == export.ConsistencyRequired) || failed && inconsistent.Final || !failed && err != nil || consistent {
				t.Errorf("consistent %v, %v", consistent, err)
			}
		})
	}
}

// When a process of the server dies all others end, and it recovers: what was not logged is gone,
// and transactions have the numbers of others. It says that it runs since before.
func TestMomentsBeforeAndAfterACrashDiffer(t *testing.T) {
	server := pgtest.NewServer(t).URL()
	exec(t, server, "CREATE UNLOGGED TABLE t AS SELECT 1 AS a", "CHECKPOINT")
	moment := func() string {
		s := opened(t, server, "crash")
		for {
			held, err := s.OpenSnapshot(t.Context(), 0)
			if err == nil {
				defer held.Close(t.Context())
				return held.Moment()
			}
			select {
			case <-t.Context().Done():
				t.Fatal(err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	before := moment()
	if again := moment(); again != before {
		t.Error("the moment is another one though nobody has written")
	}
	c, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(t.Context(), "COPY (SELECT pg_backend_pid()) TO PROGRAM 'kill -9 $(cat)'"); err == nil {
		t.Fatal("the server has not crashed")
	}
	if after := moment(); after == before {
		t.Error("the moment is the same after a crash")
	}
}
