package postgres

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Rights is what the role of a [Source] may do beyond reading.
type Rights struct {
	// Role is the name of the role.
	Role string

	// Beyond are those rights in words, such as "is a superuser", with up to three names
	// of tables each. It is empty if the role may only read.
	Beyond []string

	// Grants are statements for the program psql, a line each, that make a role that may
	// read what the queries name, and nothing else. It is empty if Beyond is.
	Grants string
}

// Rights asks the server whether the role of the Source may do more than to read: whether it
// is a superuser, runs programs or writes files of the server, owns tables, changes rows or
// makes tables and schemas. Which functions it may run is not looked at.
//
// statements are the queries that the role runs. They are prepared, to find the tables that
// they name, and not run.
func (s *Source) Rights(ctx context.Context, statements []string) (*Rights, error) {
	conn, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	defer end(ctx, pg)
	r, err := rightsOf(ctx, pg)
	if err != nil || len(r.Beyond) == 0 {
		return r, err
	}
	r.Grants, err = grants(ctx, pg, statements)
	return r, err
}

const (
	// foreign is a condition of what is the application's, in a query of pg_namespace n.
	foreign = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

	// relations are those of the application.
	relations = `FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE ` + foreign

	// qualified is how a relation is named in statements.
	qualified = `pg_catalog.format('%I.%I', n.nspname, c.relname)`
)

// beyond has a query for each right beyond reading, which returns what the role has it for.
var beyond = []struct{ text, query string }{
	{"is a superuser%s", `SELECT '' FROM pg_catalog.pg_roles WHERE rolname = current_user AND rolsuper`},
	{"is a member of %s", `SELECT rolname FROM pg_catalog.pg_roles
		WHERE rolname IN ('pg_write_all_data', 'pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
		AND pg_catalog.pg_has_role(oid, 'MEMBER') ORDER BY 1`},
	{"owns %s", `SELECT ` + qualified + relations + ` AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.pg_has_role(c.relowner, 'MEMBER') ORDER BY 1`},
	{"may change %s", `SELECT ` + qualified + relations + ` AND c.relkind IN ('r', 'p', 'v', 'f') AND NOT pg_catalog.pg_has_role(c.relowner, 'MEMBER')
		AND (pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR pg_catalog.has_any_column_privilege(c.oid, 'INSERT, UPDATE')) ORDER BY 1`},
	{"may make tables in %s", `SELECT pg_catalog.format('%I', n.nspname) FROM pg_catalog.pg_namespace n
		WHERE ` + foreign + ` AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') ORDER BY 1`},
	{"may make schemas%s", `SELECT '' WHERE pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')`},
}

// rightsOf returns the rights of the current role, without the grants of another. A superuser
// has all of them.
func rightsOf(ctx context.Context, pg *pgconn.PgConn) (*Rights, error) {
	role, err := list(ctx, pg, "SELECT current_user")
	if err != nil {
		return nil, err
	}
	r := &Rights{Role: strings.Join(role, "")}
	for i, right := range beyond {
		of, err := list(ctx, pg, right.query)
		if err != nil {
			return nil, err
		}
		if len(of) > 0 {
			r.Beyond = append(r.Beyond, fmt.Sprintf(right.text, some(of)))
		}
		if i == 0 && len(of) > 0 {
			break
		}
	}
	return r, nil
}

// maxNamed is how many tables a right is told for.
const maxNamed = 3

// some names the first ones of a list, and how many there are.
func some(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d others", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// list returns the first column of a query's result. It has no nulls.
func list(ctx context.Context, pg *pgconn.PgConn, query string) ([]string, error) {
	results, err := pg.Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range results[0].Rows {
		out = append(out, string(row[0]))
	}
	return out, nil
}
