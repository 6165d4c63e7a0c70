package wire

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

var (
	_ jobs.Runner    = enqueued{}
	_ jobs.Listener  = enqueued{}
	_ export.Checker = enqueued{}
	_ jobs.Canceller = enqueued{}
)

// jobsBackend is where jobs are kept, and what brings them to workers.
type jobsBackend struct {
	store      *bunstore.Store // must be closed
	dispatcher jobs.Dispatcher
}

// Migrate brings the tables of jobs, keys and the audit trail up to date and,
// with PostgreSQL, those of the queue.
func Migrate(ctx context.Context, c *config.Config, logger *slog.Logger) error {
	j, err := openJobs(ctx, c, logger)
	if err != nil {
		return err
	}
	return j.store.Close()
}

// openJobs opens the store and the queue that jobs.database of the configuration
// stands for, and brings their tables up to date. The store must be closed.
func openJobs(ctx context.Context, c *config.Config, logger *slog.Logger) (*jobsBackend, error) {
	if c.Jobs.Database.Dialect == sections.Postgres {
		return openRiver(ctx, c, logger)
	}
	store, err := OpenStore(ctx, c)
	if err != nil {
		return nil, err
	}
	queue := inproc.New(inproc.Config{Workers: c.Jobs.Workers, SoftStop: c.Jobs.StopTimeout, Logger: logger})
	return &jobsBackend{store, queue}, nil
}

// openRiver joins the store and the queue of one PostgreSQL database, so that a
// job and its task are one transaction.
func openRiver(ctx context.Context, c *config.Config, logger *slog.Logger) (_ *jobsBackend, err error) {
	var queue *riverqueue.Queue
	store, err := openStore(ctx, c, bunstore.Config{
		AfterWriteIf: (*jobs.Job).NeedsWorker,
		AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
			return queue.EnqueueTx(ctx, tx, jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
		},
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, store.Close())
		}
	}()
	queue, err = riverqueue.New(riverqueue.Config{
		DB:        store.DB().DB,
		ListenURL: c.Jobs.Database.Address,
		Workers:   c.Jobs.Workers,
		SoftStop:  c.Jobs.StopTimeout,
		Logger:    logger,
	})
	if err != nil {
		return nil, err
	}
	if err = queue.Check(ctx); errors.Is(err, riverqueue.ErrOlderSchema) {
		err = queue.Migrate(ctx)
	}
	return &jobsBackend{store, enqueued{queue, logger}}, err
}

// enqueued is the queue of a store that puts tasks into it by itself: each write
// after which a job waits for a worker has the task in its transaction.
type enqueued struct {
	*riverqueue.Queue
	logger *slog.Logger
}

// runAgain is how long after the queue could not start it is tried again.
const runAgain = 2 * time.Second

// Run is the method of [jobs.Runner]. It waits for a database that cannot be reached when
// the queue starts, or has no connection left, as the queue does later: requests are
// answered meanwhile.
func (e enqueued) Run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	for {
		err := e.Queue.Run(ctx, work)
		schema := errors.Is(err, riverqueue.ErrOlderSchema) || errors.Is(err, riverqueue.ErrNewerSchema)
		if err == nil || schema {
			return err
		}
		if ctx.Err() != nil { // that a database is away does not keep a process from stopping
			e.logger.WarnContext(ctx, "the queue did not stop as it should", "error", err)
			return nil //nolint:nilerr // it is logged
		}
		e.logger.WarnContext(ctx, "exports do not run yet, to be tried again", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(runAgain):
		}
	}
}

// Dispatch is the method of [jobs.Dispatcher]. There is nothing left to do.
func (enqueued) Dispatch(context.Context, jobs.Task) error { return nil }
