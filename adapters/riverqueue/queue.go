package riverqueue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/rivertype"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

var (
	_ jobs.Dispatcher = (*Queue)(nil)
	_ export.Checker  = (*Queue)(nil)
)

// queueName is the queue of River's that all tasks wait in.
const queueName = "orgexport"

// schemaPattern is what River takes. Its notifications begin with the name, which
// leaves that many bytes for it.
var schemaPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,45}$`)

// Config is the configuration of a [Queue]. DB is required.
type Config struct {
	// DB is the PostgreSQL database, by the driver pgx. The queue does not close
	// it. [Queue.Migrate] needs two of its connections.
	DB *sql.DB

	// ListenURL is the URL of the same database, for a connection beside DB on
	// which [Queue.Run] hears of new tasks at once, and one on which
	// [Queue.Listen] hears of cancelled jobs. It must reach the server itself or a
	// pooler of sessions, not one of transactions. Without it Run looks for tasks
	// every second.
	ListenURL string

	// Schema is where River's tables are: up to 46 letters, digits and
	// underscores, no digit first. [Queue.Migrate] makes it if there is none.
	// Defaults to the first of the connection's search_path.
	Schema string

	// Workers is how many tasks Run works on at once. Defaults to 2.
	Workers int

	// SoftStop is how long tasks may go on when Run is to end, before their
	// contexts end. Defaults to 0: they end at once.
	SoftStop time.Duration

	// Logger gets the errors and panics of tasks, and River's warnings. Defaults
	// to [slog.Default].
	Logger *slog.Logger
}

// Queue holds tasks in PostgreSQL and runs them, in about the order in which they
// came. It implements [jobs.Dispatcher] and is safe for concurrent use, by any
// number of processes on one database. Make one with [New]; there is nothing to
// close.
type Queue struct {
	config    Config
	listen    *pgxpool.Config // nil to look for tasks now and then
	inserter  *river.Client[*sql.Tx]
	migrating sync.Mutex
	running   atomic.Bool // there is a Run
}

// New makes a Queue. It does not connect. The error names every problem of the
// configuration, and never holds the password of ListenURL.
func New(c Config) (*Queue, error) {
	if c.Workers == 0 {
		c.Workers = 2
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	q := &Queue{config: c}
	var problems []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			problems = append(problems, fmt.Errorf("riverqueue: Config."+format, args...))
		}
	}
	bad(c.DB == nil, "DB is nil")
	bad(c.Schema != "" && !schemaPattern.MatchString(c.Schema), "Schema is %q, want up to 46 of a-z, A-Z, 0-9 and _, no digit first", c.Schema)
	bad(c.Workers < 0 || c.Workers > river.QueueNumWorkersMax, "Workers is %d, want 1 to %d", c.Workers, river.QueueNumWorkersMax)
	bad(c.SoftStop < 0, "SoftStop is negative")
	if c.ListenURL != "" {
		var err error
		q.listen, err = pgxpool.ParseConfig(c.ListenURL)
		bad(err != nil, "ListenURL, or a PG… variable of the environment, is not valid") // pgx may quote the password
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	config := q.riverConfig()
	// River does not notify workers of a task that comes this soon after another:
	// it would wait until they look for it by themselves, for up to a second.
	config.FetchCooldown = river.FetchCooldownMin
	var err error
	q.inserter, err = river.NewClient(riverdatabasesql.New(c.DB), config)
	if err != nil {
		return nil, fmt.Errorf("riverqueue: %w", err)
	}
	return q, nil
}

// riverConfig is what all clients of River have in common.
func (q *Queue) riverConfig() *river.Config {
	return &river.Config{
		Hooks:       []rivertype.Hook{&waitingOnly{}},
		JobTimeout:  -1,
		Logger:      slog.New(warnings{q.config.Logger.Handler()}),
		MaxAttempts: 1,
		Schema:      q.config.Schema,
	}
}

// taskArgs is a task as River stores it. No field is ever renamed: rows outlive
// the program.
type taskArgs struct {
	TaskKind jobs.TaskKind `json:"task"`
	JobID    string        `json:"job_id"`
}

// Kind implements [river.JobArgs].
func (taskArgs) Kind() string { return "orgexport_task" }

func (a taskArgs) task() jobs.Task { return jobs.Task{Kind: a.TaskKind, JobID: a.JobID} }

// insertOpts let a task wait once.
func insertOpts() *river.InsertOpts {
	return &river.InsertOpts{
		Queue: queueName,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
				rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			},
		},
	}
}

// waitingOnly takes tasks that run out of those that a new one must differ from.
// A task is completed when it is taken, so that it runs in between for a moment
// only; but a worker that dies in this moment leaves it so, and it must not be in
// the way. River insists on that state because it puts tasks that ran back into
// the queue, which is never done here.
type waitingOnly struct{ river.HookDefaults }

// runningBit is that of the state running in [rivertype.JobInsertParams].
const runningBit = 1 << 6

// InsertBegin implements [rivertype.HookInsertBegin].
func (*waitingOnly) InsertBegin(_ context.Context, p *rivertype.JobInsertParams) error {
	p.UniqueStates &^= runningBit
	return nil
}

// Dispatch implements [jobs.Dispatcher]. A task that waits already is not queued
// twice; one that a worker has taken is queued once more, and may then run beside
// it: a job's lease keeps them apart.
func (q *Queue) Dispatch(ctx context.Context, task jobs.Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := q.inserter.Insert(ctx, taskArgs{task.Kind, task.JobID}, insertOpts()); err != nil {
		return fmt.Errorf("riverqueue: dispatch: %w", err)
	}
	return nil
}

// EnqueueTx is [Queue.Dispatch] in a transaction of DB: workers see the task once
// tx is committed. If it fails tx is of no more use than to be rolled back.
func (q *Queue) EnqueueTx(ctx context.Context, tx *sql.Tx, task jobs.Task) error {
	if _, err := q.inserter.InsertTx(ctx, tx, taskArgs{task.Kind, task.JobID}, insertOpts()); err != nil {
		return fmt.Errorf("riverqueue: enqueue: %w", err)
	}
	return nil
}

// warnings drops what River tells when all is well.
type warnings struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
