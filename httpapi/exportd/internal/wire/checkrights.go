package wire

import (
	"context"
	"fmt"
	"strings"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections/postgres"
)

// Warning is what works, and may still be a mistake.
type Warning struct {
	config.Problem

	// Advice is what can be done, in lines that are to stay as they are; it may be empty.
	Advice string
}

// asked is a source that keeps the statements that it is asked about.
type asked struct {
	source

	statements []string
}

// Describe is the method of [sections.Describer].
func (a *asked) Describe(ctx context.Context, statement string, args []any) ([]string, error) {
	a.statements = append(a.statements, statement)
	return a.source.Describe(ctx, statement, args)
}

// checkRights warns if the role that reads the data may write it. A SQLite file has no roles,
// and is opened for reading.
func checkRights(ctx context.Context, c *config.Config, db *asked) []Warning {
	server, ok := db.source.(interface {
		Rights(ctx context.Context, statements []string) (*postgres.Rights, error)
	})
	if !ok {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	rights, err := server.Rights(limited, db.statements)
	switch {
	case err != nil:
		return []Warning{{Problem: c.DatabaseProblem(c.Database, "it is not known whether the database's role may write: "+withoutPackage(err))}}
	case len(rights.Beyond) == 0:
		return nil
	}
	text := fmt.Sprintf("the role %q may do more than to read: it %s; exports need no more than these statements for psql give", rights.Role, strings.Join(rights.Beyond, ", "))
	return []Warning{{Problem: c.DatabaseProblem(c.Database, text), Advice: rights.Grants}}
}
