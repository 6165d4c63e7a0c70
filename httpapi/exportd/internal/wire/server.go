package wire

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/docsui"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

const downloads = "/downloads"

// Server is the API and the worker of one process. It must be closed.
type Server struct {
	// Handler serves the API. It takes requests while Run works or not.
	Handler http.Handler

	Store *bunstore.Store

	setup   *Setup
	service *export.Service
	queue   *inproc.Queue
}

// ServerOptions are what a server needs beside its configuration.
type ServerOptions struct {
	PublicURL string // how clients reach it
	Logger    *slog.Logger
	Observe   func(export.Job, export.Event) // see [export.ServiceConfig]; may be nil
}

// OpenServer opens everything that the configuration names.
func OpenServer(ctx context.Context, c *config.Config, o ServerOptions) (_ *Server, err error) {
	s := new(Server)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	ring, err := openRing(c.Signing)
	if err != nil {
		return nil, err
	}
	spool, err := dir.NewSpool(filepath.Join(c.Archives.Folder.Value, "parts"))
	if err != nil {
		return nil, err
	}
	destination, err := dir.NewDestination(filepath.Join(c.Archives.Folder.Value, "archives"))
	if err != nil {
		return nil, err
	}
	if s.setup, err = Open(c, spool, o.Logger); err != nil {
		return nil, err
	}
	if s.Store, err = OpenStore(ctx, c); err != nil {
		return nil, err
	}
	signer, err := sign.NewSigner(sign.Config{Ring: ring, BaseURL: o.PublicURL + downloads})
	if err != nil {
		return nil, err
	}
	s.queue = inproc.New(inproc.Config{Workers: c.Jobs.Workers, Logger: o.Logger})
	s.service, err = export.NewService(export.ServiceConfig{
		Engine:         s.setup.Engine,
		Store:          s.Store,
		Dispatcher:     s.queue,
		Destination:    destination,
		Signer:         signer,
		Organizations:  organizations{s.setup},
		Retention:      c.Archives.Retention,
		PartsRetention: c.Archives.PartsRetention,
		LinkTTL:        c.Archives.LinkTTL,
		Observe:        o.Observe,
		Logger:         o.Logger,
	})
	if err != nil {
		return nil, err
	}
	files, err := sign.NewHandler(sign.HandlerConfig{
		Ring:        ring,
		Prefix:      downloads,
		Jobs:        s.service,
		Destination: destination,
		Trail:       s.Store,
		Fail:        httpapi.Fail,
		Logger:      o.Logger,
	})
	if err != nil {
		return nil, err
	}
	s.Handler, err = httpapi.New(httpapi.Config{
		Service:       s.service,
		Keys:          s.Store,
		Members:       s.Store,
		Trail:         s.Store,
		Downloads:     files,
		DownloadsPath: downloads + "/",
		PublicURL:     o.PublicURL,
		Docs:          docsui.Handler(),
		Logger:        o.Logger,
	})
	return s, err
}

// Run works on jobs until ctx ends. Then it hands those that run back, for
// another process or the next start to go on with, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error {
		s.service.Tend(ctx)
		return nil
	})
	work.Go(func() error { return s.queue.Run(ctx, s.service.Work) })
	return work.Wait()
}

// Close closes everything that was opened, once Run has returned.
func (s *Server) Close() error {
	var errs []error
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	if s.setup != nil {
		errs = append(errs, s.setup.Close())
	}
	return errors.Join(errs...)
}

// organizations are those of the database that is exported.
type organizations struct{ setup *Setup }

// Get implements [export.Organizations].
func (o organizations) Get(ctx context.Context, id string) (export.Organization, error) {
	return o.setup.Organization(ctx, id)
}
