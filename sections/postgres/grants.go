package postgres

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// reader is the role that is proposed.
const reader = "orgexport_reader"

// grants returns the statements that make a role that reads what statements name.
func grants(ctx context.Context, pg *pgconn.PgConn, statements []string) (string, error) {
	var b strings.Builder
	for _, write := range []func(context.Context, *pgconn.PgConn, *strings.Builder) error{
		writeRole,
		func(ctx context.Context, pg *pgconn.PgConn, b *strings.Builder) error {
			return writeReads(ctx, pg, b, statements)
		},
		writeRevokes,
	} {
		if err := write(ctx, pg, &b); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// writeRole writes statements that make the role, if there is none, and let it connect. It
// finds names without a schema where the current role finds them.
func writeRole(ctx context.Context, pg *pgconn.PgConn, b *strings.Builder) error {
	there, err := list(ctx, pg, "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = '"+reader+"'")
	if err != nil {
		return err
	}
	if len(there) == 0 {
		fmt.Fprintf(b, "CREATE ROLE %s LOGIN;\n\\password %[1]s\n", reader)
	}
	database, err := list(ctx, pg, "SELECT pg_catalog.format('%I', pg_catalog.current_database())")
	if err != nil {
		return err
	}
	path, err := list(ctx, pg, "SELECT pg_catalog.format('%I', s) FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) s")
	if err != nil {
		return err
	}
	if len(path) > 0 && !slices.Equal(path, []string{"public"}) {
		fmt.Fprintf(b, "ALTER ROLE %s IN DATABASE %s SET search_path = %s;\n", reader, database[0], strings.Join(path, ", "))
	}
	fmt.Fprintf(b, "GRANT CONNECT ON DATABASE %s TO %s;\n", database[0], reader)
	return nil
}

// writeReads writes statements that let the role read what statements name. Preparing a
// statement locks the relations that it names until the end of the transaction, and those
// below its views, which it need not name.
func writeReads(ctx context.Context, pg *pgconn.PgConn, b *strings.Builder, statements []string) error {
	for _, statement := range statements {
		if _, err := pg.Prepare(ctx, "", statement, nil); err != nil {
			return err
		}
	}
	rows, err := pg.Exec(ctx, "SELECT DISTINCT pg_catalog.format('%I', n.nspname), "+qualified+", c.relname, c.relrowsecurity "+relations+
		" AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation'"+
		" AND l.pid = pg_catalog.pg_backend_pid() AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())) ORDER BY 2").ReadAll()
	if err != nil {
		return err
	}
	named := words(statements)
	var schemas, tables, guarded []string
	for _, row := range rows[0].Rows {
		if name := strings.ToLower(string(row[2])); plain.MatchString(name) && !named[name] {
			continue
		}
		schemas = append(schemas, string(row[0]))
		tables = append(tables, string(row[1]))
		if string(row[3]) == "t" {
			guarded = append(guarded, string(row[1]))
		}
	}
	slices.Sort(schemas)
	for _, schema := range slices.Compact(schemas) {
		fmt.Fprintf(b, "GRANT USAGE ON SCHEMA %s TO %s;\n", schema, reader)
	}
	for _, table := range tables {
		fmt.Fprintf(b, "GRANT SELECT ON TABLE %s TO %s;\n", table, reader)
	}
	for _, table := range guarded {
		fmt.Fprintf(b, "-- %s has row-level security: without a policy for the role, or ALTER ROLE %s BYPASSRLS, it sees no rows.\n", table, reader)
	}
	return nil
}

var (
	plain = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`) // names that need no quotes
	word  = regexp.MustCompile(`[a-z0-9_]+`)
)

// words returns the words of statements, in lower case.
func words(statements []string) map[string]bool {
	out := make(map[string]bool)
	for _, statement := range statements {
		for _, w := range word.FindAllString(strings.ToLower(statement), -1) {
			out[w] = true
		}
	}
	return out
}

// public are the rights beyond reading that everybody has, and so every new role.
var public = []string{
	`SELECT DISTINCT pg_catalog.format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC;', n.nspname) FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
		WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND ` + foreign + ` ORDER BY 1`,
	`SELECT DISTINCT pg_catalog.format('REVOKE CREATE ON DATABASE %I FROM PUBLIC;', d.datname) FROM pg_catalog.pg_database d, pg_catalog.aclexplode(d.datacl) a
		WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND d.datname = pg_catalog.current_database()`,
	`SELECT pg_catalog.format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON TABLE %I.%I FROM PUBLIC;', n.nspname, c.relname) ` + relations + `
		AND c.relkind IN ('r', 'p', 'v', 'f') AND (EXISTS (SELECT FROM pg_catalog.aclexplode(c.relacl) a
			WHERE a.grantee = 0 AND a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
		OR EXISTS (SELECT FROM pg_catalog.pg_attribute t, pg_catalog.aclexplode(t.attacl) a
			WHERE t.attrelid = c.oid AND a.grantee = 0 AND a.privilege_type IN ('INSERT', 'UPDATE'))) ORDER BY 1`,
}

// writeRevokes writes statements that take such rights from everybody.
func writeRevokes(ctx context.Context, pg *pgconn.PgConn, b *strings.Builder) error {
	var revokes []string
	for _, query := range public {
		found, err := list(ctx, pg, query)
		if err != nil {
			return err
		}
		revokes = append(revokes, found...)
	}
	if len(revokes) > 0 {
		fmt.Fprintf(b, "-- Everybody may do this today, and other roles may need a GRANT of their own then:\n%s\n", strings.Join(revokes, "\n"))
	}
	return nil
}
