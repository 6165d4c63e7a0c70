package sections

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/orgexport/orgexport/export"
)

// MaxShards is how many shards a section has at most.
const MaxShards = 64

// SQL is the configuration of a section that reads a database.
//
// Each query must say whose data it reads, unless it is Shared, by one of its parameters:
//
//	:organization_id      the organization's id: 22 characters, as the API has it
//	:organization_uuid    the UUID that it is short for (see [export.DecodeID]), as text
//	                      such as 550e8400-e29b-41d4-a716-446655440000
//	:organization_number  the number that it holds: see [export.EncodeNumber]
//
// PostgreSQL compares the UUID with a uuid and with a text. SQLite compares it with a text;
// a blob is compared with unhex(replace(:organization_uuid, '-', ”)).
//
// Parameters are bound, and never become part of the SQL. There are no others. A text that
// may be a parameter or something else, such as a[:organization_id] on Postgres, which may
// be a slice, is an error that says what to write instead.
//
// A query is one statement. It should have an ORDER BY, because the order of rows is
// their order in the archive.
//
// # What a query may do
//
// The SQL is trusted: whoever writes it can read the whole database, and what the
// database's functions reach. That it does not write is looked after in two places.
//
// [NewSQL] looks at the words, for each database and each Source: a query is one statement,
// begins with SELECT, WITH, VALUES, TABLE or a bracket, and does not go on with INSERT,
// UPDATE, DELETE, REPLACE or MERGE behind WITH. So there is no COPY … TO PROGRAM, ATTACH,
// VACUUM INTO, SET or CALL.
//
// What then runs the query has to keep it from writing: words do not tell what a function
// does, or what stands in the brackets of WITH. The Sources of sections/postgres and
// sections/sqlite say what they do. With DB on Postgres, a query runs in a read-only
// transaction that is rolled back, if DB has BeginTx; advisory locks of the session stay.
// With DB on SQLite nothing is added: open it with mode=ro. A Source of your own has its
// own rules.
type SQL struct {
	// Key is the section's key. The engine checks it.
	Key string

	// DB runs the queries, one after the other, while files are written. A Source of
	// sections/postgres or sections/sqlite is faster and says more about values. If it is
	// safe for concurrent use, as a [*sql.DB] is, several exports of the section can
	// run at once. Required, unless there is a Source.
	//
	// If DB has BeginTx, as a [*sql.DB] has, each query of Postgres runs in a
	// read-only transaction of its own. It fixes the settings that would change what
	// values look like (time zone, encoding, DateStyle and so on), and is rolled back
	// when the rows are read. With a [*sql.Tx] or [*sql.Conn] the settings are those
	// of its owner.
	DB Querier

	// Source runs the queries instead of DB. If it is a [Snapshotter], as those of
	// sections/postgres and sections/sqlite, all queries of an export can read one moment:
	// see [export.Config.Consistency].
	Source Source

	// Dialect is the SQL of the database. Defaults to SQLite.
	Dialect Dialect

	// Files are the record files, in the order of the archive.
	Files []RecordFile

	// Assets are files to copy, behind the record files. No connection is held while
	// they are copied: their rows are read before, into a temporary file if they are
	// many.
	Assets []AssetFiles

	// Shards is how many shards the section is split into, each of which has about as many rows
	// of each query: see [export.Splitter]. There are fewer if there are fewer keys. At most [MaxShards].
	// Defaults to 1: the section is not split.
	Shards int

	// ShardKey is the column by whose values rows are split, as each query returns it: of a type
	// that the database can order, and best unique and the end of an index that begins with the
	// organization. Rows are in its order in the archive, whatever the number of shards: an
	// ORDER BY of a query should begin with it, and orders rows of equal keys only as far as the
	// database keeps to it, as PostgreSQL mostly does. Rows with equal keys are in one shard, and
	// so are those without one: at the end on PostgreSQL, at the beginning on SQLite. Required
	// if there are shards, unless all Files and Assets have their own.
	ShardKey string

	// Rename is to be set if the engine renames files of the section (see
	// [export.SectionOptions.Rename]): then a slash in a value that makes a name is a
	// backslash, for which the engine puts an underscore, and not an error.
	Rename bool

	// Scratch is the folder of temporary files: lists of the files to copy, of which none may
	// be larger than the section. Defaults to [os.TempDir].
	Scratch string
}

// RecordFile is a query whose rows become records. Each is a [record.Row] with the columns
// in the order of the query.
//
// The documentation of a Source has a table of what becomes of each type: see packages
// sections/postgres and sections/sqlite. With DB the same becomes of the same types, as far
// as database/sql and its drivers tell them apart:
//   - on PostgreSQL, composite types, hstore and arrays of types that the driver does not
//     know are the texts that PostgreSQL writes;
//   - on SQLite, a text in a DATE, DATETIME or TIMESTAMP column that looks like a time is a
//     time in UTC, or in a DATE column, at midnight, a day, because drivers make times of
//     them.
type RecordFile struct {
	// File is the name of the file below the section's folder, or, if Each is set, a
	// template of it (see [NewSQL]). The extension picks the encoding. If the query
	// fails before its first row there is no file.
	File string

	// Each makes one file of each row: File is a template with a column of it. It skips
	// rows whose name cannot be used. Without Each all rows are in one file, which exists
	// even if there are no rows (.csv has its header). In both modes a row that cannot be
	// encoded is skipped.
	Each bool

	// SQL is the query.
	SQL string

	// Shared allows a query without :organization_id. Its rows are for all
	// organizations.
	Shared bool

	// JSON are the names of text columns with JSON, which becomes nested data. What is
	// no valid JSON stays text.
	JSON []string

	// ShardKey is used instead of that of the section.
	ShardKey string

	// Whole makes the first shard export all rows, in the order of the query, which needs no key.
	Whole bool
}

// AssetFiles is a query whose rows name the files that [CopyFile] or [export.FetchAll] put into
// the archive.
type AssetFiles struct {
	// FS has the files. For a folder use [RootFS]: [os.DirFS] follows links out of it.
	// Required, unless there is From.
	FS fs.FS

	// From has the files instead of FS: those of a network, such as sections/fetch has them.
	// They are opened ahead. What Source makes names a file as From wants it, and customers do
	// not see it: a file is skipped by its name in the archive.
	From Files

	// Ahead is how many files of From are opened at once, n of [export.FetchAll]. Defaults to
	// 64.
	Ahead int

	// Folder is a template of the folder in FS that has the files of the organization, such
	// as uploads/{{.organization_id}}. It may use organization_id, organization_uuid,
	// organization_number and organization_slug, each of which is a part of one element of
	// the path. Source is a path in that folder, and
	// nothing leads out of it if FS is a RootFS. From has folders if it is a [PathFiles].
	// Defaults to FS, or From, itself: then whoever can write what Source is made of can name
	// the files of every organization.
	Folder string

	// All takes all files of Folder, in the order of a listing, and asks for no rows: SQL and
	// Source are empty, and File is a folder below the section's, or empty. Without Folder,
	// Shared has to say that each organization gets all files of FS or From, which has to be a
	// [ListedFiles].
	All bool

	// Source is a template of the path in FS, or of the name for From (see [NewSQL]).
	Source string

	// File is a template of the name below the section's folder.
	File string

	// SQL is the query.
	SQL string

	// Shared, ShardKey and Whole are as in [RecordFile]. With All the first shard has all files.
	Shared   bool
	ShardKey string
	Whole    bool

	// KeepTime makes the files in the archive have the times at which their sources were
	// modified: see [export.BinaryModified].
	KeepTime bool
}

// FieldError is a problem with one field of an [SQL].
type FieldError struct {
	Key   string // of the section
	List  string // "Files", "Assets", or empty for the SQL's own fields
	Index int    // in the list
	Field string
	Err   error

	// Column is the column that the query does not return, if that is the problem. Only
	// [Check] finds it.
	Column string
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

// NewSQL returns a section that reads a database. The error joins a [*FieldError] for each
// problem.
//
// Templates of names are those of [text/template], with a row as their data: {{.id}} is
// the column id. If the query returns no such column, the section fails. Values of null
// and binary values make no name. A template calls no methods of values and no other
// templates.
//
// In a File, a value that {{…}} inserts must have no slash or backslash: data makes no
// folders unless you say so. There are more functions: {{base .file}} is the last
// element of a path, {{path .file}} is a path that may have slashes, and {{safe .name}} is any
// text as one element that every system takes (see [export.SafeElement]). No value can lead
// out of the section's folder, because the sink checks the whole name.
//
// A time in a File has no colons, which Windows refuses: 2024-01-01T102030Z. That is also
// so for a text that is a date and time, as SQLite has them: 2024-01-01 10:20:30 becomes
// 2024-01-01T102030. A Source has them as they are, and a time by RFC 3339.
//
// Items are skipped by their source path, or by the template and the number of the row. If
// one of Files or Assets fails, the section exports the others and returns all errors. The
// public text of an error does not have the SQL.
func NewSQL(c SQL) (export.Section, error) {
	b := &builder{config: c, names: make(map[string]bool)}
	b.check(c.DB != nil || c.Source != nil, "DB", "is nil")
	b.check(c.DB == nil || c.Source == nil, "Source", "is set, and so is DB")
	b.check(c.Dialect == SQLite || c.Dialect == Postgres, "Dialect", "is unknown")
	b.check(len(c.Files)+len(c.Assets) > 0, "Files", "and Assets are empty")
	b.check(c.Shards >= 0 && c.Shards <= MaxShards, "Shards", "is negative, or more than 64")
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
	made := &sqlSection{section: section{key: c.Key, digest: c.digest()}, parts: parts, shards: c.Shards, statements: b.statements}
	if s, ok := c.Source.(Snapshotter); ok {
		made.snapshots = s
	}
	return made, nil
}

// source returns what runs the queries.
func (c *SQL) source() Source {
	if c.Source != nil {
		return c.Source
	}
	return database{db: c.DB, dialect: c.Dialect}
}
