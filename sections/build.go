package sections

import (
	"cmp"
	"errors"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// builder makes the parts of a section and collects the problems of its SQL.
type builder struct {
	config SQL
	list   string          // the list that is looked at, as in FieldError
	index  int             // the place in it
	names  map[string]bool // of files without a template, folded
	errs   []error

	statements []statement // for Check
}

func (b *builder) fail(field string, err error) {
	b.errs = append(b.errs, &FieldError{Key: b.config.Key, List: b.list, Index: b.index, Field: field, Err: err})
}

func (b *builder) check(ok bool, field, problem string) {
	if !ok {
		b.fail(field, errors.New(problem))
	}
}

// query returns a query with its parameters bound, in the order of a key if it has one.
func (b *builder) query(sql string, shared bool, key string) query {
	d := b.config.Dialect
	err := checkReads(d, sql)
	if err == nil && key != "" {
		sql, err = inner(d, sql)
	}
	text, params, bindErr := bindParameters(d, sql)
	switch err := cmp.Or(bindErr, err); {
	case err != nil:
		b.fail("SQL", err)
	case len(params) == 0 && !shared:
		b.fail("SQL", errNoParameter)
	}
	q := query{source: b.config.source(), dialect: d, sql: text, params: params, key: key}
	if key != "" {
		q.wants = []want{{"ShardKey", []string{key}}}
	}
	return q
}

// template parses the template of a field and notes in q the columns that it needs.
func (b *builder) template(field, source, guard string, q *query) *nameTemplate {
	t, err := parseName(source, guard)
	if err != nil {
		b.fail(field, err)
		return nil
	}
	q.wants = append(q.wants, want{field, t.needs})
	return t
}

// fileGuard is the guard of names in the archive.
func (b *builder) fileGuard() string {
	if b.config.Rename {
		return guardRenamed
	}
	return guardElement
}

func (b *builder) records(f RecordFile) part {
	q := b.query(f.SQL, f.Shared, b.shardKey(f.ShardKey, f.Whole))
	q.json, q.wants = f.JSON, append(q.wants, want{"JSON", f.JSON})
	defer func() { b.checkLater(q) }()
	if f.Each {
		if !strings.HasSuffix(f.File, "}}") { // else the extension is in the rows
			if _, err := export.EncodingOf(f.File); err != nil {
				b.fail("File", err)
			}
		}
		t := b.template("File", f.File, b.fileGuard(), &q)
		b.check(strings.Contains(f.File, "{{"), "File", "is the same for each row, so that only the first is kept; use a column of the row, as in {{.id}}, or leave out \"each\" for one file of all rows")
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

// checkLiteral returns an error if the name of a file for all rows is not valid.
func checkLiteral(name string) error {
	if strings.Contains(name, "{{") {
		return errors.New(`is a template, but "each" is not set`)
	}
	_, err := export.EncodingOf(name)
	return errors.Join(export.CheckName(name), err)
}

func (b *builder) assets(a AssetFiles) part {
	b.check(a.FS != nil || a.From != nil, "FS", "is nil")
	b.check(a.FS == nil || a.From == nil, "From", "is set, and so is FS")
	_, paths := a.From.(PathFiles)
	b.check(a.From == nil || a.Folder == "" || paths, "Folder", "is set, but From has no folders")
	b.check(a.Ahead >= 0, "Ahead", "is negative")
	if a.All {
		return b.allAssets(a)
	}
	q := b.query(a.SQL, a.Shared, b.shardKey(a.ShardKey, a.Whole))
	source := b.template("Source", a.Source, guardText, &q)
	file := b.template("File", a.File, b.fileGuard(), &q)
	b.checkLater(q)
	made := b.assetFiles(a)
	made.query, made.source, made.file = q, source, file
	return made
}

// allAssets makes the part of all files of a folder.
func (b *builder) allAssets(a AssetFiles) part {
	_, listed := a.From.(ListedFiles)
	b.check(a.From == nil || listed, "All", "is set, but From cannot list its files")
	b.check(a.Folder != "" || a.Shared, "Folder", "is empty: every organization would get all files; say that they are shared, or name the folder of each")
	b.check(a.SQL == "", "SQL", "is set, but all files are taken")
	b.check(a.Source == "", "Source", "is set, but all files are taken")
	b.check(a.ShardKey == "", "ShardKey", "is set, but all files are taken")
	if a.File != "" {
		if err := export.CheckName(a.File); err != nil {
			b.fail("File", err)
		}
	}
	made := b.assetFiles(a)
	made.all, made.into = true, a.File
	return made
}

// assetFiles makes what all parts of files have.
func (b *builder) assetFiles(a AssetFiles) *assetFiles {
	made := &assetFiles{fsys: a.FS, from: a.From, ahead: cmp.Or(a.Ahead, defaultAhead), keepTime: a.KeepTime, scratch: b.config.Scratch}
	if a.Folder != "" {
		var err error
		if made.folder, err = folderOf(a.Folder); err != nil {
			b.fail("Folder", err)
		}
	}
	return made
}
