package sections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// sqlSection is a section that [NewSQL] has made.
type sqlSection struct {
	section
	parts      []part
	shards     int
	statements []statement
	snapshots  export.Snapshots
}

// Export implements [export.Section].
func (s *sqlSection) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	pieces, err := s.pieces(scope.Range)
	if err != nil {
		return err
	}
	return exportParts(ctx, scope, sink, s.parts, pieces)
}

// Snapshots implements [export.SnapshotReader].
func (s *sqlSection) Snapshots() export.Snapshots { return s.snapshots }

// statement is a query and its place in an [SQL].
type statement struct {
	list  string
	index int
	query query
}

// want has the columns that a field of an [SQL] names.
type want struct {
	field   string
	columns []string
}

// checkLater notes a query of the place that is looked at.
func (b *builder) checkLater(q query) {
	b.statements = append(b.statements, statement{b.list, b.index, q})
}

// Check asks the database of a section whether its queries fit, without reading a row:
// whether each can be prepared, takes the id of an organization, returns every column that a
// template, JSON or a key names, and none twice, and whether the database can compare the keys.
// The error joins a [*FieldError] for each problem. If ctx ends it is the cause of that.
//
// Of a section that [NewSQL] has not made, or whose Source is no [Describer], nothing is
// checked.
func Check(ctx context.Context, s export.Section) error {
	made, ok := s.(*sqlSection)
	if !ok {
		return nil
	}
	var errs []error
	for _, st := range made.statements {
		for _, problem := range st.check(ctx) {
			problem.Key, problem.List, problem.Index = made.key, st.list, st.index
			errs = append(errs, problem)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return errors.Join(errs...)
}

// check returns errors with a field and a cause.
func (s *statement) check(ctx context.Context) []*FieldError {
	source, ok := s.query.source.(Describer)
	if !ok {
		return nil
	}
	var columns []string
	args, err := s.query.args(export.EncodeNumber(0)) // an id that stands for a UUID and a number, too
	if err == nil {
		columns, err = source.Describe(ctx, s.query.sql, args)
	}
	if err != nil {
		return []*FieldError{{Field: "SQL", Err: err}}
	}
	problems := s.query.misfits(columns)
	if len(problems) > 0 || s.query.key == "" {
		return problems
	}
	_, err = source.Describe(ctx, s.query.comparing(len(args)), append(args, nil, nil))
	if err == nil && s.query.dialect == Postgres { // which has no arrays of all types that it can compare
		_, err = source.Describe(ctx, s.query.quantiles(MaxShards), args)
	}
	if err != nil {
		return []*FieldError{{Field: "ShardKey", Err: err}}
	}
	return nil
}

// misfits returns what is wrong with the columns of a query's result, as errors with a field
// and a cause.
func (q *query) misfits(columns []string) (problems []*FieldError) {
	for i, name := range columns {
		if slices.Index(columns, name) < i {
			problems = append(problems, &FieldError{Field: "SQL", Err: fmt.Errorf("returns two columns %q; name one with AS", name)})
		}
	}
	for _, w := range q.wants {
		for _, name := range w.columns {
			if !slices.Contains(columns, name) {
				err := fmt.Errorf("the query returns no column %q; it returns %s", name, listed(columns))
				problems = append(problems, &FieldError{Field: w.field, Column: name, Err: err})
			}
		}
	}
	return problems
}

// maxListed is how many columns a message names.
const maxListed = 20

func listed(columns []string) string {
	if len(columns) == 0 {
		return "none"
	}
	if len(columns) > maxListed {
		return fmt.Sprintf("%s and %d others", strings.Join(columns[:maxListed], ", "), len(columns)-maxListed)
	}
	return strings.Join(columns, ", ")
}
