package inproc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/adapters/inproc"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

var _ jobs.Dispatcher = (*inproc.Queue)(nil)

func task(id string) jobs.Task { return jobs.Task{Kind: jobs.TaskExport, JobID: id} }

func dispatch(t *testing.T, q *inproc.Queue, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := q.Dispatch(t.Context(), task(id)); err != nil {
			t.Fatal(err)
		}
	}
}

// diary is what a work function has seen.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, lines) {
		t.Errorf("ran %q, want %q", d.lines, lines)
	}
	d.lines = nil
}

// start runs a queue until stop is called, which returns what Run has returned.
func start(t *testing.T, q *inproc.Queue, work func(context.Context, jobs.Task) error) (stop func(cause error) error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	result := make(chan error, 1)
	go func() { result <- q.Run(ctx, work) }()
	return func(cause error) error {
		cancel(cause)
		return <-result
	}
}

func newQueue(workers int) (*inproc.Queue, *bytes.Buffer) {
	var log bytes.Buffer
	return inproc.New(inproc.Config{Workers: workers, Logger: slog.New(slog.NewTextHandler(&log, nil))}), &log
}

func TestOrderAndOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		q, log := newQueue(1)
		dispatch(t, q, "a", "b", "a", "c", "b") // before it runs
		stop := start(t, q, func(_ context.Context, task jobs.Task) error {
			d.add(task.JobID)
			time.Sleep(time.Minute)
			return nil
		})
		time.Sleep(time.Hour)
		d.want(t, "a", "b", "c")

		dispatch(t, q, "a") // again, now that it has run
		synctest.Wait()
		d.want(t, "a")
		// While it runs: once more afterwards, behind what waits.
		dispatch(t, q, "a", "b", "a", "a", "b")
		time.Sleep(time.Hour)
		d.want(t, "b", "a")

		if err := q.Dispatch(t.Context(), jobs.Task{Kind: "other", JobID: "a"}); err != nil {
			t.Fatal(err)
		}
		dispatch(t, q, "a")
		time.Sleep(time.Hour)
		d.want(t, "a", "a") // tasks of different kinds
		if err := stop(nil); err != nil || log.Len() > 0 {
			t.Errorf("Run ended with %v, logged %s", err, log)
		}
	})
}

func TestWorkers(t *testing.T) {
	for _, c := range []struct{ workers, want int }{{0, 2}, {-1, 2}, {1, 1}, {3, 3}, {100, 20}} {
		synctest.Test(t, func(t *testing.T) {
			q, _ := newQueue(c.workers)
			var mu sync.Mutex
			var now, most, ran int
			stop := start(t, q, func(context.Context, jobs.Task) error {
				mu.Lock()
				now, ran = now+1, ran+1
				most = max(most, now)
				mu.Unlock()
				time.Sleep(time.Minute)
				mu.Lock()
				now--
				mu.Unlock()
				return nil
			})
			for i := range 20 {
				dispatch(t, q, fmt.Sprint(i))
			}
			time.Sleep(time.Hour)
			if err := stop(nil); err != nil {
				t.Error(err)
			}
			if most != c.want || ran != 20 {
				t.Errorf("Workers %d: %d ran, %d at once, want 20 and %d", c.workers, ran, most, c.want)
			}
		})
	}
}

// TestNeverTwiceAtOnce has many workers and one task.
func TestNeverTwiceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, _ := newQueue(8)
		var now atomic.Int64
		ran := 0
		stop := start(t, q, func(context.Context, jobs.Task) error {
			if now.Add(1) > 1 {
				t.Error("a task runs twice at once")
			}
			time.Sleep(time.Second)
			ran++ // no race: the calls come one after the other
			now.Add(-1)
			return nil
		})
		for range 100 {
			dispatch(t, q, "a")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		if err := stop(nil); err != nil {
			t.Error(err)
		}
		if ran < 10 || ran > 12 {
			t.Errorf("ran %d times in about ten seconds", ran)
		}
	})
}

func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		q, log := newQueue(1)
		shutdown := errors.New("shutting down")
		work := func(ctx context.Context, task jobs.Task) error {
			d.add(task.JobID)
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
				return nil
			}
			time.Sleep(10 * time.Second) // hands the job back
			d.add("handed back")
			return fmt.Errorf("export: %w", context.Cause(ctx))
		}
		stop := start(t, q, work)
		dispatch(t, q, "a", "b")
		synctest.Wait()
		if err := q.Run(t.Context(), work); err == nil {
			t.Error("two run at once")
		}
		began := time.Now()
		if err := stop(shutdown); err != nil {
			t.Errorf("Run ended with %v", err)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("Run returned after %v, not when the task had", took)
		}
		dispatch(t, q, "c")
		time.Sleep(time.Hour)
		d.want(t, "a", "handed back")
		if log.Len() > 0 {
			t.Errorf("logged %s", log)
		}

		// What waited is there for the next Run.
		stop = start(t, q, work)
		time.Sleep(time.Hour)
		d.want(t, "b", "c")
		if err := stop(nil); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(shutdown)
		if err := q.Dispatch(ctx, task("d")); !errors.Is(err, shutdown) {
			t.Errorf("Dispatch with a cancelled context gives %v", err)
		}
		if err := q.Run(ctx, work); err != nil {
			t.Errorf("Run with a cancelled context gives %v", err)
		}
		d.want(t)
	})
}

// TestSoftStop ends Run while tasks run, which may go on for a minute.
func TestSoftStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		q := inproc.New(inproc.Config{Workers: 2, SoftStop: time.Minute})
		shutdown := errors.New("shutting down")
		stop := start(t, q, func(ctx context.Context, task jobs.Task) error {
			left := 59 * time.Second
			if task.JobID == "long" {
				left = time.Hour
			}
			select {
			case <-ctx.Done():
				d.add(task.JobID + ": " + context.Cause(ctx).Error())
			case <-time.After(left):
				d.add(task.JobID + ": finished")
			}
			return nil
		})
		dispatch(t, q, "long", "short", "later")
		synctest.Wait()
		began := time.Now()
		if err := stop(shutdown); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("Run returned after %v, want a minute", took)
		}
		d.want(t, "short: finished", "long: shutting down")

		stop = start(t, q, func(_ context.Context, task jobs.Task) error {
			d.add(task.JobID)
			return nil
		})
		synctest.Wait()
		d.want(t, "later")
		began = time.Now()
		if err := stop(shutdown); err != nil || time.Since(began) != 0 {
			t.Errorf("an idle Run returned after %v, %v", time.Since(began), err)
		}
	})
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		q, log := newQueue(1)
		stop := start(t, q, func(_ context.Context, task jobs.Task) error {
			d.add(task.JobID)
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
		synctest.Wait()
		d.want(t, "fails", "cancelled", "panics", "after")
		dispatch(t, q, "panics") // it is not taken for running
		time.Sleep(time.Hour)
		d.want(t, "panics")
		if err := stop(nil); err != nil {
			t.Error(err)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 4 {
			t.Fatalf("logged %s", log)
		}
		for i, want := range []string{"no disk", "context canceled", "what a bug", "what a bug"} {
			if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], "task=export job=") {
				t.Errorf("line %d is %s, want %q", i, lines[i], want)
			}
		}
		if !strings.Contains(lines[2], "inproc_test.go") {
			t.Errorf("%s does not tell where", lines[2])
		}
	})
}

// TestManyDispatchers is for the race detector.
func TestManyDispatchers(t *testing.T) {
	q, _ := newQueue(4)
	var ran atomic.Int64
	done := make(chan struct{})
	stop := start(t, q, func(context.Context, jobs.Task) error {
		if ran.Add(1) == 1000 {
			close(done)
		}
		return nil
	})
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			for n := range 100 {
				dispatch(t, q, fmt.Sprint(i, n))
			}
		})
	}
	wg.Wait()
	<-done
	if err := stop(nil); err != nil {
		t.Error(err)
	}
}

func TestDispatcherKit(t *testing.T) {
	jobstest.RunDispatcher(t, func(*testing.T) jobstest.Worked {
		q := inproc.New(inproc.Config{Workers: 3})
		return jobstest.Worked{Dispatcher: q, Run: q.Run}
	})
}
