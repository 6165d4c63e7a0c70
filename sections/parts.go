package sections

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// part is one of a section's Files or Assets.
type part interface {
	export(ctx context.Context, scope export.Scope, sink export.Sink, of piece) error

	// asks returns the query, or nil if there is none.
	asks() *query

	// label says in errors which part it is about.
	label() string
}

// exportParts exports a piece of each part, one after the other. If one fails it goes on with the
// others, unless the sink has failed or ctx has ended.
func exportParts(ctx context.Context, scope export.Scope, sink export.Sink, parts []part, pieces []piece) error {
	var errs []error
	for i, p := range parts {
		err := p.export(ctx, scope, sink, pieces[i])
		if errors.Is(err, export.ErrSinkFailed) {
			return err
		}
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		errs = append(errs, describe(p.label(), err))
	}
	return errors.Join(errs...)
}

// recordFile puts all rows into one file.
type recordFile struct {
	query query
	file  string
}

func (p *recordFile) asks() *query  { return &p.query }
func (p *recordFile) label() string { return p.file }

// export writes the columns in each shard, unless all rows are in the first one.
func (p *recordFile) export(ctx context.Context, scope export.Scope, sink export.Sink, of piece) error {
	if of.None && p.query.key == "" {
		return nil
	}
	return p.query.run(ctx, scope, of, func(r *result) error { // without a result there is no file
		return sink.Records(p.file, r.withHeader())
	})
}

// recordEach makes one file of each row.
type recordEach struct {
	query query
	file  *nameTemplate
}

func (p *recordEach) asks() *query  { return &p.query }
func (p *recordEach) label() string { return p.file.source }

func (p *recordEach) export(ctx context.Context, scope export.Scope, sink export.Sink, of piece) error {
	return p.query.each(ctx, scope, of, func(value any, data map[string]any, number int) error {
		setNameTimes(data)
		name, err := p.file.of(data)
		if err != nil {
			sink.Skip(rowRef(p.file, number), err)
			return export.CheckScratch(sink, 0)
		}
		err = sink.Record(name, value)
		var badName *export.NameError
		var badRecord *record.EncodeError
		if errors.Is(err, export.ErrSinkFailed) || !errors.As(err, &badName) && !errors.As(err, &badRecord) {
			return err
		}
		switch {
		case badRecord != nil:
			badRecord.Number = int64(number)
			name = record.Ref(name, badRecord.Number, value)
		case len(name) > maxNamed: // it would be cut, and so might not tell which row it is
			name = rowRef(p.file, number)
		}
		sink.Skip(name, err)
		return export.CheckScratch(sink, 0) // no more rows if the sink has failed
	})
}

// assetFiles copies one file for each row.
type assetFiles struct {
	query        query
	fsys         fs.FS
	from         Files         // instead of fsys
	ahead        int           // how many of them are opened at once
	folder       *nameTemplate // of the organization in fsys, or nil
	source, file *nameTemplate
	all          bool   // files, and not those that rows name
	into         string // folder in the archive for these, or empty
	keepTime     bool
	scratch      string // folder of temporary files
}

// export first reads all rows, so that no connection waits for files. If that fails it
// still copies those that it has read.
func (p *assetFiles) export(ctx context.Context, scope export.Scope, sink export.Sink, of piece) error {
	if of.None {
		return nil
	}
	put, done, err := p.putter(scope.Organization)
	if err != nil {
		return err
	}
	defer done()
	list := &fileList{scratch: archive.NewScratch(p.scratch)}
	defer list.scratch.Close()
	if p.all {
		err = p.listAll(ctx, scope.Organization, sink, list)
	} else {
		err = p.listRows(ctx, scope, sink, list, of)
	}
	if putErr := put(ctx, sink, list); putErr != nil {
		return putErr
	}
	return err
}

func (p *assetFiles) asks() *query {
	if p.all {
		return nil
	}
	return &p.query
}

func (p *assetFiles) label() string {
	if p.all {
		return cmp.Or(p.into, "all files")
	}
	return p.file.source
}

// listRows lists the files that rows name.
func (p *assetFiles) listRows(ctx context.Context, scope export.Scope, sink export.Sink, list *fileList, of piece) error {
	return p.query.each(ctx, scope, of, func(_ any, data map[string]any, number int) error {
		source, err := p.source.of(data)
		if err != nil {
			sink.Skip(rowRef(p.source, number), err)
			return export.CheckScratch(sink, list.scratch.Size()) // no more rows if the sink has failed
		}
		setNameTimes(data)
		name, err := p.file.of(data)
		if err != nil {
			ref := source
			if p.from != nil { // it may be a secret
				ref = rowRef(p.file, number)
			}
			sink.Skip(ref, err)
			return export.CheckScratch(sink, list.scratch.Size())
		}
		return list.add(sink, File{Source: source, Name: name})
	})
}

// putter returns what puts the files of a list into the archive, and what ends its use.
func (p *assetFiles) putter(organization export.Organization) (put func(context.Context, export.Sink, *fileList) error, done func(), err error) {
	if p.from != nil {
		open, err := p.opener(organization)
		return func(ctx context.Context, sink export.Sink, list *fileList) error {
			return export.FetchAll(ctx, sink, p.items(list, open), p.ahead)
		}, func() {}, err
	}
	files, done, err := p.filesOf(organization)
	return func(ctx context.Context, sink export.Sink, list *fileList) error {
		return p.copy(ctx, sink, files, list)
	}, done, err
}

// copy copies the files of the list.
func (p *assetFiles) copy(ctx context.Context, sink export.Sink, files fs.FS, list *fileList) error {
	files, done := near(files)
	defer done()
	for file, err := range list.files() {
		if err == nil {
			err = copyFile(ctx, sink, files, file, p.keepTime)
		}
		if err == nil { // the sink may have failed with a file that it was to skip
			err = export.CheckScratch(sink, list.scratch.Size())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls one for every row of a piece, until that fails. value is the record and data is
// what templates get; both are valid during the call. Rows are numbered from 1.
func (q *query) each(ctx context.Context, scope export.Scope, of piece, one func(value any, data map[string]any, number int) error) error {
	if of.None {
		return nil
	}
	data := make(map[string]any)
	return q.run(ctx, scope, of, func(r *result) error {
		number := 0
		for row, err := range r.records() {
			if err != nil {
				return err
			}
			number++
			setNameData(data, row.(record.Row))
			if err := one(row, data, number); err != nil {
				return err
			}
		}
		return nil
	})
}

// maxNamed is how many bytes a name has at most by which a row is skipped.
const maxNamed = 1000

// rowRef returns the name by which a row is skipped if it has none of its own.
func rowRef(t *nameTemplate, number int) string {
	return fmt.Sprintf("%s, row %d", t.source, number)
}

// describe says in an error which part failed.
func describe(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("sections: %s: %w", what, err)
}
