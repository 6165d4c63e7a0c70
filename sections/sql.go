package sections

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// SQL is the configuration of a section that is read from a database.
//
// Each query must use :organization_id, the id of the organization whose data
// is exported, unless it is Shared. The id is bound as a parameter and never
// becomes part of the SQL. No other parameter exists. What can be read in two
// ways, such as a[:organization_id] on Postgres, which may be a slice, is an error
// that says what to write instead. A query is one statement;
// it should have an ORDER BY, because the order of rows is the archive's. The
// SQL itself is trusted: whoever writes it may read the whole database.
type SQL struct {
	// Key is the section's key. The engine checks it.
	Key string

	// DB runs the queries, one after the other, while files are written.
	// Required. A section can be run for several scopes at once only if DB can
	// be used so: a [*sql.DB] can.
	DB Querier

	// Dialect is the SQL that DB speaks. Defaults to SQLite.
	Dialect Dialect

	// Files are the record files, in the order of the archive.
	Files []RecordFile

	// Assets are files of other places, after the record files.
	Assets []AssetFiles
}

// RecordFile is a query whose rows become records: [record.Row]s with the
// columns in order.
//
// Numbers, text, booleans and null stay what they are. Times are in UTC; a time
// in a DATE column is a day such as "2026-01-31" if its clock is at zero. A
// column of type NUMERIC or DECIMAL that the driver returns as text is a number
// of exactly these digits, unless it is none (NaN). 0 and 1 in a BOOLEAN column
// are false and true. Bytes are base64, unless they are in a text column. A JSON
// or JSONB column is nested data; on SQLite, where any text fits into such a
// column, only if it is valid.
type RecordFile struct {
	// File is the name of the file below the section's folder; if Each is set,
	// a template of it (see [NewSQL]). The extension picks the encoding. If the
	// query fails before its first row, there is no file.
	File string

	// Each makes one file of each row. A row whose name cannot be used, or that
	// cannot be encoded, is skipped. If Each is not set, all rows are in one
	// file, which exists (with a header, if .csv) even when there are none, and
	// which ends before a row that cannot be encoded.
	Each bool

	// SQL is the query.
	SQL string

	// Shared allows a query without :organization_id, for data that all
	// organizations may see.
	Shared bool

	// JSON names columns of text that holds JSON, to become nested data. Text
	// that is not valid JSON cannot be encoded.
	JSON []string
}

// AssetFiles is a query whose rows tell which files to copy into the archive,
// by [CopyFile].
type AssetFiles struct {
	// FS is where the files are. Required. Take [os.Root.FS] for a folder:
	// [os.DirFS] follows links out of it.
	FS fs.FS

	// Source is a template of the path in FS.
	Source string

	// File is a template of the name below the section's folder.
	File string

	// SQL is the query.
	SQL string

	// Shared is as in [RecordFile].
	Shared bool
}

// FieldError is a problem with one field of a SQL.
type FieldError struct {
	Key   string // of the section
	List  string // "Files", "Assets", or empty for the SQL's own fields
	Index int    // in the list
	Field string
	Err   error
}

func (e *FieldError) Error() string {
	field := e.Field
	if e.List != "" {
		field = fmt.Sprintf("%s[%d].%s", e.List, e.Index, e.Field)
	}
	return fmt.Sprintf("sections: %s: %s %v", e.Key, field, e.Err)
}

// Unwrap returns the cause.
func (e *FieldError) Unwrap() error { return e.Err }

// NewSQL returns a section that is read from a database. The error joins a
// [*FieldError] for each problem.
//
// Names that depend on a row are templates (see [text/template]) whose data is
// the row: {{.id}} is the column id. A column that the query does not return is
// an error. Beside the functions of text/template there are base, the last
// element of a path, and path. What {{…}} inserts into a File must not have a
// slash or backslash, so that no data makes folders of its own accord; {{path
// .file}} allows slashes. The finished name is checked by the sink as a whole:
// no value can lead out of the section's folder. A null or binary value makes no
// name.
//
// Whatever is skipped is named by its source path, or by the template and the
// number of the row. If one of Files or Assets fails, the others are still
// exported and the section returns all errors. The SQL does not appear in the
// public text of an error.
func NewSQL(c SQL) (export.Section, error) {
	b := &builder{config: c, names: make(map[string]bool)}
	b.check(c.DB != nil, "DB", "is nil")
	b.check(c.Dialect == SQLite || c.Dialect == Postgres, "Dialect", "is unknown")
	b.check(len(c.Files)+len(c.Assets) > 0, "Files", "and Assets are empty")
	var parts []part
	for i, f := range c.Files {
		b.list, b.index = "Files", i
		parts = append(parts, b.records(f))
	}
	for i, a := range c.Assets {
		b.list, b.index = "Assets", i
		parts = append(parts, b.assets(a))
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return New(c.Key, func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		return exportParts(ctx, scope, sink, parts)
	}), nil
}

// builder collects the problems of a SQL.
type builder struct {
	config SQL
	list   string
	index  int
	names  map[string]bool // literal ones, folded
	errs   []error
}

func (b *builder) fail(field string, err error) {
	b.errs = append(b.errs, &FieldError{Key: b.config.Key, List: b.list, Index: b.index, Field: field, Err: err})
}

func (b *builder) check(ok bool, field, problem string) {
	if !ok {
		b.fail(field, errors.New(problem))
	}
}

func (b *builder) query(sql string, shared bool) query {
	text, uses, err := bindParameter(b.config.Dialect, sql)
	switch {
	case err != nil:
		b.fail("SQL", err)
	case uses == 0 && !shared:
		b.fail("SQL", fmt.Errorf("does not use :%s and is not shared", parameter))
	}
	return query{db: b.config.DB, dialect: b.config.Dialect, sql: text, bound: uses > 0}
}

func (b *builder) template(field, source, guard string, q *query) *nameTemplate {
	t, err := parseName(source, guard)
	if err != nil {
		b.fail(field, err)
		return nil
	}
	q.needs = append(q.needs, t.needs...)
	return t
}

func (b *builder) records(f RecordFile) part {
	q := b.query(f.SQL, f.Shared)
	q.json = f.JSON
	if f.Each {
		if !strings.HasSuffix(f.File, "}}") { // else only the rows know
			if _, err := export.EncodingOf(f.File); err != nil {
				b.fail("File", err)
			}
		}
		t := b.template("File", f.File, guardElement, &q)
		return &recordEach{query: q, file: t}
	}
	if err := checkLiteral(f.File); err != nil {
		b.fail("File", err)
	}
	folded := export.FoldName(f.File)
	b.check(!b.names[folded], "File", "is used twice in the section")
	b.names[folded] = true
	return &recordFile{query: q, file: f.File}
}

func checkLiteral(name string) error {
	if strings.Contains(name, "{{") {
		return errors.New(`is a template, but "each" is not set`)
	}
	_, err := export.EncodingOf(name)
	return errors.Join(export.CheckName(name), err)
}

func (b *builder) assets(a AssetFiles) part {
	b.check(a.FS != nil, "FS", "is nil")
	q := b.query(a.SQL, a.Shared)
	source := b.template("Source", a.Source, guardText, &q)
	file := b.template("File", a.File, guardElement, &q)
	return &assetFiles{query: q, fsys: a.FS, source: source, file: file}
}
