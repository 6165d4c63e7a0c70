package wire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// archiveStore is where parts and archives are kept.
type archiveStore struct {
	spool       export.Spool
	destination jobs.Destination
	signer      jobs.Signer // makes links that lead there, or nil
	closers     []io.Closer
}

// openArchives opens the store that archives.store of the configuration names. Another kind
// of store is one more case here, and one more form of config.Archives; nothing else of this
// package changes. The store must be closed.
func openArchives(ctx context.Context, c *config.Config, logger *slog.Logger) (*archiveStore, error) {
	if c.Archives.Bucket.Value != "" {
		return openBucket(ctx, c, logger)
	}
	parts, archives, err := datadir.OpenArchives(c.Archives.Folder.Value)
	if err != nil {
		return nil, err
	}
	return &archiveStore{spool: parts, destination: archives, closers: []io.Closer{parts, archives}}, nil
}

// checkArchives returns an error if the folder of archives is not there, such as of a disk that
// is not mounted. [openArchives] would make it.
func checkArchives(c *config.Config) error {
	if c.Archives.Bucket.Value != "" {
		return nil
	}
	return checkFolder(filepath.Join(c.Archives.Folder.Value, datadir.ArchivesFolder))
}

// openBucket opens a bucket. Its prefix has the folders that a store in a folder has: whoever
// copies those has moved.
func openBucket(ctx context.Context, c *config.Config, logger *slog.Logger) (*archiveStore, error) {
	largest := c.MaxSectionBytes // of a part; 0 is the engine's own limit, and negative none
	for _, section := range c.Sections {
		largest = max(largest, section.MaxBytes)
	}
	bucket, err := s3.Open(ctx, c.Archives.Bucket.Value, s3.Config{MaxBytes: max(largest, 0), Logger: logger})
	if err != nil {
		return nil, err
	}
	archives := bucket.Sub(datadir.ArchivesFolder)
	return &archiveStore{
		spool:       s3.NewSpool(bucket.Sub(datadir.PartsFolder)),
		destination: s3.NewDestination(archives),
		signer:      s3.NewSigner(archives, s3.SignerConfig{MediaType: mediaType}),
	}, nil
}

// mediaType returns the media type of an archive.
func mediaType(filename string) string {
	for _, f := range config.Formats() {
		if strings.HasSuffix(filename, f.Extension()) {
			return f.MediaType()
		}
	}
	return "application/octet-stream"
}

func (s *archiveStore) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
