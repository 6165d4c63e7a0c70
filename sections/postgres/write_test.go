package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// functions do what a query can do by way of them.
var functions = []string{
	"CREATE TABLE t (v text)", "INSERT INTO t VALUES ('old')", "CREATE SEQUENCE s",
	"CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES ('new'); RETURN 1; END $$",
	"CREATE FUNCTION drops() RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE 'DROP TABLE t'; RETURN 1; END $$",
	"CREATE FUNCTION allows() RETURNS int LANGUAGE plpgsql AS $$ BEGIN SET LOCAL transaction_read_only = off; INSERT INTO t VALUES ('new'); RETURN 1; END $$",
	"CREATE FUNCTION commits() RETURNS int LANGUAGE plpgsql AS $$ BEGIN COMMIT; INSERT INTO t VALUES ('new'); RETURN 1; END $$",
	"CREATE FUNCTION runs(command text) RETURNS int LANGUAGE plpgsql AS $$ BEGIN EXECUTE command; RETURN 1; END $$",
}

// refused are statements that fail.
var refused = map[string]string{
	"WITH new AS (INSERT INTO t VALUES ('new') RETURNING v) SELECT v FROM new": "read-only transaction",
	"WITH gone AS (DELETE FROM t RETURNING v) SELECT v FROM gone":              "read-only transaction",
	"INSERT INTO t VALUES ('new') RETURNING v":                                 "read-only transaction",
	"SELECT v FROM t FOR UPDATE":                                               "read-only transaction",
	"SELECT nextval('s')":                                                      "read-only transaction",
	"SELECT setval('s', 9)":                                                    "read-only transaction",
	"SELECT writes()":                                                          "read-only transaction",
	"SELECT drops()":                                                           "read-only transaction",
	"SELECT allows()":                                                          "read-write mode",
	"SELECT commits()":                                                         "invalid transaction termination",
	"SELECT set_config('transaction_read_only', 'off', false)":                 "read-write mode",
	"SELECT runs('CREATE TABLE u (v text)')":                                   "read-only transaction",
	"SELECT runs('VACUUM')":                                                    "VACUUM cannot",
	"SELECT v INTO u FROM t":                                                   "no columns",
	"COPY t TO PROGRAM 'touch /tmp/orgexport-was-here'":                        "no columns",
	"COPY t FROM PROGRAM 'touch /tmp/orgexport-was-here; echo new'":            "no columns",
	"DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$":                          "no columns",
	"SET TimeZone = 'GMT+5'":                                                   "no columns",
	"COMMIT":                                                                   "no columns",
}

// undone are statements that succeed, and of which nothing is left.
var undone = []string{
	"SELECT lo_from_bytea(4711, 'new')", // fails from version 16 on
	"SELECT pg_advisory_lock(7), pg_advisory_lock_shared(8), pg_try_advisory_lock(9)",
	"SELECT set_config('TimeZone', 'GMT+5', false), set_config('role', 'pg_monitor', false), set_config('search_path', 'pg_catalog', false)",
	"SELECT pg_notify('orgexport_test', 'new')", "SELECT runs('LISTEN orgexport_test')",
	"SELECT runs('DECLARE c CURSOR WITH HOLD FOR SELECT 1')",
}

// TestNothingIsWritten: a superuser's queries leave nothing behind, in the database or on the
// connection, whether it is a pooler's or not.
func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t).URL()
	exec(t, server, functions...)
	// A connection that is given up takes its locks along, so there is one.
	for name, address := range map[string]string{"direct": server + "&pool_max_conns=1", "pooler": pgtest.Pooler(t, server, "transaction") + "&pool_max_conns=1"} {
		s := opened(t, address, "writer")
		state := func() []string {
			t.Helper()
			rows, err := all(t.Context(), s, "SELECT pg_backend_pid(), (SELECT array_agg(v)::text FROM t) AS t, to_regclass('u')::text AS u, "+
				"(SELECT last_value FROM s) AS s, (SELECT count(*) FROM pg_largeobject_metadata) AS objects, current_user, current_setting('search_path') AS path, "+
				"(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks, (SELECT count(*) FROM pg_listening_channels()) AS channels, "+
				"(SELECT count(*) FROM pg_cursors WHERE is_holdable) AS cursors, pg_stat_file('/tmp/orgexport-was-here', true)::text AS file")
			if err != nil {
				t.Fatal(err)
			}
			return rows
		}
		before := state()
		for statement, want := range refused {
			if rows, err := all(t.Context(), s, statement); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s gives %q, %v, want %q", name, statement, rows, err, want)
			}
		}
		for _, statement := range undone {
			if _, err := all(t.Context(), s, statement); err != nil && !strings.Contains(err.Error(), "read-only transaction") {
				t.Errorf("%s: %s: %v", name, statement, err)
			}
			if after := state(); !slices.Equal(after, before) {
				t.Errorf("%s: after %s it is\n%q\nand was before\n%q", name, statement, after, before)
			}
		}
		if after := state(); !slices.Equal(after, before) {
			t.Errorf("%s: at the end it is\n%q\nand was before\n%q", name, after, before)
		}
	}
}
