package riverqueue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"

	"github.com/orgexport/orgexport/export/jobs"
)

const (
	takeTimeout = 10 * time.Second // for noting that a task was taken
	connTimeout = 10 * time.Second // for connecting to ListenURL, unless the URL has another
	clearEvery  = 10 * time.Minute

	// fetchCooldown is how long River waits between two looks for tasks. Its own, 100 ms, is
	// longer than small exports take.
	fetchCooldown = 10 * time.Millisecond

	clearTimeout = time.Minute
)

// Run implements [jobs.Runner]. It calls work for tasks, for several at once. It ends when ctx ends and all calls
// have returned, and returns nil. Each task goes to one Run of one process. The queue
// forgets it then, however the call ends. The context of the calls ends SoftStop after
// ctx, with ctx's cause. Errors and panics of work are logged, but not errors that this
// end has caused.
//
// Run fails if another Run of the Queue has not returned yet, and if at its start the
// database cannot be reached or has to be migrated. If the database is lost later Run
// waits for it.
func (q *Queue) Run(ctx context.Context, work func(context.Context, jobs.Task) error) error {
	if !q.running.CompareAndSwap(false, true) {
		return errors.New("riverqueue: the queue is running already")
	}
	defer q.running.Store(false)
	if ctx.Err() != nil {
		return nil
	}
	if err := q.Check(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped
		}
		return err
	}
	lasting := context.WithoutCancel(ctx)
	working, cancel := context.WithCancelCause(lasting)
	defer cancel(nil)
	driver, closeListener, err := q.listener(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopped
		}
		return fmt.Errorf("riverqueue: listen: %w", err)
	}
	defer closeListener()

	w := &worker{queue: q, over: ctx.Done(), ctx: working, work: work}
	client, err := q.worker(driver, w)
	if err != nil {
		return fmt.Errorf("riverqueue: %w", err)
	}
	if err := client.Start(lasting); err != nil {
		return fmt.Errorf("riverqueue: start: %w", err)
	}
	q.clear(ctx)
	soft := time.AfterFunc(q.config.SoftStop, func() { cancel(context.Cause(ctx)) })
	defer soft.Stop()
	if err := client.Stop(lasting); err != nil {
		return fmt.Errorf("riverqueue: stop: %w", err)
	}
	return nil
}

// listener returns River's driver, and a function that must be called after its use.
// With a ListenURL by which notifications come the driver hears of new tasks, also when ctx
// has ended.
func (q *Queue) listener(ctx context.Context) (*riverdatabasesql.Driver, func(), error) {
	polling := riverdatabasesql.New(q.config.DB)
	if q.listen == nil {
		return polling, func() {}, nil
	}
	works, err := q.hears(ctx)
	if err != nil || !works {
		return polling, func() {}, err
	}
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(ctx), q.listenConfig())
	if err != nil {
		return nil, nil, err
	}
	return riverdatabasesql.NewWithPgxListener(q.config.DB, pool), pool.Close, nil
}

// listenConfig returns the configuration of a pool of one connection to ListenURL.
func (q *Queue) listenConfig() *pgxpool.Config {
	config := q.listen.Copy()
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, 1
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "orgexport"
	}
	return config
}

// worker returns a River client that takes tasks for w.
func (q *Queue) worker(driver *riverdatabasesql.Driver, w *worker) (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, w); err != nil {
		return nil, err
	}
	config := q.riverConfig()
	config.ID = rand.Text() // River's own is the same for processes that start together
	config.FetchOnlyKnownKinds = true
	config.FetchCooldown = fetchCooldown
	config.Queues = map[string]river.QueueConfig{queueName: {MaxWorkers: q.config.Workers}}
	config.Workers = workers
	return river.NewClient(driver, config)
}

// clear deletes tasks whose worker died while it took them, until ctx ends. River keeps
// them in the state running for ever. Other tasks are in that state for a moment only.
func (q *Queue) clear(ctx context.Context) {
	table := pgx.Identifier{"river_job"}
	if q.config.Schema != "" {
		table = pgx.Identifier{q.config.Schema, "river_job"}
	}
	statement := "DELETE FROM " + table.Sanitize() + " WHERE kind = $1 AND state = 'running' AND attempted_at < now() - interval '1 hour'"
	tick := time.NewTicker(clearEvery)
	defer tick.Stop()
	for {
		limited, cancel := context.WithTimeout(ctx, clearTimeout)
		_, err := q.config.DB.ExecContext(limited, statement, taskArgs{}.Kind())
		cancel()
		if err != nil && ctx.Err() == nil {
			q.config.Logger.WarnContext(ctx, "tasks of dead workers not deleted", "error", outage(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// worker implements [river.Worker]: it runs the tasks that River has fetched.
type worker struct {
	river.WorkerDefaults[taskArgs]
	queue *Queue
	over  <-chan struct{} // closed when no more tasks are to begin
	ctx   context.Context // for the calls of work; it ends later than the one that River has
	work  func(context.Context, jobs.Task) error
}

// Timeout implements [river.Worker]. There is no time limit.
func (*worker) Timeout(*river.Job[taskArgs]) time.Duration { return -1 }

// Work implements [river.Worker]. It returns nil always: if it failed River would run
// the task again.
func (w *worker) Work(ctx context.Context, job *river.Job[taskArgs]) error {
	task := job.Args.task()
	log := w.queue.config.Logger.With("task", string(task.Kind), "job", task.JobID)
	stopping := false
	select {
	case <-w.over:
		stopping = true // River had fetched the task already
	default:
	}
	if err := w.queue.take(ctx, job, stopping); err != nil {
		log.WarnContext(ctx, "not noted that a task was taken", "error", err)
	}
	if !stopping {
		task.Do(w.ctx, w.queue.config.Logger, w.work)
	}
	return nil
}

// take completes the row of a task that River has fetched. If back is set it also
// queues the task again, for another process.
func (q *Queue) take(ctx context.Context, job *river.Job[taskArgs], back bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	tx, err := q.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	if _, err := river.JobCompleteTx[*riverdatabasesql.Driver](ctx, tx, job); err != nil {
		return err
	}
	if back {
		if err := q.EnqueueTx(ctx, tx, job.Args.task()); err != nil {
			return err
		}
	}
	return tx.Commit()
}
