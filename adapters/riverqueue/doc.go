// Package riverqueue brings tasks to workers on any number of machines by River
// (github.com/riverqueue/river), whose tables are in the PostgreSQL database of
// the jobs: the [jobs.Dispatcher] beside adapters/bunstore.
//
//	queue, err := riverqueue.New(riverqueue.Config{DB: db, ListenURL: address})
//	…
//	service, err := jobs.New(jobs.Config{Dispatcher: queue, …})
//	…
//	err = service.Run(ctx) // runs the queue until ctx ends
//
// [Queue.Migrate] makes River's tables. In a process that only takes requests
// (NoWorker of [jobs.Config]) nothing of River runs.
//
// # Job and task in one transaction
//
// [Queue.EnqueueTx] adds a task in a transaction of the caller's, so that there is
// either both, the job and its task, or nothing. With adapters/bunstore:
//
//	var queue *riverqueue.Queue
//	store, err := bunstore.Open(ctx, address, bunstore.Config{
//		AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
//			if !job.Waits() {
//				return nil
//			}
//			return queue.EnqueueTx(ctx, tx, jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
//		},
//	})
//	…
//	queue, err = riverqueue.New(riverqueue.Config{DB: store.DB().DB, ListenURL: address})
//
// The service dispatches the job once more after that, which changes nothing: the
// task waits already or, if a worker was that fast, the next one finds that
// nothing is left to do. A dispatcher around this one that does nothing saves
// that.
//
// # River kicks, the lease keeps
//
// River does not notice that a worker has died. So all that it does here is to
// wake one worker for each task: the task's row is completed as soon as a worker
// has taken it, before the work. From then on the job's lease tells whether
// somebody looks after it, and once it is over, whichever node's
// [jobs.Service.Maintain] sees that first dispatches the job again. For the same
// reason River never tries a task again and sets no time limit, and a task that
// was lost in between costs no more than the wait for the lease.
//
// When ctx ends, Run takes no more tasks, and running ones have
// [Config].SoftStop to finish. Then their contexts end, and the service hands
// their jobs back, for a worker elsewhere to go on with.
//
// # A host with a River of its own
//
// Give this package a [Config].Schema of its own. Where clients of different
// programs share tables, River discards what the other program's workers have
// left behind.
package riverqueue
