package postgres_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
	"github.com/orgexport/orgexport/sections/postgres"
)

const rightsPassword = "rights-test-password"

// rightsSchema has a role for each right beyond reading.
var rightsSchema = []string{
	"CREATE SCHEMA shop", `CREATE TABLE shop."Order Lines" (id int, note text)`, "CREATE TABLE shop.plain (id int)", "CREATE TABLE shop.base (id int)",
	"CREATE VIEW shop.overview AS SELECT id FROM shop.base", "CREATE TABLE shop.secret (id int)", "ALTER TABLE shop.plain ENABLE ROW LEVEL SECURITY",
	"CREATE FUNCTION shop.boom() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE ''it ran''; END'",
	"CREATE ROLE reader", "GRANT USAGE ON SCHEMA shop TO reader", "GRANT SELECT ON ALL TABLES IN SCHEMA shop TO reader",
	"CREATE ROLE owner IN ROLE reader", "ALTER TABLE shop.plain OWNER TO owner", "ALTER TABLE shop.base OWNER TO owner", "ALTER VIEW shop.overview OWNER TO owner",
	`ALTER TABLE shop."Order Lines" OWNER TO owner`, "CREATE ROLE heir NOINHERIT IN ROLE owner",
	"CREATE ROLE writer IN ROLE reader", "GRANT DELETE ON shop.secret TO writer", `GRANT UPDATE (note) ON shop."Order Lines" TO writer`,
	"CREATE ROLE member IN ROLE reader, pg_write_all_data, pg_execute_server_program", "CREATE ROLE creator IN ROLE reader", "GRANT CREATE ON SCHEMA shop TO creator",
	"CREATE ROLE founder IN ROLE reader", "CREATE ROLE boss SUPERUSER",
}

// as returns the address for another role, which is let in.
func as(t *testing.T, address, role string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, address, "ALTER ROLE "+role+" LOGIN PASSWORD '"+rightsPassword+"'")
	u.User = url.UserPassword(role, rightsPassword)
	return u.String()
}

// rights asks for the rights of the Source's role.
func rights(t *testing.T, address string, statements ...string) *postgres.Rights {
	t.Helper()
	r, err := opened(t, address, "").Rights(t.Context(), statements)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRights: what a role may do beyond reading is found, and statements make one that may
// do nothing beyond.
func TestRights(t *testing.T) {
	t.Parallel()
	server := pgtest.NewServer(t).URL()
	exec(t, server, rightsSchema...)
	t.Run("beyond", func(t *testing.T) { findsRights(t, server) })
	t.Run("grants", func(t *testing.T) { grantsReading(t, server) })
}

// findsRights: each right beyond reading is found, and none where there is none.
func findsRights(t *testing.T, server string) {
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	exec(t, server, "GRANT CREATE ON DATABASE "+strings.TrimPrefix(u.Path, "/")+" TO founder")
	for role, want := range map[string]string{
		"reader": "", "boss": "is a superuser", "creator": "may make tables in shop", "founder": "may make schemas",
		"owner": `owns shop."Order Lines", shop.base, shop.overview and 1 others`, "heir": `owns shop."Order Lines", shop.base, shop.overview and 1 others`,
		"writer": `may change shop."Order Lines", shop.secret`,
		"member": `is a member of pg_execute_server_program, pg_write_all_data; may change shop."Order Lines", shop.base, shop.overview and 2 others`,
	} {
		r := rights(t, as(t, server, role))
		if got := strings.Join(r.Beyond, "; "); got != want || r.Role != role || (r.Grants == "") != (want == "") {
			t.Errorf("%s: %q, %q\n%s\nwant %q", role, r.Role, got, r.Grants, want)
		}
	}
}

// grantsReading: the statements make a role that may read what the queries name, and nothing
// else; none of the queries is run.
func grantsReading(t *testing.T, server string) {
	exec(t, server, "GRANT CREATE ON SCHEMA shop TO PUBLIC", "GRANT INSERT ON shop.secret TO PUBLIC", "GRANT UPDATE (note) ON shop.\"Order Lines\" TO PUBLIC",
		"ALTER ROLE owner SET search_path = shop, \"$user\", public")
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	database := strings.TrimPrefix(u.Path, "/")
	queries := []string{`SELECT o.note, boom() FROM "Order Lines" o, Plain WHERE o.id = $1`, "SELECT id AS secrets FROM overview -- not of base_table"}
	r := rights(t, as(t, server, "owner"), queries...)
	want := `CREATE ROLE orgexport_reader LOGIN;
\password orgexport_reader
ALTER ROLE orgexport_reader IN DATABASE ` + database + ` SET search_path = shop, public;
GRANT CONNECT ON DATABASE ` + database + ` TO orgexport_reader;
GRANT USAGE ON SCHEMA shop TO orgexport_reader;
GRANT SELECT ON TABLE shop."Order Lines" TO orgexport_reader;
GRANT SELECT ON TABLE shop.overview TO orgexport_reader;
GRANT SELECT ON TABLE shop.plain TO orgexport_reader;
-- shop.plain has row-level security: without a policy for the role, or ALTER ROLE orgexport_reader BYPASSRLS, it sees no rows.
-- Everybody may do this today, and other roles may need a GRANT of their own then:
REVOKE CREATE ON SCHEMA shop FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON TABLE shop."Order Lines" FROM PUBLIC;
REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON TABLE shop.secret FROM PUBLIC;
`
	if r.Grants != want {
		t.Fatalf("the statements are\n%s\nwant\n%s", r.Grants, want)
	}
	exec(t, server, strings.Replace(r.Grants, "\\password orgexport_reader\n", "", 1))
	to := as(t, server, "orgexport_reader")
	if r := rights(t, to, queries...); len(r.Beyond) > 0 || r.Grants != "" {
		t.Errorf("the new role %q\n%s", r.Beyond, r.Grants)
	}
	s := opened(t, to, "")
	for query, want := range map[string]string{
		"SELECT id FROM overview": "", `SELECT note FROM "Order Lines"`: "", "SELECT id FROM plain": "",
		"SELECT id FROM base": "permission denied", "SELECT id FROM secret": "permission denied",
	} {
		if _, err := all(t.Context(), s, query); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", query, err, want)
		}
	}
	exec(t, server, "GRANT CREATE ON SCHEMA public TO orgexport_reader")
	if r := rights(t, to); strings.Contains(r.Grants, "CREATE ROLE") || len(r.Beyond) != 1 {
		t.Errorf("the role that is there %q\n%s", r.Beyond, r.Grants)
	}
}
