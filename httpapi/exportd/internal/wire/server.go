package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/adapters/otel"
	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/docsui"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

const downloads = "/downloads"

// Server is the API and the worker of one process, or one of these. It must be
// closed.
type Server struct {
	// Handler serves the API. It takes requests while Run works or not. It is nil
	// in a process that is a worker only.
	Handler http.Handler

	// Metrics serves what the process has done to Prometheus.
	Metrics http.Handler

	Store *bunstore.Store

	folders    []io.Closer // of archives and parts
	archives   jobs.Destination
	setup      *Setup
	service    *jobs.Service
	noWorker   bool
	dispatcher jobs.Dispatcher
	clock      *clock
	audit      config.Audit
	metrics    *prom.Metrics
	tracing    *trace.TracerProvider
	tracer     *otel.Tracer
	logger     *slog.Logger
}

// ServerOptions are what a server needs beside its configuration.
type ServerOptions struct {
	PublicURL string // how clients reach it
	NoWorker  bool   // exports run in other processes
	Logger    *slog.Logger

	// Clock is that of this machine. Defaults to [time.Now].
	Clock func() time.Time

	// Stopping is closed when the server is to stop: see [httpapi.Config].
	Stopping <-chan struct{}
}

// OpenServer opens everything that the configuration names.
func OpenServer(ctx context.Context, c *config.Config, o ServerOptions) (_ *Server, err error) {
	s := &Server{noWorker: o.NoWorker, audit: c.Audit, logger: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	ring, err := openRing(c.Signing)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx, c, o); err != nil {
		return nil, err
	}
	signer, err := sign.NewSigner(sign.Config{Ring: ring, BaseURL: o.PublicURL + downloads, Now: s.clock.Now})
	if err != nil {
		return nil, err
	}
	if err := s.openService(c, signer); err != nil {
		return nil, err
	}
	return s, s.openHandler(c, o, ring)
}

// OpenWorker opens what a process needs that only runs exports. It makes no
// links, and needs no key for them.
func OpenWorker(ctx context.Context, c *config.Config, o ServerOptions) (_ *Server, err error) {
	s := &Server{audit: c.Audit, logger: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.open(ctx, c, o); err != nil {
		return nil, err
	}
	return s, s.openService(c, noLinks{})
}

// open opens all that is below the service.
func (s *Server) open(ctx context.Context, c *config.Config, o ServerOptions) error {
	spool, err := dir.NewSpool(filepath.Join(c.Archives.Folder.Value, "parts"))
	if err != nil {
		return err
	}
	s.folders = append(s.folders, spool)
	destination, err := dir.NewDestination(filepath.Join(c.Archives.Folder.Value, "archives"))
	if err != nil {
		return err
	}
	s.folders = append(s.folders, destination)
	if s.tracing, err = openTracing(ctx, c.Tracing, o.Logger); err != nil {
		return err
	}
	s.tracer = newTracer(s.tracing)
	s.archives = s.tracer.Destination(destination)
	if s.setup, err = Open(c, s.tracer.Spool(spool), o.Logger); err != nil {
		return err
	}
	opened, err := openJobs(ctx, c, o.Logger)
	if err != nil {
		return err
	}
	s.Store, s.dispatcher = opened.store, opened.dispatcher
	if s.clock, err = openClock(ctx, s.Store, o.Clock, o.Logger); err != nil {
		return err
	}
	s.metrics, err = prom.New(prom.Config{Store: s.Store, Engine: s.setup.Engine, Logger: o.Logger})
	if err != nil {
		return err
	}
	s.Metrics = s.metrics.Handler()
	return nil
}

func (s *Server) openService(c *config.Config, signer jobs.Signer) (err error) {
	s.service, err = jobs.New(jobs.Config{
		Engine:         s.setup.Engine,
		Store:          s.tracer.Store(s.Store),
		Dispatcher:     s.dispatcher,
		Destination:    s.archives,
		Signer:         signer,
		Organizations:  organizations{s.setup},
		Retention:      c.Archives.Retention,
		PartsRetention: c.Archives.PartsRetention,
		LinkTTL:        c.Archives.LinkTTL,
		Now:            s.clock.Now,
		Quota:          jobs.Quota{InFlight: int64(c.Limits.InFlight), Day: int64(c.Limits.Daily)},
		Observers:      []jobs.Observer{s.metrics.Observer(), s.tracer.Observer()},
		NoWorker:       s.noWorker,
		Node:           node(),
		Logger:         s.logger,
	})
	return err
}

// node names this process to who reads the log, or the row of a job. Without a
// host name it gets a random one.
func node() string {
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", host, os.Getpid())
}

func (s *Server) openHandler(c *config.Config, o ServerOptions, ring *sign.Ring) error {
	files, err := sign.NewHandler(sign.HandlerConfig{
		Ring:        ring,
		Prefix:      downloads,
		Jobs:        s.service,
		Destination: s.archives,
		Trail:       s.Store,
		Fail:        httpapi.Fail,
		Now:         s.clock.Now,
		Logger:      o.Logger,
	})
	if err != nil {
		return err
	}
	bearer, err := openBearer(c, s.clock, o.Logger)
	if err != nil {
		return err
	}
	settings := httpapi.Config{
		Service:        s.service,
		Keys:           s.Store,
		Bearer:         bearer,
		Sessions:       s.Store,
		TrustedOrigins: c.Server.TrustedOrigins,
		Members:        s.Store,
		Counter:        s.Store,
		Limits:         access.Limits{PerMinute: c.Limits.PerMinute, PerDay: c.Limits.PerDay},
		OnLimit: func(who string) {
			kind, _, _ := strings.Cut(who, ":")
			s.metrics.LimitHit(kind)
		},
		Trail:         s.Store,
		Downloads:     s.metrics.Downloads(files),
		DownloadsPath: downloads + "/",
		PublicURL:     o.PublicURL,
		Now:           s.clock.Now,
		Docs:          docsui.Handler(),
		Stopping:      o.Stopping,
		Logger:        o.Logger,
	}
	c.API.Name(&settings)
	api, err := httpapi.New(settings)
	if err != nil {
		return err
	}
	s.Handler = observed(api, s.tracer, s.metrics)
	return nil
}

// openBearer makes what checks bearer tokens, or nil if there is no provider.
func openBearer(c *config.Config, clock *clock, logger *slog.Logger) (access.TokenVerifier, error) {
	o := c.OIDC
	if o.Issuer.Value == "" {
		return nil, nil
	}
	verifier, err := oidc.New(oidc.Config{
		Issuer: o.Issuer.Value, Audience: o.Audience.Value, Scope: o.Scope.Value, Now: clock.Now, Logger: logger,
	})
	if err != nil {
		return nil, config.FileErrors{{File: c.File, Line: o.Issuer.Line, Message: err.Error()}}
	}
	return verifier, nil
}

// Run works on jobs until ctx ends, and looks after those of all processes. When
// ctx ends, jobs that run here have jobs.stop_timeout of the configuration to end;
// then they are handed back, for another process or the next start to go on with,
// and Run returns nil.
func (s *Server) Run(ctx context.Context) error {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var around sync.WaitGroup
	around.Go(func() { s.clock.run(lasting) })
	around.Go(func() { keepAudit(lasting, s.Store, s.audit.Retention, s.logger) })
	err := s.service.Run(ctx)
	stop()
	around.Wait()
	return err
}

// Close closes everything that was opened, once Run has returned.
func (s *Server) Close() error {
	var errs []error
	for _, folder := range s.folders {
		errs = append(errs, folder.Close())
	}
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	if s.setup != nil {
		errs = append(errs, s.setup.Close())
	}
	if s.tracing != nil {
		closeTracing(s.tracing, s.logger)
	}
	return errors.Join(errs...)
}

// organizations are those of the database that is exported.
type organizations struct{ setup *Setup }

// Get implements [jobs.Organizations].
func (o organizations) Get(ctx context.Context, id string) (export.Organization, error) {
	return o.setup.Organization(ctx, id)
}

// noLinks is the signer of a worker, whom nobody asks for links.
type noLinks struct{}

// Sign implements [jobs.Signer].
func (noLinks) Sign(context.Context, string, string, time.Duration) (jobs.Link, error) {
	return jobs.Link{}, errors.ErrUnsupported
}
