package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// Organization returns an organization of the database. The error matches
// [export.ErrNotFound] if there is none with that id.
func (s *Setup) Organization(ctx context.Context, id string) (export.Organization, error) {
	if err := s.source.Ping(ctx); err != nil && ctx.Err() == nil {
		return export.Organization{}, fmt.Errorf("database: %w", err)
	}
	var out row
	err := s.organization.Export(ctx, export.Scope{Organization: export.Organization{ID: id}}, &out)
	if ctx.Err() != nil {
		return export.Organization{}, context.Cause(ctx)
	}
	if err == nil {
		err = out.check(id)
	}
	switch {
	case errors.Is(err, export.ErrNotFound):
		return export.Organization{}, err
	case err != nil:
		return export.Organization{}, fmt.Errorf("query of the organization: %w", err)
	}
	return export.Organization{ID: id, Slug: out.field("slug"), Name: out.field("name")}, nil
}

// notFoundError is the id of an organization that does not exist.
type notFoundError string

func (e notFoundError) Error() string { return fmt.Sprintf("organization %q not found", string(e)) }
func (e notFoundError) Unwrap() error { return export.ErrNotFound }

// row is a sink that takes the one row of a query.
type row struct {
	columns []string
	values  []any
	count   int
}

// Records implements [export.Sink].
func (r *row) Records(_ string, seq iter.Seq2[any, error]) error {
	for value, err := range seq {
		if err != nil {
			return err
		}
		value := value.(record.Row)
		if r.columns = value.Columns; value.Values == nil {
			continue // the header
		}
		if r.count++; r.count > 1 {
			return nil
		}
		for _, v := range value.Values {
			if field, ok := v.(*record.Value); ok {
				v = field.Any()
			}
			r.values = append(r.values, v)
		}
	}
	return nil
}

// The other methods of [export.Sink] are not called by a section of one file.

func (*row) Record(string, any) error       { return errors.ErrUnsupported }
func (*row) Binary(string, io.Reader) error { return errors.ErrUnsupported }
func (*row) Skip(string, error)             {}

// check returns an error if the row is not that of the organization.
func (r *row) check(id string) error {
	for _, column := range []string{"id", "slug", "name"} {
		if !slices.Contains(r.columns, column) {
			return fmt.Errorf("it returns no column %q", column)
		}
	}
	switch {
	case r.count == 0:
		return notFoundError(id)
	case r.count > 1:
		return errors.New("it returns more than one row")
	case r.field("id") != id:
		return fmt.Errorf("it returns %q for %q", r.field("id"), id)
	}
	return nil
}

// field returns a value as text; empty if it is null.
func (r *row) field(column string) string {
	i := slices.Index(r.columns, column)
	if i < 0 || r.values == nil || r.values[i] == nil {
		return ""
	}
	return fmt.Sprint(r.values[i])
}
