package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/postgres"
)

var (
	_ sections.Source    = (*postgres.Source)(nil)
	_ sections.Describer = (*postgres.Source)(nil)
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func opened(t *testing.T, address, application string) *postgres.Source {
	t.Helper()
	s, err := postgres.Open(address, application)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// all returns the rows of a query as text.
func all(ctx context.Context, s sections.Source, query string, args ...any) (rows []string, err error) {
	err = s.Query(ctx, query, args, func(columns []string, seq iter.Seq2[[]any, error]) error {
		for fields, err := range seq {
			if err != nil {
				return err
			}
			var row []string
			for i, v := range fields {
				v := v.(*record.Value).Any()
				row = append(row, fmt.Sprintf("%s=%T %v", columns[i], v, v))
			}
			rows = append(rows, strings.Join(row, ", "))
		}
		return nil
	})
	return rows, err
}

func exec(t *testing.T, address string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func TestQuery(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TABLE t (id bigint, u uuid, s text)", "INSERT INTO t VALUES (7, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'é'), (NULL, NULL, NULL)")
	s := opened(t, address, "reader")
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for query, args := range map[string][]any{
		"SELECT * FROM t WHERE id = $1":                          {int64(7)},
		"SELECT * FROM t WHERE id::text = $1::text":              {"7"},
		"SELECT * FROM t WHERE u = $1":                           {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		"SELECT * FROM t WHERE s = $1 AND ($2::text) IS NULL;":   {"é", nil},
		"SELECT * FROM t WHERE id IS NOT NULL -- and no comment": nil,
	} {
		got, err := all(t.Context(), s, query, args...)
		if err != nil || len(got) != 1 || got[0] != "id=int64 7, u=string a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11, s=string é" {
			t.Errorf("%s gives %q, %v", query, got, err)
		}
	}
	for query, want := range map[string]string{
		"SELEC":                     "42601",
		"SELECT 1; SELECT 2":        "42601",
		"SELECT * FROM none":        "42P01",
		"SELECT $1::int":            "has 1 parameters, not 0",
		"DELETE FROM t RETURNING 1": "25006",
		"SELECT 1/(id-7) FROM t":    "22012",
		"SELECT nextval('none')":    "42P01",
		"SELECT pg_terminate_backend(pg_backend_pid())": "57P01",
	} {
		if rows, err := all(t.Context(), s, query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %q, %v, want %s", query, rows, err, want)
		}
	}
	if _, err := all(t.Context(), s, "SELECT $1::float8", 1.5); err == nil {
		t.Error("a float is a parameter")
	}
	if err := s.Query(t.Context(), "SELECT * FROM t", nil, func([]string, iter.Seq2[[]any, error]) error { return errors.ErrUnsupported }); err != errors.ErrUnsupported { //nolint:errorlint // it is the same
		t.Errorf("error is %v", err)
	}
	if got, err := all(t.Context(), s, "SELECT count(*) FROM t"); err != nil || got[0] != "count=int64 2" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A transaction ends with its query, however that ends, and holds its settings.
func TestQueryLeavesNothing(t *testing.T) {
	address := pgtest.Database(t)
	pool, err := pgxpool.New(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	s := postgres.New(pool)
	for range 20 {
		err := s.Query(t.Context(), "SELECT generate_series(1, 1000000)", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
			for _, err := range rows {
				return errors.Join(err, errors.ErrUnsupported)
			}
			return nil
		})
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Fatal(err)
		}
		if _, err := all(t.Context(), s, "SELECT 1/0"); err == nil {
			t.Fatal("no error")
		}
		if got, err := all(t.Context(), s, "SHOW TimeZone"); err != nil || got[0] != "TimeZone=string UTC" {
			t.Fatal(got, err)
		}
	}
	for end := time.Now().Add(10 * time.Second); pool.Stat().AcquiredConns() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // what was given up is being closed
	}
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections are in use", n)
	}
	got, err := all(t.Context(), s, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
	if err != nil || got[0] != "count=int64 0" {
		t.Errorf("transactions that are open: %q, %v", got, err)
	}
	if err := s.Close(); err != nil || pool.Ping(t.Context()) != nil {
		t.Error("the pool of somebody else is closed")
	}
}

// What fails before its first row has no rows to read: there is to be no file then.
func TestQueryFailsBeforeItsRows(t *testing.T) {
	s := opened(t, pgtest.Database(t), "")
	for query, want := range map[string]int{"SELECT 1/0 AS n": 0, "SELECT 1/(2-n) FROM generate_series(1, 2) n": 1, "SELECT 1 WHERE false": 1} {
		called := 0
		_ = s.Query(t.Context(), query, nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
			called++
			for _, err := range rows {
				if err != nil {
					return err
				}
			}
			return nil
		})
		if called != want {
			t.Errorf("%s is read %d times, want %d", query, called, want)
		}
	}
}

// Connections that were broken while they waited cost no query.
func TestQueryAfterConnectionsWereBroken(t *testing.T) {
	address := pgtest.Database(t)
	s := opened(t, address, "broken")
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() { _, _ = all(t.Context(), s, "SELECT pg_sleep(0.2)") })
	}
	wg.Wait()
	exec(t, address, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'broken'")
	for range 2 {
		if _, err := all(t.Context(), s, "SELECT 1"); err != nil {
			t.Error(err)
		}
	}
}

// A query ends when its context does: before it answers, and in the middle of its rows.
func TestQueryIsCancelled(t *testing.T) {
	s := opened(t, pgtest.Database(t), "")
	for _, query := range []string{"SELECT pg_sleep(100)", "SELECT generate_series(1, 1e9)", "SELECT n, pg_sleep(n) FROM generate_series(0, 100) n"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		began := time.Now()
		if _, err := all(ctx, s, query); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s gives %v", query, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s goes on for %v", query, took)
		}
		cancel()
		if _, err := all(t.Context(), s, "SELECT 1"); err != nil {
			t.Error(err)
		}
	}
}

// Types that change are looked at again, and several queries may look at once.
func TestQueryOfOwnTypes(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, `CREATE TYPE pair AS (a int, "b c" text)`, "CREATE TABLE t (p pair)", "INSERT INTO t VALUES ((1, 'x'))")
	s := opened(t, address, "")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := all(t.Context(), s, "SELECT p, ARRAY[p, NULL] AS list, '{1}'::money[] AS m, now() IS NULL AS n FROM t")
			if err != nil || got[0] != "p=record.Row {[a b c] [1 x]}, list=[]interface {} [{[a b c] [1 x]} <nil>], m=[]interface {} [$1.00], n=bool false" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if got, err := all(t.Context(), s, "SELECT ARRAY[ROW(1, 'a b'), NULL] AS l"); err != nil || got[0] != `l=[]interface {} [(1,"a b") <nil>]` {
		t.Errorf("got %q, %v", got, err)
	}
	exec(t, address, "ALTER TYPE pair ADD ATTRIBUTE d numeric CASCADE", "UPDATE t SET p.d = 1.50")
	if got, err := all(t.Context(), s, "SELECT p FROM t"); err != nil || got[0] != "p=record.Row {[a b c d] [1 x 1.50]}" {
		t.Errorf("got %q, %v", got, err)
	}
	exec(t, address, "ALTER TYPE pair DROP ATTRIBUTE a CASCADE")
	if got, err := all(t.Context(), s, "SELECT p FROM t"); err != nil || got[0] != "p=record.Row {[b c d] [x 1.50]}" {
		t.Errorf("got %q, %v", got, err)
	}
}

// What somebody has made that is named as PostgreSQL's own is not used by what the export
// itself asks.
func TestQueryWithOthersOperators(t *testing.T) {
	address := pgtest.Database(t)
	exec(t, address, "CREATE TYPE pair AS (a int, b text)", "CREATE SCHEMA other",
		"CREATE FUNCTION other.fails(oid, int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'I am %', current_user; END $$",
		"CREATE FUNCTION other.fails(oid, oid) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'I am %', current_user; END $$",
		"CREATE OPERATOR public.<> (LEFTARG = oid, RIGHTARG = int, FUNCTION = other.fails)",
		"CREATE OPERATOR other.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = other.fails)")
	for _, path := range []string{"public", "other,pg_catalog,public"} {
		s := opened(t, address+"&search_path="+path, "")
		if got, err := all(t.Context(), s, "SELECT ROW(1, 'x')::public.pair AS p"); err != nil || got[0] != "p=record.Row {[a b] [1 x]}" {
			t.Errorf("with the path %s got %q, %v", path, got, err)
		}
	}
}

// Texts of a database without an encoding come as they are, those that are not UTF-8 too.
func TestQueryOfBytesWithoutEncoding(t *testing.T) {
	address := pgtest.Database(t)
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(at.Path, "/") + "_ascii"
	exec(t, address, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
	t.Cleanup(func() {
		c, err := pgx.Connect(context.WithoutCancel(t.Context()), address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close(context.WithoutCancel(t.Context())) }()
		if _, err := c.Exec(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+""); err != nil {
			t.Error(err)
		}
	})
	at.Path = "/" + name
	s := opened(t, at.String(), "")
	long := strings.Repeat("é", 30)
	exec(t, at.String(), `CREATE TYPE pair AS (a text, "`+long+`" text[])`)
	got, err := all(t.Context(), s, `SELECT E'\xe9' AS s, ROW(E'\xe9', ARRAY['é', E'\xe9'])::pair AS p UNION ALL SELECT 'é', NULL`)
	want := []string{"s=string \xe9, p=record.Row {[a " + long + "] [\xe9 [é \xe9]]}", "s=string é, p=<nil> <nil>"}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}

// Every type that is built in is named in the table of the package's documentation.
func TestEveryTypeHasARow(t *testing.T) {
	source, err := os.ReadFile("postgres.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(source), "// # Values")
	table, _, _ = strings.Cut(table, "package postgres")
	named := make(map[string]bool)
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(table, -1) {
		named[word] = true
	}
	types, err := all(t.Context(), opened(t, pgtest.Database(t), ""), `SELECT typname AS t FROM pg_type
		WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm') AND (typcategory <> 'A' OR typname IN ('int2vector', 'oidvector')) ORDER BY 1`)
	if err != nil || len(types) < 70 {
		t.Fatalf("%d types, %v", len(types), err)
	}
	for _, name := range types {
		if name = strings.TrimPrefix(name, "t=string "); !named[name] {
			t.Errorf("type %s has no row", name)
		}
	}
}

func TestOpen(t *testing.T) {
	address := pgtest.Database(t)
	for want, s := range map[string]*postgres.Source{
		"reader": opened(t, address, "reader"),
		"named":  opened(t, address+"&application_name=named&pool_max_conns=2", "reader"),
	} {
		if got, err := all(t.Context(), s, "SHOW application_name"); err != nil || got[0] != "application_name=string "+want {
			t.Errorf("the name is %q, %v, want %q", got, err, want)
		}
	}
	const password = "hunter2secret"
	for _, address := range []string{
		"postgres://user:" + password + "@[::1/db",
		"postgres://user:" + password + "%zz@127.0.0.1:1/db",
		"postgres://user:" + password + "@127.0.0.1:1/db?sslmode=nonsense",
		"postgres://user:" + password + "@127.0.0.1:1/db?pool_max_conns=" + password,
	} {
		s, err := postgres.Open(address, "")
		if err == nil {
			_ = s.Close()
			t.Errorf("Open(%q) succeeds", address)
		} else if !strings.HasPrefix(err.Error(), "postgres: ") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q) gives %v", address, err)
		}
	}
	s := opened(t, "postgres://user:"+password+"@127.0.0.1:1/db?connect_timeout=1", "")
	if err := s.Ping(t.Context()); err == nil || strings.Contains(err.Error(), password) {
		t.Errorf("error is %v", err)
	}
}

// A replica, a pooler or a new password has the same data; another database or role may not.
func TestDigestSaysWhichDatabase(t *testing.T) {
	digest := func(address string) string { return opened(t, address, "").Digest() }
	same := digest("postgres://app:secret@db1.example.com/app")
	if other := digest("postgres://app:changed@db2.example.com:6432/app?sslmode=disable"); other != same {
		t.Errorf("at another address the digest is %s, not %s", other, same)
	}
	for _, address := range []string{"postgres://app:secret@db1.example.com/demo", "postgres://audit:secret@db1.example.com/app"} {
		if digest(address) == same {
			t.Errorf("%s has the same digest", address)
		}
	}
}
