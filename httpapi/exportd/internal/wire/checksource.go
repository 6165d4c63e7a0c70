package wire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// checkTimeout is how long a database may take for all of a check.
const checkTimeout = 20 * time.Second

// finding is a problem that the source of the data has with the file.
type finding struct {
	section string // the key of the one that is affected; empty if all are
	problem config.Problem
	silent  bool // the database does not answer, so that nothing else is known
}

// checkSource asks the database that is exported whether it fits the queries. Sections that
// cannot be made are left out: what is wrong with them is wrong in the file.
func checkSource(ctx context.Context, c *config.Config, db source) (found []finding) {
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if err := db.Ping(limited); err != nil {
		return []finding{silence(c, err)}
	}
	ask := func(key string, query sections.SQL, problems func(error) config.FileErrors) error {
		made, err := sections.NewSQL(query)
		if err != nil {
			return nil //nolint:nilerr // it is wrong in the file, which was said
		}
		err = sections.Check(limited, made)
		if limited.Err() != nil || lost(err) {
			return err
		}
		for _, problem := range problems(advised(err)) {
			found = append(found, finding{section: key, problem: problem})
		}
		return nil
	}
	err := ask("", c.OrganizationCheck(db), c.OrganizationProblems)
	for _, section := range c.Sections {
		if err == nil {
			files := func(_ config.Assets, files *sections.AssetFiles) { files.FS = noFiles{} }
			err = ask(section.Key.Value, section.SQL(db, c.Database.Dialect, files), func(err error) config.FileErrors {
				return section.Problems(c.File, err)
			})
		}
	}
	if err != nil {
		return append(found, silence(c, err))
	}
	return found
}

// silence is the finding that the database does not answer.
func silence(c *config.Config, err error) finding {
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it took more than %v", checkTimeout)
	}
	return finding{problem: c.DatabaseProblem(c.Database, "the database does not answer: "+withoutPackage(err)), silent: true}
}

// lost tells whether one of the errors is that of a connection or of the server, and not of a
// statement.
func lost(err error) bool { return export.MachineFault(err) != "" }

// advised adds to errors of PostgreSQL about the value of a parameter what to do.
func advised(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	errs := joined.Unwrap()
	for _, err := range errs {
		field, ok := errors.AsType[*sections.FieldError](err)
		if !ok {
			continue
		}
		if pg, ok := errors.AsType[*pgconn.PgError](field.Err); ok && strings.HasPrefix(pg.Code, "22") {
			field.Err = fmt.Errorf("a parameter is compared with another type (:organization_id is a text of 22 characters; a uuid wants :organization_uuid, a number :organization_number): %w", field.Err)
		}
	}
	return err
}

func withoutPackage(err error) string {
	text := err.Error()
	for _, name := range []string{"sqlite: ", "postgres: "} {
		text = strings.TrimPrefix(text, name)
	}
	return text
}

// noFiles stands in for the files of assets, which are not looked at.
type noFiles struct{}

func (noFiles) Open(string) (fs.File, error) { return nil, export.ErrNotFound }
