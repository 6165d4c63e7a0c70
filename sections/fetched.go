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

// defaultAhead is how many files of a Files are opened at once.
const defaultAhead = 64

// fetch puts the files of the list into the archive.
func (p *assetFiles) fetch(ctx context.Context, sink export.Sink, list *fileList) error {
	return export.FetchAll(ctx, sink, p.items(list), p.ahead)
}

// items yields the files of the list.
func (p *assetFiles) items(list *fileList) iter.Seq2[export.Item, error] {
	open := p.from.Session()
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
