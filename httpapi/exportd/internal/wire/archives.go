package wire

import (
	"errors"
	"io"

	"github.com/orgexport/orgexport/adapters/datadir"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// archiveStore is where parts and archives are kept.
type archiveStore struct {
	spool       export.Spool
	destination jobs.Destination
	closers     []io.Closer
}

// openArchives opens the store that archives.store of the configuration names.
// Another kind of store, such as a bucket, is one more case here, and one more form
// of config.Archives; nothing else of this package changes. A store of archives alone
// still needs a folder for parts: dir.NewSpool of datadir.PartsFolder in some folder. The
// store must be closed.
func openArchives(a config.Archives) (*archiveStore, error) {
	parts, archives, err := datadir.OpenArchives(a.Folder.Value)
	if err != nil {
		return nil, err
	}
	return &archiveStore{parts, archives, []io.Closer{parts, archives}}, nil
}

func (s *archiveStore) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
