package riverqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// cancelChannel is the notification channel for the ids of cancelled jobs. All schemas
// of a database share it: a process that does not work on the job ignores its id.
const cancelChannel = "orgexport_cancelled"

const (
	listenAgain  = time.Second // after the connection was lost
	closeTimeout = time.Second
)

// Cancel implements [jobs.Canceller]. Each [Queue.Listen] on the database hears of the
// job. River's own way to cancel would not do: for River a task has ended when a worker
// has taken it.
func (q *Queue) Cancel(ctx context.Context, jobID string) error {
	if _, err := q.config.DB.ExecContext(ctx, "SELECT pg_notify($1, $2)", cancelChannel, jobID); err != nil {
		return fmt.Errorf("riverqueue: cancel: %w", err)
	}
	return nil
}

// Listen implements [jobs.Listener]. It calls cancelled with the id of each job that
// any process cancels, one call after the other, until ctx ends; then it returns nil.
// While the database cannot be reached, behind a pooler of transactions, and without a
// Config.ListenURL, it hears of nothing.
func (q *Queue) Listen(ctx context.Context, cancelled func(jobID string)) error {
	for q.listen != nil && ctx.Err() == nil {
		works, err := q.hears(ctx)
		if err == nil && !works {
			<-ctx.Done()
			return nil
		}
		if err == nil {
			err = q.listenOnce(ctx, cancelled)
			q.hearAgain()
		}
		if ctx.Err() == nil {
			q.config.Logger.WarnContext(ctx, "cancelled jobs are not heard of", "error", outage(err))
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
	defer closeSoon(ctx, conn)
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
