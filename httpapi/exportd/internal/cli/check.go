package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

const checkHelp = `Check tells whether a configuration file is right, before a customer's export
does. It reads the file, tries every folder and database that it names, and has
the database prepare every query: missing tables and columns, columns that file
names and json name, rights, parameters and their types. It reads no rows, exports
nothing and changes no table.

Every problem is a line on standard error, with file and line: first what is wrong
in the file, then what is not there, then what the databases say. Status 2 means
that the file needs a change, status 1 that a database is another than the file
expects, or does not answer. So in a pipeline that has the production's tables

  exportd check --config exportd.yaml

has to succeed, and in one that has no database

  exportd check --config exportd.yaml || [ $? -eq 1 ]

A warning is about what works and may still be a mistake: a password in a file that
others may read, and a role of PostgreSQL that may write what it is to read;
statements for psql that make one that may only read follow. Warnings change the
status only with --strict, to 1.

Serve and worker begin with the same but for the rights of the role, and wait for it
only with their --strict.

Exit status:
  0  the file is right, and the databases fit it
  1  a database does not fit it, or does not answer, or there are warnings and
     --strict was given
  2  the file has a mistake or names a folder or file that is not there, or wrong
     usage`

func checkCommand() *cobra.Command {
	var file string
	var strict bool
	c := newCommand("check [--config FILE] [flags]", "Tell whether a configuration is right", checkHelp, func(ctx context.Context) error {
		return check(ctx, file, strict)
	})
	configFlag(c, &file, configUsage)
	c.Flags().BoolVar(&strict, "strict", false, "let warnings be problems")
	c.DisableFlagsInUseLine = true
	return c
}

func check(ctx context.Context, file string, strict bool) error {
	file, err := configOr(file)
	if err != nil {
		return err
	}
	c, err := config.Load(file)
	mistakes, ok := errors.AsType[config.FileErrors](err)
	if err != nil && !ok {
		return err
	}
	found := wire.Check(ctx, c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := errors.Join(mistakes.Err(), found.File.Err()); err != nil {
		return errors.Join(err, found.Source.Err())
	}
	if err := found.Source.Err(); err != nil {
		return &failure{err}
	}
	warn(os.Stderr, found.Warnings)
	if strict && len(found.Warnings) > 0 {
		return &failure{errors.New("there are warnings, and --strict was given")}
	}
	n, queries := int64(len(c.Sections)), int64(found.Queries)
	_, err = fmt.Printf("%s is right, and the database fits it: %d %s, %d %s\n", file, n, plural(n, "section", "sections"), queries, plural(queries, "query", "queries"))
	return failed(err)
}

// warn writes warnings. The lines of their advice are to be copied, and stay as they are.
func warn(w io.Writer, warnings []wire.Warning) {
	for _, warning := range warnings {
		complain(w, errors.New("warning: "+warning.String()))
		_, _ = io.WriteString(w, warning.Advice) // there is no other place to complain
	}
}
