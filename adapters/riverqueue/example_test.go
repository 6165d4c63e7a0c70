package riverqueue_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/signal"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A queue brings a task to one worker, on whatever machine. A [jobs.Service] with
// this dispatcher calls Dispatch and Run by itself.
func ExampleNew() { //nolint:testableexamples // it needs PostgreSQL
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	const address = "postgres://exportd@localhost/exportd"
	db, err := sql.Open("pgx", address)
	check(err)
	queue, err := riverqueue.New(riverqueue.Config{DB: db, ListenURL: address, Workers: 4})
	check(err)
	check(queue.Migrate(ctx))

	check(queue.Dispatch(ctx, jobs.Task{Kind: jobs.TaskExport, JobID: "2LRUDfEgQDPQUuGN2svJix"}))
	check(queue.Run(ctx, func(_ context.Context, task jobs.Task) error {
		fmt.Println(task.Kind, task.JobID)
		return nil
	}))
}

// A job and its task are stored in one transaction.
func ExampleQueue_EnqueueTx() { //nolint:testableexamples // it needs PostgreSQL
	ctx := context.Background()
	const address = "postgres://exportd@localhost/exportd"
	var queue *riverqueue.Queue
	store, err := bunstore.Open(ctx, address, bunstore.Config{
		AfterWriteIf: (*jobs.Job).Waits,
		AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
			return queue.EnqueueTx(ctx, tx, jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
		},
	})
	check(err)
	defer store.Close()
	queue, err = riverqueue.New(riverqueue.Config{DB: store.DB().DB, ListenURL: address})
	check(err)
}
