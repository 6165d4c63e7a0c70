package riverqueue_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/bunstore"
	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/internal/pgtest"
)

const acme = "2222222222222222222222"

// section is the only one there is.
type section struct{ middle func(context.Context) error }

func (section) Key() string { return "products" }

func (s section) Export(ctx context.Context, _ export.Scope, sink export.Sink) error {
	if err := sink.Record("a.yaml", map[string]string{"a": "b"}); err != nil {
		return err
	}
	return s.middle(ctx)
}

// newNode makes a node that has one section. middle is called in the middle of
// each job.
func newNode(ctx context.Context, address, folder, name string, middle func(context.Context) error) (*node, error) {
	return nodeConfig{
		address: address, folder: folder, workers: 1, sections: []export.Section{section{middle}},
		Config: jobs.Config{
			Organizations: jobstest.MemOrganizations{acme: {ID: acme, Slug: "acme"}}, Node: name, Logger: quiet(),
			Lease: 6 * time.Second, Heartbeat: 500 * time.Millisecond, ReapEvery: 50 * time.Millisecond,
		},
	}.open(ctx)
}

func openNode(t *testing.T, address, folder, name string, middle func(context.Context) error) *node {
	t.Helper()
	n, err := newNode(t.Context(), address, folder, name, middle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func (n *node) create(t *testing.T) jobs.Job {
	t.Helper()
	job, created, err := n.service.Create(t.Context(), jobs.Request{OrganizationID: acme})
	if err != nil || !created {
		t.Fatalf("Create gives %t, %v", created, err)
	}
	return job
}

// run tends and works until stop is called.
func (n *node) run(t *testing.T) (stop func(cause error) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tended := make(chan bool)
	go func() {
		defer close(tended)
		n.service.Maintain(ctx)
	}()
	stopQueue := start(t, n.queue, n.service.Work)
	return func(cause error) error {
		err := stopQueue(cause)
		cancel()
		<-tended
		return err
	}
}

// wait waits for a job to end.
func (n *node) wait(t *testing.T, jobID string) jobs.Job {
	t.Helper()
	eventually(t, n.store.DB().DB, 1, "SELECT count(*) FROM orgexport_jobs WHERE id = '"+jobID+"' AND status IN ('completed', 'failed')")
	job, err := n.service.Get(t.Context(), acme, jobID)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// TestHandedBack stops a node in the middle of a job.
func TestHandedBack(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	folder := t.TempDir()
	began := make(chan bool, 1)
	one := openNode(t, address, folder, "one", func(ctx context.Context) error {
		began <- true
		<-ctx.Done()
		return ctx.Err()
	})
	two := openNode(t, address, folder, "two", func(context.Context) error { return nil })
	stopOne := one.run(t)
	job := two.create(t)
	receive(t, began, "the job on the first node")
	if err := stopOne(errors.New("shutting down")); err != nil {
		t.Error(err)
	}
	back, err := two.service.Get(t.Context(), acme, job.ID)
	if err != nil || back.Status != jobs.Pending || back.Failures != 0 {
		t.Errorf("handed back is %s after %d failures, %v", back.Status, back.Failures, err)
	}
	stopTwo := two.run(t)
	if done := two.wait(t, job.ID); done.Status != jobs.Completed || done.Attempt != 2 || done.Failures != 0 {
		t.Errorf("the job ended as %s after %d attempts and %d failures", done.Status, done.Attempt, done.Failures)
	}
	if err := stopTwo(nil); err != nil {
		t.Error(err)
	}
}

// TestOneTransaction makes a job and its task, or neither.
func TestOneTransaction(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	planned := errors.New("not now")
	var fails bool
	store, err := bunstore.Open(t.Context(), address, bunstore.Config{AfterWrite: func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
		if err := q.EnqueueTx(ctx, tx, task(job.ID)); err != nil || !fails {
			return err
		}
		return planned
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, fails = range []bool{true, false} {
		var want int64 = 1
		if fails {
			want = 0
		}
		_, created, err := store.Create(t.Context(), acme, func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			return jobs.Job{
				ID: "a", Organization: export.Organization{ID: acme}, Format: "zip", CreatedAt: now, AsOf: now,
				Status: jobs.Pending, LeaseUntil: now.Add(time.Hour),
			}, nil
		})
		if created == fails || fails != errors.Is(err, planned) {
			t.Errorf("fails=%t: Create gives %t, %v", fails, created, err)
		}
		for _, query := range []string{countRows, "SELECT count(*) FROM orgexport_jobs"} {
			if n := number(t, store.DB().DB, query); n != want {
				t.Errorf("fails=%t: %s gives %d, want %d", fails, query, n, want)
			}
		}
	}
}
