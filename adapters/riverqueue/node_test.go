package riverqueue_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/dir"
	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// node is what a process has.
type node struct {
	store   *bunstore.Store
	queue   *riverqueue.Queue
	service *jobs.Service
}

// nodeConfig is what nodes differ in.
type nodeConfig struct {
	jobs.Config // without those ports that all have alike

	address  string // of the database
	folder   string // of parts, archives and temporary files
	sections []export.Section
	workers  int
	late     time.Duration // of storage

	// written is called in the transaction of each write of a job. Optional.
	written func(context.Context, *sql.Tx, *jobs.Job) error
}

// concurrency is how many sections of an export run at once.
const concurrency = 2

// open makes a node whose jobs and tasks are one transaction.
func (c nodeConfig) open(ctx context.Context) (_ *node, err error) {
	n := new(node)
	n.store, err = bunstore.Open(ctx, c.address, bunstore.Config{AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
		if c.written != nil {
			if err := c.written(ctx, tx, job); err != nil {
				return err
			}
		}
		if !job.NeedsWorker() {
			return nil
		}
		return n.queue.EnqueueTx(ctx, tx, jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
	}})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.store.Close())
		}
	}()
	if err := n.store.Migrate(ctx); err != nil {
		return nil, err
	}
	n.queue, err = riverqueue.New(riverqueue.Config{DB: n.store.DB().DB, ListenURL: c.address, Workers: c.workers, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	if err := n.queue.Migrate(ctx); err != nil { // on the store's connections
		return nil, err
	}
	spool, err := dir.NewSpool(filepath.Join(c.folder, "parts"))
	if err != nil {
		return nil, err
	}
	destination, err := dir.NewDestination(filepath.Join(c.folder, "archives"))
	if err != nil {
		return nil, err
	}
	c.Engine, err = export.New(export.Config{
		Sections: c.sections, Concurrency: concurrency, Spool: lateSpool{spool, c.late}, Scratch: c.folder, Logger: c.Logger,
	})
	if err != nil {
		return nil, err
	}
	c.Store, c.Dispatcher, c.Signer = n.store, noDispatcher{}, new(jobstest.MemSigner)
	c.Destination = lateDestination{destination, 4 * c.late} // an archive is larger than a part
	n.service, err = jobs.New(c.Config)
	return n, err
}

// noDispatcher has nothing to do: a job that needs a worker is enqueued when it is written.
type noDispatcher struct{}

func (noDispatcher) Dispatch(context.Context, jobs.Task) error { return nil }
