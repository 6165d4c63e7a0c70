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
	takeTimeout  = 10 * time.Second // to note that a task was taken
	connTimeout  = 10 * time.Second // to listen, unless the URL has another
	clearEvery   = 10 * time.Minute
	clearTimeout = time.Minute
)

// Run calls work for tasks, for several at once, until ctx ends and all calls
// have returned; then it returns nil. Each task is given to one Run, of whatever
// process, and then the queue has forgotten it, however the call ends. Calls get
// a context that ends SoftStop after ctx, with ctx's cause. What they return is
// logged, but for what that end has brought about, and so are their panics.
//
// There may be one Run of a Queue at a time: a second one is an error, and so is
// a database that cannot be reached at the start or has to be migrated. One that
// is lost later is waited for.
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
	driver, closeListener, err := q.listener(lasting)
	if err != nil {
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

// listener returns a driver that hears of new tasks, if there is where to listen.
func (q *Queue) listener(ctx context.Context) (*riverdatabasesql.Driver, func(), error) {
	if q.listen == nil {
		return riverdatabasesql.New(q.config.DB), func() {}, nil
	}
	pool, err := pgxpool.NewWithConfig(ctx, q.listenConfig())
	if err != nil {
		return nil, nil, err
	}
	return riverdatabasesql.NewWithPgxListener(q.config.DB, pool), pool.Close, nil
}

// listenConfig is that of a pool of one connection.
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

// worker makes the client of River that takes tasks.
func (q *Queue) worker(driver *riverdatabasesql.Driver, w *worker) (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, w); err != nil {
		return nil, err
	}
	config := q.riverConfig()
	config.ID = rand.Text() // River's own is the same for processes that start together
	config.FetchOnlyKnownKinds = true
	config.Queues = map[string]river.QueueConfig{queueName: {MaxWorkers: q.config.Workers}}
	config.Workers = workers
	return river.NewClient(driver, config)
}

// clear deletes, until ctx ends, tasks whose worker died in the moment in which it
// took them: River never does. No task stays taken for that long otherwise.
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
			q.config.Logger.WarnContext(ctx, "tasks of dead workers not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// worker does what River has fetched.
type worker struct {
	river.WorkerDefaults[taskArgs]
	queue *Queue
	over  <-chan struct{} // closed when no more work is to begin
	ctx   context.Context // that of the calls of work; River does not know when it is to end
	work  func(context.Context, jobs.Task) error
}

// Timeout implements [river.Worker]: there is none.
func (*worker) Timeout(*river.Job[taskArgs]) time.Duration { return -1 }

// Work implements [river.Worker]. River never gets an error, because it would do
// something about it.
func (w *worker) Work(ctx context.Context, job *river.Job[taskArgs]) error {
	task := job.Args.task()
	log := w.queue.config.Logger.With("task", string(task.Kind), "job", task.JobID)
	stopping := false
	select {
	case <-w.over:
		stopping = true // it came with the last fetch
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

// take completes a row of River's, and puts the task back into the queue if this
// process has no more use for it.
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
