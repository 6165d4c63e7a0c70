package riverqueue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
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
	_ jobs.Runner     = (*Queue)(nil)
	_ jobs.Canceller  = (*Queue)(nil)
	_ jobs.Listener   = (*Queue)(nil)
	_ export.Checker  = (*Queue)(nil)
)

// queueName is the River queue of all tasks.
const queueName = "orgexport"

// schemaPattern has the names that River accepts. They begin the names of its
// notification channels, which PostgreSQL limits to 63 bytes.
var schemaPattern = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,45}$`)

// Config is the configuration of a [Queue]. DB is required.
type Config struct {
	// DB is the PostgreSQL database, opened with the driver pgx. The queue does not
	// close it. [Queue.Migrate] uses two connections at once. Behind a pooler of
	// transactions that keeps no prepared statements its URL needs
	// default_query_exec_mode=cache_describe; the database of adapters/bunstore has it.
	DB *sql.DB

	// ListenURL is the URL of the same database. [Queue.Run] and [Queue.Listen] each
	// open a connection of their own to it, and hear of new tasks and of cancelled
	// jobs at once, if it leads to the server or to a pooler of sessions. If it is
	// empty, or a pooler of transactions lets no notifications through, which is
	// logged, Run looks for tasks every second, and Listen hears of nothing: then a
	// cancelled job ends with the next heartbeat of its lease.
	ListenURL string

	// Schema is the schema of River's tables: up to 46 letters, digits and
	// underscores, no digit first. [Queue.Migrate] makes it. Defaults to the first
	// one in the connection's search_path.
	Schema string

	// Workers is how many tasks Run runs at once. Defaults to 2.
	Workers int

	// SoftStop is how long running tasks may go on after the context of Run has
	// ended. Then their own contexts end. Defaults to 0: at once.
	SoftStop time.Duration

	// Logger receives the errors and panics of tasks, and River's warnings. Defaults
	// to [slog.Default].
	Logger *slog.Logger
}

// Queue holds tasks in PostgreSQL and runs them, in about the order in which they
// came. It implements [jobs.Dispatcher], [jobs.Runner], [jobs.Canceller] and
// [jobs.Listener]. It is safe for concurrent use, and any number
// of processes may have a Queue on one database. Make one with [New]; there is nothing
// to close.
type Queue struct {
	config    Config
	listen    *pgxpool.Config // nil without a ListenURL
	inserter  *river.Client[*sql.Tx]
	migrating sync.Mutex
	hearing   hearing
	running   atomic.Bool // a Run has not returned yet
}

// New returns a Queue. It does not connect. The error names all problems of the
// configuration, and never holds the password of ListenURL.
func New(c Config) (*Queue, error) {
	if c.Workers == 0 {
		c.Workers = 2
	}
	c.Logger = export.Discreet(c.Logger)
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
	// If a task comes this soon after another, River does not notify workers of it:
	// it waits until they look for tasks by themselves, up to a second.
	config.FetchCooldown = river.FetchCooldownMin
	var err error
	q.inserter, err = river.NewClient(riverdatabasesql.New(c.DB), config)
	if err != nil {
		return nil, fmt.Errorf("riverqueue: %w", err)
	}
	return q, nil
}

// riverConfig returns the configuration that all River clients share.
func (q *Queue) riverConfig() *river.Config {
	return &river.Config{
		Hooks:       []rivertype.Hook{&waitingOnly{}},
		JobTimeout:  -1,
		Logger:      slog.New(warnings{q.config.Logger.Handler()}),
		MaxAttempts: 1,
		Schema:      q.config.Schema,
	}
}

// taskArgs is a task as River stores it. Its JSON never changes: rows outlive the
// program.
type taskArgs struct {
	TaskKind jobs.TaskKind `json:"task"`
	JobID    string        `json:"job_id"`
}

// Kind implements [river.JobArgs].
func (taskArgs) Kind() string { return "orgexport_task" }

func (a taskArgs) task() jobs.Task { return jobs.Task{Kind: a.TaskKind, JobID: a.JobID} }

// insertOpts says that a task is not inserted if an equal one waits.
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

// waitingOnly removes the state running from [river.UniqueOpts], so that an equal task
// in that state does not keep a new one out. A worker completes a task when it takes
// it, so no task is in that state for long, but a worker that dies then leaves it there
// for good. River insists on the state in the options, for the sake of tasks that go
// back from running to waiting; here none does.
type waitingOnly struct{ river.HookDefaults }

// runningBit is the bit of the state running in [rivertype.JobInsertParams].
const runningBit = 1 << 6

// InsertBegin implements [rivertype.HookInsertBegin].
func (*waitingOnly) InsertBegin(_ context.Context, p *rivertype.JobInsertParams) error {
	p.UniqueStates &^= runningBit
	return nil
}

// Dispatch implements [jobs.Dispatcher]. Dispatching a task that waits already changes
// nothing. If a worker has taken the task it is queued once more. Then both may run at
// once, and the job's lease says which one does the work.
func (q *Queue) Dispatch(ctx context.Context, task jobs.Task) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, err := q.inserter.Insert(ctx, taskArgs{task.Kind, task.JobID}, insertOpts()); err != nil {
		return fmt.Errorf("riverqueue: dispatch: %w", err)
	}
	return nil
}

// EnqueueTx is [Queue.Dispatch] in a transaction of DB. Workers see the task after tx
// is committed. After an error tx can only be rolled back.
func (q *Queue) EnqueueTx(ctx context.Context, tx *sql.Tx, task jobs.Task) error {
	if _, err := q.inserter.InsertTx(ctx, tx, taskArgs{task.Kind, task.JobID}, insertOpts()); err != nil {
		return fmt.Errorf("riverqueue: enqueue: %w", err)
	}
	return nil
}

// warnings is a handler for River's log that drops everything below a warning. What it says
// of a database that is away has an error of an outage, as everybody else's lines.
type warnings struct{ slog.Handler }

// Handle implements [slog.Handler].
func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	told := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "err" || a.Key == "error" { // River logs texts
			a = slog.Any("error", outage(errors.New(a.Value.String())))
		}
		told.AddAttrs(a)
		return true
	})
	return w.Handler.Handle(ctx, told)
}

// outage returns err as an [*export.OutageError] if it is of a database that cannot be reached,
// or has broken off.
func outage(err error) error {
	if !isOfConnection(err.Error()) {
		return err
	}
	return &export.OutageError{What: "the database of the queue", Kind: export.OutageConnection, Err: err}
}

// isOfConnection reports whether the text of an error is of a connection, in the words of pgx,
// River and Go.
func isOfConnection(text string) bool {
	for _, words := range []string{
		"failed to connect", "conn closed", "closed pool", "timed out after", "context deadline exceeded", "i/o timeout", "unexpected EOF",
		"connection re", "broken pipe", "dial ", "FATAL:", "SQLSTATE 08", "SQLSTATE 57P", "SQLSTATE 53",
	} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

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
