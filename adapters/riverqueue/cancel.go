package riverqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.Canceller = (*Queue)(nil)

// cancelChannel is where the ids of cancelled jobs are notified. There is one in
// a database, whatever the schema is: who has no such job takes no notice.
const cancelChannel = "orgexport_cancelled"

const (
	listenAgain  = time.Second // after the connection was lost
	closeTimeout = time.Second
)

// Cancel implements [jobs.Canceller]: each [Queue.Listen] on the database is
// told of the job. River's own way is of no use for that, because to River a task
// is over once a worker has it.
func (q *Queue) Cancel(ctx context.Context, jobID string) error {
	if _, err := q.config.DB.ExecContext(ctx, "SELECT pg_notify($1, $2)", cancelChannel, jobID); err != nil {
		return fmt.Errorf("riverqueue: cancel: %w", err)
	}
	return nil
}

// Listen calls cancelled with the id of each job that was cancelled, in whatever
// process, until ctx ends; then it returns nil. The calls come one after the other.
// [jobs.Service.Cancelled] is what they are for. What happens while the database
// cannot be reached is not heard of. Without Config.ListenURL nothing is.
func (q *Queue) Listen(ctx context.Context, cancelled func(jobID string)) error {
	for q.listen != nil && ctx.Err() == nil {
		if err := q.listenOnce(ctx, cancelled); ctx.Err() == nil {
			q.config.Logger.WarnContext(ctx, "cancelled jobs are not heard of", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
	return nil
}

// listenOnce listens until the connection is lost.
func (q *Queue) listenOnce(ctx context.Context, cancelled func(jobID string)) error {
	conn, err := pgx.ConnectConfig(ctx, q.listenConfig().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = conn.Close(ctx) // nothing was written
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+cancelChannel); err != nil {
		return err
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		cancelled(n.Payload)
	}
}
