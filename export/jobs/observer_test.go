package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
)

// diary notes what an observer is told, and what must hold for all of it.
type diary struct {
	t       *testing.T
	mu      sync.Mutex
	lines   []string
	open    map[string]int // attempts and sections that have begun and not ended
	elapsed time.Duration
}

func newDiary(t *testing.T) *diary {
	d := &diary{t: t, open: make(map[string]int)}
	t.Cleanup(func() {
		for what, n := range d.open {
			if n != 0 {
				t.Errorf("%s: %d have begun and not ended", what, n)
			}
		}
	})
	return d
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) count(what string, n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[what] += n
}

// take returns the lines so far and forgets them.
func (d *diary) take() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return strings.Join(lines, ", ")
}

type scopeKey struct{}

// within is the value of the innermost context of an observer.
func within(ctx context.Context) string {
	s, _ := ctx.Value(scopeKey{}).(string)
	return s
}

func (d *diary) observer() jobs.Observer {
	return jobs.Observer{
		Job: func(ctx context.Context, e jobs.Event) {
			if ctx.Err() != nil {
				d.t.Errorf("%s is told of with a context that has ended", e.Step)
			}
			ends := slices.Contains([]jobs.Step{jobs.StepCompleted, jobs.StepPutOff, jobs.StepHandedBack,
				jobs.StepStopped, jobs.StepLeaseLost}, e.Step)
			if ends != (within(ctx) == "attempt") && e.Step != jobs.StepFailed {
				d.t.Errorf("%s is told of with the context of %q", e.Step, within(ctx))
			}
			if e.Job.ID == "" || e.Job.Organization.ID == "" {
				d.t.Errorf("%s of no job: %+v", e.Step, e.Job)
			}
			d.note(string(e.Step))
		},
		Attempt: func(ctx context.Context, job jobs.Job) (context.Context, func(jobs.Event)) {
			d.count("attempts", 1)
			return context.WithValue(ctx, scopeKey{}, "attempt"), func(e jobs.Event) {
				d.count("attempts", -1)
				d.elapsed = e.Elapsed
			}
		},
		Section: func(ctx context.Context, job jobs.Job, key string) (context.Context, func(export.Event, error)) {
			if within(ctx) != "attempt" {
				d.t.Errorf("section %s begins with the context of %q", key, within(ctx))
			}
			d.count("section "+key, 1)
			return context.WithValue(ctx, scopeKey{}, "section "+key), func(e export.Event, err error) {
				d.count("section "+key, -1)
				switch {
				case err != nil:
					d.note(key + " failed the job")
				case e.Kind != export.SectionFinished || e.Section != key:
					d.t.Errorf("section %s ends with %+v", key, e)
				default:
					d.note(key + " " + string(e.Result.Status))
				}
			}
		},
	}
}

func TestObserver(t *testing.T) {
	const noSuchOrg = "2222222222222222222222"
	for _, c := range []struct {
		name     string
		org      string
		change   func(c *jobs.Config)
		sections []export.Section
		do       func(t *testing.T, n *node, job jobs.Job)
		want     string
	}{
		{
			name:     "completed, then purged",
			sections: []export.Section{fine("a")},
			do: func(t *testing.T, n *node, job jobs.Job) {
				n.work(t)
				time.Sleep(8 * 24 * time.Hour)
				for range 3 {
					if err := n.Reap(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "created, claimed, a ok, completed, purged",
		},
		{
			name:     "purged by hand",
			sections: []export.Section{writes("a", func(export.Sink) error { return errors.New("no") })},
			do: func(t *testing.T, n *node, job jobs.Job) {
				n.work(t)
				for range 2 {
					if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "created, claimed, a error, completed, purged",
		},
		{
			name:     "cancelled while it runs",
			sections: []export.Section{slow("a", time.Hour)},
			do: func(t *testing.T, n *node, job jobs.Job) {
				inBackground(t, n, func() { deleteJob(t, n, job) })
			},
			want: "created, claimed, cancelled, a failed the job, stopped",
		},
		{
			name:     "cancelled elsewhere",
			sections: []export.Section{slow("a", time.Hour)},
			do: func(t *testing.T, n *node, job jobs.Job) {
				inBackground(t, n, func() { deleteJob(t, n.peer(t, fine("a")), job) })
			},
			want: "created, claimed, a failed the job, stopped",
		},
		{
			name:     "handed back",
			sections: []export.Section{slow("a", time.Hour)},
			do: func(t *testing.T, n *node, job jobs.Job) {
				ctx, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				if err := n.Work(ctx, n.task(t)); err != nil {
					t.Fatal(err)
				}
			},
			want: "created, claimed, a failed the job, handed_back",
		},
		{
			name:     "lease lost and worker lost",
			sections: []export.Section{slow("a", 5*time.Minute)},
			do: func(t *testing.T, n *node, job jobs.Job) {
				inBackground(t, n, func() {
					_, err := n.store.Update(t.Context(), job.ID, func(now time.Time, j *jobs.Job) error {
						j.LeaseUntil = now
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					if err := n.Reap(t.Context()); err != nil {
						t.Error(err)
					}
				})
			},
			want: "created, claimed, worker_lost, a failed the job, lease_lost, claimed, a ok, completed",
		},
		{
			name:     "put off until it fails",
			sections: []export.Section{fine("a")},
			change: func(c *jobs.Config) {
				c.Destination, c.MaxFailures = brokenDestination{c.Destination}, 1
			},
			do:   func(t *testing.T, n *node, job jobs.Job) { n.settle(t, job) },
			want: "created, claimed, a ok, put_off, claimed, failed",
		},
		{
			name:     "workers lost until it fails",
			sections: []export.Section{fine("a")},
			change:   func(c *jobs.Config) { c.MaxFailures = 1 },
			do: func(t *testing.T, n *node, job jobs.Job) {
				for i := range 2 {
					_, err := n.store.Update(t.Context(), job.ID, func(now time.Time, j *jobs.Job) error {
						j.Status, j.LeaseOwner, j.LeaseUntil, j.Alone = jobs.Processing, "lost", now, true
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
					if i == 0 {
						err = n.Reap(t.Context())
					} else { // a worker that gets its task late finds it
						err = n.Work(t.Context(), jobs.Task{Kind: jobs.TaskExport, JobID: job.ID})
					}
					if err != nil {
						t.Fatal(err)
					}
				}
			},
			want: "created, worker_lost, worker_lost, failed",
		},
		{
			name:     "fails for good",
			org:      noSuchOrg,
			sections: []export.Section{fine("a")},
			do:       func(t *testing.T, n *node, job jobs.Job) { n.work(t) },
			want:     "created, claimed, failed",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDiary(t)
				n := newNode(t, func(s *jobs.Config) {
					if c.change != nil {
						c.change(s)
					}
					s.Observers = []jobs.Observer{{}, d.observer()}
				}, c.sections...)
				c.do(t, n, n.create(t, jobs.Request{OrganizationID: c.org}))
				if got := d.take(); got != c.want {
					t.Errorf("told of\n%s, want\n%s", got, c.want)
				}
			})
		})
	}
}

// inBackground works on the one task while do is done, a minute after it began.
func inBackground(t *testing.T, n *node, do func()) {
	t.Helper()
	done := make(chan error, 1)
	task := n.task(t)
	go func() { done <- n.Work(t.Context(), task) }()
	time.Sleep(time.Minute)
	do()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func deleteJob(t *testing.T, n *node, job jobs.Job) {
	t.Helper()
	if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
		t.Error(err)
	}
}

// TestObserversContexts shows which context each port is called with.
func TestObserversContexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary(t)
		var mu sync.Mutex
		seen := make(map[string]bool)
		see := func(ctx context.Context, call string) {
			mu.Lock()
			defer mu.Unlock()
			seen[call+" in "+within(ctx)] = true
		}
		sections := []export.Section{
			section("a", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
				see(ctx, "Section")
				time.Sleep(time.Minute)
				return sink.Record("it.yaml", row("a", 1))
			}),
		}
		spool := &seenSpool{new(exporttest.MemSpool), see}
		n := newNode(t, func(c *jobs.Config) {
			c.Engine = engine(t, func(c *export.Config) { c.Spool = spool }, sections...)
			c.Destination = &seenDestination{c.Destination, see}
			c.Store = &seenStore{c.Store, see}
			c.Observers = []jobs.Observer{d.observer()}
		}, sections...)
		job := n.create(t, jobs.Request{})
		n.work(t)
		got := n.get(t, job)
		if got.Status != jobs.Completed {
			t.Fatalf("%+v", got)
		}
		if d.elapsed != time.Minute {
			t.Errorf("the attempt took %v, want a minute", d.elapsed)
		}
		want := map[string]bool{
			"Store.Update in ": true, "Store.Update in attempt": true, // claim and heartbeats; what it writes
			"Section in section a": true, "Spool.Put in section a": true, "Destination.Put in attempt": true,
		}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("seen: %v, want %v", seen, want)
		}
	})
}

type seenStore struct {
	jobs.Store
	see func(context.Context, string)
}

func (s *seenStore) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	s.see(ctx, "Store.Update")
	return s.Store.Update(ctx, id, change)
}

type seenSpool struct {
	export.Spool
	see func(context.Context, string)
}

func (s *seenSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	s.see(ctx, "Spool.Put")
	return s.Spool.Put(ctx, id, write)
}

type seenDestination struct {
	jobs.Destination
	see func(context.Context, string)
}

func (s *seenDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	s.see(ctx, "Destination.Put")
	return s.Destination.Put(ctx, key, write)
}
