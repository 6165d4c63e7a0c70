// Package riverqueue is a [jobs.Dispatcher] that brings tasks to workers on any number
// of machines, by River (github.com/riverqueue/river). River's tables are in the
// PostgreSQL database of the jobs, beside those of adapters/bunstore.
//
//	queue, err := riverqueue.New(riverqueue.Config{DB: db, ListenURL: address})
//	…
//	err = queue.Migrate(ctx) // makes River's tables
//	…
//	service, err := jobs.New(jobs.Config{Dispatcher: queue, …})
//	…
//	err = service.Run(ctx) // until ctx ends; it runs the queue
//
// In a process that only takes requests, with NoWorker in the configuration of the
// service, nothing of River runs.
//
// # Job and task in one transaction
//
// [Queue.EnqueueTx] adds a task in a transaction of the caller, so that job and task
// are stored together or not at all. With adapters/bunstore:
//
//	var queue *riverqueue.Queue
//	store, err := bunstore.Open(ctx, address, bunstore.Config{
//		AfterWriteIf: (*jobs.Job).NeedsWorker,
//		AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
//			return queue.EnqueueTx(ctx, tx, jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
//		},
//	})
//	…
//	queue, err = riverqueue.New(riverqueue.Config{DB: store.DB().DB, ListenURL: address})
//
// The service then dispatches the job as well. That changes nothing, because its task
// waits already. If a worker has taken that task, a second one is queued, and whoever
// takes it finds nothing to do. A host can save that with a dispatcher whose Dispatch
// does nothing and whose other methods are those of the Queue.
//
// # River wakes workers, leases keep jobs
//
// River does not notice when a worker dies. So it is only used to wake a worker for
// each task: as soon as the worker has taken the task, and before it begins to work,
// the task's row is completed. From then on the job's lease says whether somebody works
// on it. If the lease ends, the first node whose [jobs.Service.Maintain] sees that
// dispatches the job again. A task that is lost costs no more than that wait. So River
// never runs a task again, and sets no time limit.
//
// When ctx ends, Run takes no more tasks, and running ones may go on for
// [Config].SoftStop. Then their contexts end, and the service hands their jobs back,
// for a worker elsewhere to go on with.
//
// # A host with a River of its own
//
// Give this package a [Config].Schema of its own. If clients of different programs
// share River's tables, River discards tasks that a dead worker of the other program
// left behind.
package riverqueue
