package sections

import (
	"context"
	"iter"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Files are files of a network that rows name: by URLs, as those of sections/fetch, or by the
// keys of a bucket. It may be an [export.Digester] that says which files it has.
type Files interface {
	// Session returns what opens the files of one run of a section, by what their rows name
	// them. It is called as the Open of an [export.Item] is, which also says what its ctx
	// and its errors mean. Neither the text of an error nor a public text has the name, which
	// may be a secret, such as a presigned URL.
	Session() func(ctx context.Context, name string) (export.Content, error)
}

// PathFiles are [Files] whose names are paths, such as the keys of a bucket. A path in a row is
// what it is for an FS: a slash at its beginning is the folder itself, and two dots are an error.
type PathFiles interface {
	Files

	// SessionIn is Session of the files below a folder, which is a path (see
	// [io/fs.ValidPath]) and not ".". No name leads out of it.
	SessionIn(folder string) func(ctx context.Context, name string) (export.Content, error)
}

// ListedFiles are [PathFiles] that can be listed.
type ListedFiles interface {
	PathFiles

	// List yields the paths of all files below a folder, relative to it, in an order that is
	// always the same. An empty folder means all files. After an error it yields nothing.
	List(ctx context.Context, folder string) iter.Seq2[string, error]
}

// defaultAhead is how many files of a Files are opened at once.
const defaultAhead = 64

// opener returns what opens the files of an organization by what rows name them.
func (p *assetFiles) opener(organization export.Organization) (func(ctx context.Context, name string) (export.Content, error), error) {
	from, paths := p.from.(PathFiles)
	if !paths {
		return p.from.Session(), nil
	}
	open := from.Session()
	if p.folder != nil {
		folder, err := p.folderFor(organization)
		if err != nil {
			return nil, err
		}
		open = from.SessionIn(folder)
	}
	if p.all { // paths are what they are
		return open, nil
	}
	return func(ctx context.Context, name string) (export.Content, error) {
		path, err := sourcePath(name)
		if err != nil {
			return export.Content{}, err
		}
		return open(ctx, path)
	}, nil
}

// items yields the files of the list.
func (p *assetFiles) items(list *fileList, open func(ctx context.Context, name string) (export.Content, error)) iter.Seq2[export.Item, error] {
	return func(yield func(export.Item, error) bool) {
		for file, err := range list.files() {
			item := export.Item{Name: file.Name, Open: func(ctx context.Context) (export.Content, error) {
				content, err := open(ctx, file.Source)
				if !p.keepTime {
					content.Modified = time.Time{}
				}
				return content, err
			}}
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}
