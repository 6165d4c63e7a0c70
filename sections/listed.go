package sections

import (
	"context"
	"errors"
	"io/fs"

	"github.com/orgexport/orgexport/export"
)

// listAll lists all files that an organization has.
func (p *assetFiles) listAll(ctx context.Context, organization export.Organization, sink export.Sink, list *fileList) error {
	into := p.into
	if into != "" {
		into += "/"
	}
	add := func(name string) error { // one that is no name in an archive is skipped later
		return list.add(sink, File{Source: name, Name: into + name})
	}
	if p.from == nil {
		files, done, err := p.filesOf(organization)
		if err != nil {
			return err
		}
		defer done()
		return walkFiles(ctx, files, add)
	}
	folder := ""
	if p.folder != nil {
		var err error
		if folder, err = p.folderFor(organization); err != nil {
			return err
		}
	}
	for name, err := range p.from.(ListedFiles).List(ctx, folder) {
		if err == nil {
			err = add(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walkFiles calls add with the path of each file, links and others among them, of which copying
// skips those that are no files. A folder that is not there has none.
func walkFiles(ctx context.Context, files fs.FS, add func(name string) error) error {
	return fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case name == "." && errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return unread("folder", err)
		case e.IsDir():
			return nil
		}
		return add(name)
	})
}
