package riverqueue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
)

func TestStop(t *testing.T) {
	t.Parallel()
	var out log
	q, address := migrated(t, riverqueue.Config{Workers: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	shutdown := errors.New("shutting down")
	began, finish := make(chan string, 1), make(chan bool)
	work := func(ctx context.Context, task jobs.Task) error {
		began <- task.JobID
		select {
		case <-ctx.Done():
			<-finish // hands the job back
		case <-finish:
		}
		return context.Cause(ctx)
	}
	stop := start(t, q, work)
	dispatch(t, q, "a", "b")
	receive(t, began, "a")
	if err := q.Run(t.Context(), work); err == nil {
		t.Error("two run at once")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop(shutdown) }()
	finish <- true
	if err := receive(t, stopped, "Run"); err != nil {
		t.Errorf("Run ended with %v", err)
	}
	if out.String() != "" {
		t.Errorf("logged %s", out.String())
	}
	if n := number(t, open(t, address), countWaiting); n != 1 || len(began) > 0 {
		t.Errorf("%d tasks wait, want b", n)
	}

	// What waited is there for the next Run.
	stop = start(t, q, work)
	if id := receive(t, began, "b"); id != "b" {
		t.Errorf("ran %s, want b", id)
	}
	finish <- true
	if err := stop(nil); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(shutdown)
	if err := q.Dispatch(ctx, task("c")); !errors.Is(err, shutdown) {
		t.Errorf("Dispatch with a cancelled context gives %v", err)
	}
	if err := q.Run(ctx, work); err != nil {
		t.Errorf("Run with a cancelled context gives %v", err)
	}
}

// TestSoftStop ends Run while a task runs, which may finish or is told to stop.
func TestSoftStop(t *testing.T) {
	t.Parallel()
	for _, soft := range []time.Duration{0, time.Millisecond, time.Hour} {
		t.Run(soft.String(), func(t *testing.T) {
			t.Parallel()
			q, _ := migrated(t, riverqueue.Config{SoftStop: soft})
			shutdown := errors.New("shutting down")
			began, ended := make(chan bool), make(chan error, 1)
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := make(chan error, 1)
			go func() {
				stopped <- q.Run(ctx, func(working context.Context, _ jobs.Task) error {
					close(began)
					<-ctx.Done()
					if soft < time.Hour {
						<-working.Done()
					}
					select {
					case <-working.Done():
					case <-time.After(200 * time.Millisecond): // it finishes in time
					}
					ended <- context.Cause(working)
					return nil
				})
			}()
			dispatch(t, q, "a")
			receive(t, began, "a")
			cancel(shutdown)
			if err := receive(t, stopped, "Run"); err != nil {
				t.Error(err)
			}
			want := shutdown
			if soft == time.Hour {
				want = nil
			}
			if err := <-ended; !errors.Is(err, want) {
				t.Errorf("the context of work ended with %v, want %v", err, want)
			}
		})
	}
}

// TestStopWhileFetching stops while a task is on its way to this process: another
// one gets it.
func TestStopWhileFetching(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	db := open(t, address)
	_, err := db.ExecContext(t.Context(), `
		CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END';
		CREATE TRIGGER hold BEFORE UPDATE ON river_job FOR EACH ROW WHEN (NEW.state = 'running') EXECUTE FUNCTION hold()`)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		stopped <- q.Run(ctx, func(context.Context, jobs.Task) error {
			t.Error("the task has begun")
			return nil
		})
	}()
	dispatch(t, q, "a")
	eventually(t, db, 1, `SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database
		WHERE datname = current_database() AND locktype = 'advisory' AND objid = 1 AND NOT granted`)
	cancel()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, stopped, "Run"); err != nil {
		t.Error(err)
	}
	if waiting, rows := number(t, db, countWaiting), number(t, db, countRows); waiting != 1 || rows != 2 {
		t.Errorf("%d of %d rows wait, want one that is done and one that waits", waiting, rows)
	}
}

// TestStopsLoseNothing stops whenever a task has begun, which meets others on
// their way.
func TestStopsLoseNothing(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{Workers: 3})
	db := open(t, address)
	const tasks = 20
	for i := range tasks {
		dispatch(t, q, fmt.Sprint(i))
	}
	ran := make(chan string, 2*tasks)
	rounds := 0
	for number(t, db, countWaiting) > 0 {
		ctx, cancel := context.WithCancel(t.Context())
		err := q.Run(ctx, func(_ context.Context, task jobs.Task) error {
			cancel()
			ran <- task.JobID
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rounds++
	}
	close(ran)
	var ids []string
	for id := range ran {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if len(ids) != tasks || len(slices.Compact(ids)) != tasks {
		t.Errorf("ran %q, want %d tasks, each once", ids, tasks)
	}
	t.Logf("%d rounds", rounds)
	if n := number(t, db, countRunning); n != 0 {
		t.Errorf("%d rows are left running", n)
	}
}
