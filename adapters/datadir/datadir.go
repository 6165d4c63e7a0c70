package datadir

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/sign"
)

// The names in a folder.
const (
	JobsFile       = "jobs.db"
	PartsFolder    = "parts"
	ArchivesFolder = "archives"
	KeysFile       = "signing.keys"
)

// Config is how the contents of a folder are used. Its zero value is ready for
// use, and makes no links.
type Config struct {
	// Links is how links are made and served. URL is the only field that is
	// needed; without it there are no links, and [Dir].Links is nil. Keys, Jobs,
	// Destination and Audit default to those of the folder, Logger to the field
	// below. If Destination is set, [Dir.JobsConfig] has it too.
	Links sign.Config

	// Queue is how jobs are run. Its Logger defaults to the one below.
	Queue inproc.Config

	// Logger gets causes that customers do not see. Defaults to [slog.Default].
	Logger *slog.Logger
}

// Dir is an open folder. Make one with [Open]. Its fields are safe for concurrent
// use, and are not to be replaced.
type Dir struct {
	Store    *bunstore.Store  // jobs, API keys, members, sessions, rate limits, audit entries
	Parts    *dir.Spool       // for export.Config
	Archives *dir.Destination // finished archives
	Keys     *sign.Keyring    // of links
	Queue    *inproc.Queue    // runs jobs in this process
	Links    *sign.Links      // makes and serves links; nil without a URL

	destination jobs.Destination // of jobs: Archives unless Config.Links has another
	logger      *slog.Logger
}

// Open opens a folder and what is in it. Whatever is missing is made, the folder
// and those above it as well. Tables of an older program are brought up to date.
// The error matches [bunstore.ErrNewerSchema] if they are those of a newer one.
// After an error nothing stays open. The folder must be closed.
func Open(ctx context.Context, path string, c Config) (*Dir, error) {
	d := &Dir{logger: c.Logger}
	if err := d.open(ctx, path, c); err != nil {
		return nil, fmt.Errorf("datadir: open %s: %w", path, errors.Join(err, d.Close()))
	}
	return d, nil
}

func (d *Dir) open(ctx context.Context, path string, c Config) (err error) {
	if path == "" { // of a variable that is not set, and not this folder
		return errors.New("the path is empty")
	}
	if d.Parts, d.Archives, err = OpenArchives(path); err != nil {
		return err
	}
	if d.Keys, err = OpenKeys(filepath.Join(path, KeysFile)); err != nil {
		return err
	}
	if d.Store, err = bunstore.OpenMigrated(ctx, "sqlite:"+filepath.Join(path, JobsFile), bunstore.Config{}); err != nil {
		return err
	}
	if c.Queue.Logger == nil {
		c.Queue.Logger = c.Logger
	}
	d.Queue = inproc.New(c.Queue)
	return d.openLinks(c)
}

// openLinks makes links of what is open. It also notes the Destination of jobs,
// which the configuration may have without a URL.
func (d *Dir) openLinks(c Config) (err error) {
	links := c.Links
	if links.Keys == nil {
		links.Keys = d.Keys
	}
	if links.Jobs == nil {
		links.Jobs = d.Store
	}
	if links.Destination == nil {
		links.Destination = d.Archives
	}
	if links.Audit == nil {
		links.Audit = d.Store
	}
	if links.Logger == nil {
		links.Logger = c.Logger
	}
	d.destination = links.Destination
	if links.URL != "" {
		d.Links, err = sign.New(links)
	}
	return err
}

// OpenArchives opens the two folders of parts and of archives in a folder. What is
// missing is made. After an error nothing stays open. Both must be closed.
func OpenArchives(path string) (*dir.Spool, *dir.Destination, error) {
	parts, err := dir.NewSpool(filepath.Join(path, PartsFolder))
	if err != nil {
		return nil, nil, err
	}
	archives, err := dir.NewDestination(filepath.Join(path, ArchivesFolder))
	if err != nil {
		return nil, nil, errors.Join(err, parts.Close())
	}
	return parts, archives, nil
}

// JobsConfig returns a configuration for [jobs.New] with all its ports. The engine
// should have Parts as its spool. Without Links it lacks the Signer. The caller may
// change all of it.
func (d *Dir) JobsConfig(engine *export.Engine, organizations jobs.Organizations) jobs.Config {
	c := jobs.Config{
		Engine:        engine,
		Store:         d.Store,
		Dispatcher:    d.Queue,
		Destination:   d.destination,
		Organizations: organizations,
		Logger:        d.logger,
	}
	if d.Links != nil { // a nil *sign.Links is no nil interface
		c.Signer = d.Links
	}
	return c
}

// flushTimeout bounds how long it takes to record the downloads of the last minute.
const flushTimeout = 10 * time.Second

// Close closes all that was opened. Call it once [jobs.Service.Run] has returned
// and no request is served any more. Closing again does nothing.
func (d *Dir) Close() error {
	var errs []error
	if d.Links != nil {
		ctx, cancel := context.WithTimeout(context.Background(), flushTimeout) //nolint:forbidigo // there is no ctx to close with
		defer cancel()
		errs = append(errs, d.Links.Flush(ctx))
	}
	if d.Store != nil {
		errs = append(errs, d.Store.Close())
	}
	if d.Archives != nil {
		errs = append(errs, d.Archives.Close())
	}
	if d.Parts != nil {
		errs = append(errs, d.Parts.Close())
	}
	return errors.Join(errs...)
}
