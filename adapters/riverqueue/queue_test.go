package riverqueue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
)

func TestNew(t *testing.T) {
	_, err := riverqueue.New(riverqueue.Config{
		ListenURL: "postgres://u:pass word@h/%zz", Schema: `a"b`, Workers: -1, SoftStop: -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"DB is nil", "ListenURL", "Schema", "Workers", "SoftStop"} {
		if !strings.Contains(err.Error(), "riverqueue: Config."+want) {
			t.Errorf("%q is not about %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "pass") {
		t.Errorf("%q has the password", err)
	}
	if _, err := riverqueue.New(riverqueue.Config{DB: open(t, "postgres://127.0.0.1:1/none"), Schema: strings.Repeat("s", 46)}); err != nil {
		t.Errorf("a long schema: %v", err)
	}
}

// TestOrderAndOnce has duplicates that wait, and one worker.
func TestOrderAndOnce(t *testing.T) {
	t.Parallel()
	for _, listens := range []bool{true, false} {
		t.Run(fmt.Sprintf("listens=%t", listens), func(t *testing.T) {
			t.Parallel()
			q, address := migrated(t, riverqueue.Config{})
			db := open(t, address)
			dispatch(t, q, "a", "b", "a")
			if err := q.Dispatch(t.Context(), jobs.Task{Kind: "other", JobID: "a"}); err != nil {
				t.Fatal(err)
			}
			dispatch(t, q, "b", "last")
			if n := number(t, db, countRows); n != 4 {
				t.Errorf("%d tasks wait, want 4", n)
			}
			if n := number(t, db, "SELECT (SELECT count(*) FROM river_queue) + (SELECT count(*) FROM river_leader)"); n != 0 {
				t.Error("something of River runs without Run")
			}
			c := riverqueue.Config{DB: db, Workers: 1, Logger: quiet()}
			if listens {
				c.ListenURL = address
			}
			worker, err := riverqueue.New(c)
			if err != nil {
				t.Fatal(err)
			}
			ran := make(chan string, 100)
			stop := start(t, worker, func(_ context.Context, task jobs.Task) error {
				ran <- fmt.Sprint(task.Kind, " ", task.JobID)
				return nil
			})
			for _, want := range []string{"export a", "export b", "other a", "export last"} {
				if got := receive(t, ran, want); got != want {
					t.Errorf("ran %s, want %s", got, want)
				}
			}
			dispatch(t, q, "a") // again, now that it has run
			if got := receive(t, ran, "again"); got != "export a" {
				t.Errorf("ran %s, want a again", got)
			}
			if err := stop(nil); err != nil {
				t.Error(err)
			}
			if n := number(t, db, countRows+" WHERE state <> 'completed'"); n != 0 {
				t.Errorf("%d tasks are left", n)
			}
		})
	}
}

// TestListens looks for the connection that hears of tasks, and cuts it.
func TestListens(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	db := open(t, address)
	const listeners = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"
	began := make(chan time.Time, 1)
	stop := start(t, q, func(context.Context, jobs.Task) error {
		began <- time.Now()
		return nil
	})
	eventually(t, db, 1, listeners)
	other := newQueue(t, address, riverqueue.Config{}) // as another process
	const rounds = 5
	var total time.Duration
	for i := range rounds {
		dispatched := time.Now()
		dispatch(t, other, fmt.Sprint(i))
		total += receive(t, began, "start").Sub(dispatched)
	}
	t.Logf("from Dispatch to work: %v on average", total/rounds)

	cut := number(t, db, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if cut < 2 {
		t.Errorf("%d connections were cut", cut)
	}
	dispatch(t, newQueue(t, address, riverqueue.Config{}), "after")
	receive(t, began, "a task after the cut")
	eventually(t, db, 1, listeners)
	if err := stop(nil); err != nil {
		t.Error(err)
	}
	eventually(t, db, 0, listeners)
}

// TestAgainWhileRunning dispatches a task that runs.
func TestAgainWhileRunning(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{Workers: 1})
	began, finish := make(chan string), make(chan bool)
	stop := start(t, q, func(_ context.Context, task jobs.Task) error {
		began <- task.JobID
		<-finish
		return nil
	})
	dispatch(t, q, "a")
	receive(t, began, "a")
	dispatch(t, q, "a", "a", "a")
	if n := number(t, open(t, address), countWaiting); n != 1 {
		t.Errorf("%d tasks wait, want one", n)
	}
	finish <- true
	receive(t, began, "a again")
	finish <- true
	if err := stop(nil); err != nil {
		t.Error(err)
	}
}

// TestShare has two processes, of which each works only once the other does.
func TestShare(t *testing.T) {
	t.Parallel()
	one, address := migrated(t, riverqueue.Config{Workers: 3})
	two := newQueue(t, address, riverqueue.Config{Workers: 3})
	const tasks = 100
	for i := range tasks {
		dispatch(t, []*riverqueue.Queue{one, two}[i%2], fmt.Sprint(i))
	}
	var both sync.WaitGroup
	both.Add(2)
	ran := make(chan string, 2*tasks)
	worker := func() func(context.Context, jobs.Task) error {
		var first sync.Once
		return func(_ context.Context, task jobs.Task) error {
			first.Do(both.Done)
			both.Wait()
			ran <- task.JobID
			return nil
		}
	}
	stopOne, stopTwo := start(t, one, worker()), start(t, two, worker())
	seen := make(map[string]bool)
	for range tasks {
		id := receive(t, ran, "a task")
		if seen[id] {
			t.Errorf("%s ran twice", id)
		}
		seen[id] = true
	}
	if err := errors.Join(stopOne(nil), stopTwo(nil)); err != nil {
		t.Error(err)
	}
	if len(ran) > 0 {
		t.Errorf("%d ran twice", len(ran))
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var out log
	q, address := migrated(t, riverqueue.Config{Workers: 1, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	ran := make(chan string, 10)
	stop := start(t, q, func(_ context.Context, task jobs.Task) error {
		ran <- task.JobID
		switch task.JobID {
		case "fails":
			return errors.New("no disk")
		case "cancelled": // by itself, and not by Run's context
			return context.Canceled
		case "panics":
			panic("what a bug")
		}
		return nil
	})
	dispatch(t, q, "fails", "cancelled", "panics", "after")
	for _, want := range []string{"fails", "cancelled", "panics", "after"} {
		if id := receive(t, ran, want); id != want {
			t.Errorf("ran %s, want %s", id, want)
		}
	}
	if err := stop(nil); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("logged %s", out.String())
	}
	for i, want := range []string{"no disk", "context canceled", "what a bug"} {
		if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "task=export job=") {
			t.Errorf("line %d is %s, want %q", i, lines[i], want)
		}
	}
	if !strings.Contains(lines[2], "queue_test.go") {
		t.Errorf("%s does not tell where", lines[2])
	}
	if n := number(t, open(t, address), countRows+" WHERE state <> 'completed'"); n != 0 {
		t.Errorf("River would try %d again", n)
	}
}

// TestDeadRows has workers that died in the moment in which they took a task.
func TestDeadRows(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	db := open(t, address)
	dispatch(t, q, "old", "new")
	for id, age := range map[string]string{"old": "61 minutes", "new": "1 second"} {
		_, err := db.ExecContext(t.Context(), `UPDATE river_job SET state = 'running', attempt = 1, attempted_by = ARRAY['dead'],
			attempted_at = now() - $1::interval WHERE args->>'job_id' = $2`, age, id)
		if err != nil {
			t.Fatal(err)
		}
	}
	dispatch(t, q, "new") // it is not in the way
	ran := make(chan string, 10)
	stop := start(t, q, func(_ context.Context, task jobs.Task) error {
		ran <- task.JobID
		return nil
	})
	if id := receive(t, ran, "new"); id != "new" {
		t.Errorf("ran %s", id)
	}
	eventually(t, db, 0, countRows+" WHERE args->>'job_id' = 'old'")
	if n := number(t, db, countRunning); n != 1 {
		t.Errorf("%d rows are running, want the new one", n)
	}
	if err := stop(nil); err != nil {
		t.Error(err)
	}
}
