package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/internal/uuidtext"
	"github.com/orgexport/orgexport/sections"
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
	case errors.Is(err, export.ErrNotFound): // also an id that stands for no UUID or number
		return export.Organization{}, notFoundError(id)
	case err != nil:
		return export.Organization{}, fmt.Errorf("query of the organization: %w", err)
	}
	return export.Organization{ID: id, Slug: out.field("slug"), Name: out.field("name")}, nil
}

// OrganizationByKey returns an organization by the key that an operator gives: by the key
// itself, or by the first of these ids that is one's.
func (s *Setup) OrganizationByKey(ctx context.Context, key string, ids []string) (export.Organization, error) {
	o, err := s.Organization(ctx, key)
	for _, id := range ids {
		if !errors.Is(err, export.ErrNotFound) {
			break
		}
		o, err = s.Organization(ctx, id)
	}
	if errors.Is(err, export.ErrNotFound) {
		return o, notFoundError(key)
	}
	return o, err
}

// CheckOrganization returns an error, which matches [export.ErrNotFound], if the database
// of a configuration has no organization with that id.
func CheckOrganization(ctx context.Context, c *config.Config, id string) error {
	s := &Setup{}
	s.openDatabase(c)
	if err := s.problems.Err(); err != nil {
		return err
	}
	defer s.source.Close() //nolint:errcheck // it was only read
	var err error
	if s.organization, err = sections.NewSQL(c.OrganizationSQL(s.source)); err != nil {
		return err
	}
	_, err = s.Organization(ctx, id)
	return err
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
	case !r.isOf(id):
		return fmt.Errorf("it returns %q for %q", r.field("id"), id)
	}
	return nil
}

// isOf reports whether the row has the id of an organization, or the UUID or number that
// the id stands for.
func (r *row) isOf(id string) bool {
	if r.field("id") == id {
		return true
	}
	switch v := r.values[slices.Index(r.columns, "id")].(type) {
	case int64:
		return export.EncodeNumber(v) == id
	case []byte:
		return len(v) == 16 && export.EncodeID([16]byte(v)) == id
	}
	if n, err := strconv.ParseInt(r.field("id"), 10, 64); err == nil && export.EncodeNumber(n) == id {
		return true // a numeric without a fraction, or a text
	}
	uuid, ok := uuidtext.Parse(r.field("id"))
	return ok && export.EncodeID(uuid) == id
}

// field returns a value as text; empty if it is null.
func (r *row) field(column string) string {
	i := slices.Index(r.columns, column)
	if i < 0 || r.values == nil || r.values[i] == nil {
		return ""
	}
	return fmt.Sprint(r.values[i])
}
