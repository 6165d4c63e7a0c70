package postgres_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestDescribe says what is wrong with a statement, and runs none.
func TestDescribe(t *testing.T) {
	t.Parallel()
	address := pgtest.NewServer(t).URL()
	exec(t, address, "CREATE TABLE a (id uuid, name text, n int)", "INSERT INTO a VALUES (gen_random_uuid(), 'x', 1)", "CREATE TABLE secret (id text)",
		"CREATE ROLE reader LOGIN PASSWORD 'reader-password'", "GRANT SELECT, DELETE ON a TO reader",
		"CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''it ran''; END'")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("reader", "reader-password")
	s := opened(t, u.String()+"&pool_max_conns=1", "test") // each goes on with the connection of the one before
	for _, c := range []struct {
		statement string
		columns   []string
		err       string
	}{
		{"SELECT *, n AS number FROM a WHERE name = $1", []string{"id", "name", "n", "number"}, ""},
		{"SELECT boom() FROM a WHERE name = $1", []string{"boom"}, ""},
		{"DELETE FROM a WHERE $1 <> '' RETURNING n", nil, "writes or locks rows"},
		{"WITH gone AS (DELETE FROM a WHERE $1 <> '' RETURNING n) SELECT n FROM gone", nil, "writes or locks rows"},
		{"(SELECT 'ModifyTable' AS n FROM a WHERE name = $1)", []string{"n"}, ""},
		{"SELECT naem FROM a WHERE name = $1", nil, `column "naem" does not exist (SQLSTATE 42703); Perhaps you meant to reference the column "a.name".`},
		{"SELECT * FROM b WHERE name = $1", nil, `relation "b" does not exist`},
		{"SELCT $1", nil, `syntax error at or near "SELCT"`},
		{"SELECT * FROM a WHERE id = $1", nil, `invalid input syntax for type uuid: "2222222222222222222222"`},
		{"SELECT * FROM a WHERE n = $1", nil, `out of range for type integer`},
		{"SELECT * FROM secret WHERE id = $1", nil, "permission denied for table secret"},
		{"SELECT pg_sleep(1e6) WHERE $1 <> ''", []string{"pg_sleep"}, ""},
		{"DELETE FROM a WHERE name = $1", nil, "the statement returns no columns"},
		{"SELECT 1", nil, "the statement has 0 parameters, not 1"},
	} {
		columns, err := s.Describe(t.Context(), c.statement, []any{"2222222222222222222222"})
		if !slices.Equal(columns, c.columns) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v, want %q, %q", c.statement, columns, err, c.columns, c.err)
		}
	}
	if columns, err := s.Describe(t.Context(), "SHOW server_version", nil); err != nil || !slices.Equal(columns, []string{"server_version"}) {
		t.Errorf("SHOW: %q, %v", columns, err)
	}
	owner := opened(t, address, "test")
	if _, err := owner.Describe(t.Context(), "SELECT n FROM (SELECT n FROM a FOR UPDATE) AS a", nil); err == nil || !strings.Contains(err.Error(), "writes or locks rows") {
		t.Errorf("FOR UPDATE: %v", err)
	}
	if rows, err := all(t.Context(), s, "SELECT n FROM a"); err != nil || len(rows) != 1 {
		t.Errorf("rows are %q, %v", rows, err)
	}
}
