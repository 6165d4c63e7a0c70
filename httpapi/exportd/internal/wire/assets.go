package wire

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// assetSource is where the files are that a query of assets names.
type assetSource interface {
	FS() fs.FS
	io.Closer
}

// folder is a folder, whose folders are kept apart, too.
type folder struct{ *os.Root }

func (f folder) FS() fs.FS { return sections.RootFS(f.Root) }

// openAssetSource opens a source. It is a folder; nothing outside of it can be
// reached through it. Another kind of source, such as a bucket, is one more case
// here.
func openAssetSource(from config.Text) (assetSource, error) {
	root, err := openFolder(from.Value)
	if err != nil { // a nil *os.Root is no nil interface
		return nil, err
	}
	return folder{root}, nil
}

// assetSources are all that a configuration names, each opened once, by name.
type assetSources map[string]assetSource

// openAssets opens all sources that the sections name. It notes the lines of those
// that cannot be opened.
func (s *Setup) openAssets(c *config.Config) {
	for _, section := range c.Sections {
		for _, assets := range section.Assets {
			from := assets.Folder
			if s.assets[from.Value] != nil || from.Line == 0 { // what could not be decoded is known
				continue
			}
			source, err := openAssetSource(from)
			if err != nil {
				s.check(c, from.Line, err)
				continue
			}
			s.assets[from.Value] = source
		}
	}
}

// of returns the file system of a source that is open.
func (a assetSources) of(from config.Text) fs.FS { return a[from.Value].FS() }

func (a assetSources) Close() error {
	var errs []error
	for _, source := range a {
		errs = append(errs, source.Close())
	}
	return errors.Join(errs...)
}
