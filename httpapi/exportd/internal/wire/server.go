package wire

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/otel"
	"github.com/orgexport/orgexport/adapters/prom"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sign"
)

// Server is the API and the worker of one process, or only one of them. It must be
// closed.
type Server struct {
	// Handler serves the API, also while Run is not called. It is nil in a process
	// that is a worker only.
	Handler http.Handler

	// Metrics serves the metrics of this process to Prometheus.
	Metrics http.Handler

	// Store has jobs, keys, members, sessions and the audit trail.
	Store *bunstore.Store

	kept       *archiveStore
	archives   jobs.Destination // that of kept, traced
	links      *sign.Links      // nil in a process that is a worker only
	room       room
	jobs       jobs.Store // Store, traced
	setup      *Setup
	service    *jobs.Service
	noWorker   bool
	dispatcher jobs.Dispatcher
	clock      *clock
	audit      config.Audit
	trail      *audit.Retry // of the API
	metrics    *prom.Metrics
	watch      *watch
	tracing    *tracing
	tracer     *otel.Tracer
	logger     *slog.Logger
	handedBack atomic.Int64
}

// ServerOptions is what a server needs beside the configuration file.
type ServerOptions struct {
	PublicURL string // how clients reach it
	NoWorker  bool   // exports run in other processes

	// Logger gets what customers do not see, and outages once a minute for each kind.
	Logger *slog.Logger

	// Clock is that of this machine. Defaults to [time.Now].
	Clock func() time.Time

	// Stopping is closed when the server is to stop: see [httpapi.Config].
	Stopping <-chan struct{}

	// Files is how many files the process may have open, 0 if it is not known. Connections
	// and downloads leave half of them to exports.
	Files int
}

// OpenServer opens everything that the configuration names. The server takes
// requests by its Handler, and runs exports once Run is called.
func OpenServer(ctx context.Context, c *config.Config, o ServerOptions) (_ *Server, err error) {
	o.Logger = export.QuietOutages(o.Logger)
	s := &Server{noWorker: o.NoWorker, audit: c.Audit, logger: o.Logger}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	keys, err := openKeys(c.Signing)
	if err != nil {
		return nil, err
	}
	if err := s.open(ctx, c, o); err != nil {
		return nil, err
	}
	s.room = newRoom(c, o.Files)
	s.trail = audit.NewRetry(audit.RetryConfig{Log: s.Store, Logger: o.Logger})
	if s.links, err = s.openLinks(c, o, keys); err != nil {
		return nil, err
	}
	signer := jobs.Signer(s.links)
	if c.Links.Presigned {
		signer = s.kept.signer
	}
	if err := s.openService(c, signer); err != nil {
		return nil, err
	}
	return s, s.openHandler(c, o, s.links)
}

// OpenWorker opens what a process needs if it only runs exports. Such a process
// makes no links, and needs no signing keys.
func OpenWorker(ctx context.Context, c *config.Config, o ServerOptions) (_ *Server, err error) {
	o.Logger = export.QuietOutages(o.Logger)
	s := &Server{noWorker: o.NoWorker, audit: c.Audit, logger: o.Logger}
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

// open opens everything that the service needs.
func (s *Server) open(ctx context.Context, c *config.Config, o ServerOptions) error {
	var err error
	if s.kept, err = openArchives(ctx, c, o.Logger); err != nil {
		return err
	}
	if s.tracing, err = openTracing(ctx, c.Tracing, o.Logger); err != nil {
		return err
	}
	s.tracer = newTracer(s.tracing)
	s.archives = s.tracer.Destination(s.kept.destination)
	if s.setup, err = Open(c, s.tracer.Spool(s.kept.spool), o.Logger); err != nil {
		return err
	}
	opened, err := openJobs(ctx, c, o.Logger)
	if err != nil {
		return err
	}
	s.Store, s.dispatcher = opened.store, opened.dispatcher
	s.jobs = s.tracer.Store(s.Store)
	if s.clock, err = openClock(ctx, s.Store, o.Clock, o.Logger); err != nil {
		return err
	}
	s.metrics, err = prom.New(prom.Config{Store: s.Store, Engine: s.setup.Engine, Logger: o.Logger})
	if err != nil {
		return err
	}
	s.Metrics = s.metrics.Handler()
	s.openWatch(c)
	s.measurePools()
	return nil
}

// Run exports jobs until ctx ends, unless NoWorker was set, and maintains the jobs
// of all processes. When ctx ends, exports that run here may go on for
// jobs.stop_timeout of the configuration. Then their jobs are handed back, for
// another process or the next start to go on with, and Run returns nil.
func (s *Server) Run(ctx context.Context) error {
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	var around sync.WaitGroup
	around.Go(func() { s.clock.run(lasting) })
	around.Go(func() { s.watch.run(lasting) })
	around.Go(func() { keepAudit(lasting, s.Store, s.audit.Retention, s.logger) })
	err := s.service.Run(ctx)
	stop()
	around.Wait()
	return err
}

// HandedBack returns how many jobs this process has handed back: another one, or the next
// start, goes on with them. It is safe for concurrent use.
func (s *Server) HandedBack() int64 { return s.handedBack.Load() }

// countHandedBack counts the jobs that are handed back.
func (s *Server) countHandedBack() jobs.Observer {
	return jobs.Observer{Job: func(_ context.Context, e jobs.Event) {
		if e.Step == jobs.StepHandedBack {
			s.handedBack.Add(1)
		}
	}}
}

// Flush records in the audit log what could not be recorded yet, and the downloads of which
// only the number is known: see [sign.Links.Flush]. Close does it, too.
func (s *Server) Flush(ctx context.Context) error {
	var errs []error
	if s.trail != nil {
		errs = append(errs, s.trail.Flush(ctx))
	}
	if s.links != nil {
		errs = append(errs, s.links.Flush(ctx))
	}
	return errors.Join(errs...)
}

// Close closes everything that was opened. Call it once Run has returned.
func (s *Server) Close() error {
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	errs = append(errs, s.Flush(ctx))
	if s.kept != nil {
		errs = append(errs, s.kept.Close())
	}
	if s.Store != nil {
		errs = append(errs, s.Store.Close())
	}
	if s.setup != nil {
		errs = append(errs, s.setup.Close())
	}
	if s.tracing != nil {
		s.tracing.close()
	}
	return errors.Join(errs...)
}
