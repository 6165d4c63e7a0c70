package wire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/fetch"
)

// assetSource is where the files are that a query of assets names.
type assetSource interface {
	place(files *sections.AssetFiles) // sets FS, or From and Ahead
	io.Closer
}

// folder is a folder, whose folders are kept apart, too.
type folder struct{ *os.Root }

func (f folder) place(files *sections.AssetFiles) { files.FS = sections.RootFS(f.Root) }

// urls are files that rows name by URLs.
type urls struct {
	*fetch.Source
	atOnce int
}

func (u urls) place(files *sections.AssetFiles) { files.From, files.Ahead = u.Source, u.atOnce }

// objects are files that rows name by their keys in a bucket.
type objects struct{ *s3.Files }

func (o objects) place(files *sections.AssetFiles) { files.From = o.Files }

// openAssetSource opens a source: what rows name by URLs or by keys of a bucket, or a folder, of
// which nothing outside can be reached. Another kind of source is one more case here.
func openAssetSource(c *config.Config, from config.Assets, logger *slog.Logger) (assetSource, error) {
	if from.Bucket {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		defer cancel()
		bucket, err := s3.Open(ctx, from.Folder.Value, s3.Config{Logger: logger})
		if err != nil { // a nil *s3.Bucket is no nil interface
			return nil, err
		}
		return objects{s3.NewFiles(bucket)}, nil
	}
	if from.URLs {
		source, err := fetch.New(c.Fetch.Config)
		if err != nil { // likewise
			return nil, err
		}
		return urls{source, c.Fetch.AtOnce}, nil
	}
	root, err := openFolder(from.Folder.Value)
	if err != nil { // likewise
		return nil, err
	}
	return folder{root}, nil
}

// assetSources are all that a configuration names, each opened once.
type assetSources map[assetKey]assetSource

// assetKey tells sources apart.
type assetKey struct {
	urls   bool
	folder string
}

func keyOf(from config.Assets) assetKey { return assetKey{from.URLs, from.Folder.Value} }

// openAssets opens all sources that the sections name. It notes the lines of those
// that cannot be opened.
func (s *Setup) openAssets(c *config.Config, logger *slog.Logger) {
	for _, section := range c.Sections {
		for _, from := range section.Assets {
			if s.assets[keyOf(from)] != nil || from.Folder.Line == 0 { // what could not be decoded is known
				continue
			}
			source, err := openAssetSource(c, from, logger)
			if err != nil {
				s.check(c, from.Folder.Line, err)
				continue
			}
			s.assets[keyOf(from)] = source
		}
	}
}

// place sets where the files of assets are, of which the source is open.
func (a assetSources) place(from config.Assets, files *sections.AssetFiles) {
	a[keyOf(from)].place(files)
}

func (a assetSources) Close() error {
	var errs []error
	for _, source := range a {
		errs = append(errs, source.Close())
	}
	return errors.Join(errs...)
}
