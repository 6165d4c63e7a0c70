package riverqueue_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/adapters/riverqueue"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"", "Queue_1"} {
		t.Run("schema="+schema, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Database(t)
			q := newQueue(t, address, riverqueue.Config{Schema: schema})
			if err := q.Check(t.Context()); !errors.Is(err, riverqueue.ErrOlderSchema) {
				t.Errorf("Check gives %v, want ErrOlderSchema", err)
			}
			if err := q.Run(t.Context(), nil); !errors.Is(err, riverqueue.ErrOlderSchema) {
				t.Errorf("Run gives %v, want ErrOlderSchema", err)
			}
			var all sync.WaitGroup
			for range 4 {
				other := newQueue(t, address, riverqueue.Config{Schema: schema})
				for range 2 {
					all.Go(func() {
						if err := other.Migrate(t.Context()); err != nil {
							t.Error(err)
						}
					})
				}
			}
			all.Wait()
			if err := errors.Join(q.Check(t.Context()), q.Migrate(t.Context())); err != nil {
				t.Error(err)
			}
			dispatch(t, q, "a")
			ran := make(chan string, 1)
			stop := start(t, q, func(_ context.Context, task jobs.Task) error {
				ran <- task.JobID
				return nil
			})
			receive(t, ran, "a")
			if err := stop(nil); err != nil {
				t.Error(err)
			}
			table := "river_migration"
			if schema != "" {
				table = `"` + schema + `".` + table
			}
			if _, err := open(t, address).ExecContext(t.Context(), "INSERT INTO "+table+" (line, version) VALUES ('main', 99)"); err != nil {
				t.Fatal(err)
			}
			if err := q.Check(t.Context()); !errors.Is(err, riverqueue.ErrNewerSchema) {
				t.Errorf("Check gives %v, want ErrNewerSchema", err)
			}
			if err := q.Migrate(t.Context()); !errors.Is(err, riverqueue.ErrNewerSchema) {
				t.Errorf("Migrate gives %v, want ErrNewerSchema", err)
			}
		})
	}
}

func TestMigrateNeedsTwo(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	db := open(t, address)
	db.SetMaxOpenConns(1)
	if err := newQueue(t, address, riverqueue.Config{DB: db}).Migrate(t.Context()); err == nil {
		t.Error("Migrate with one connection: no error")
	}
	db.SetMaxOpenConns(2)
	if err := newQueue(t, address, riverqueue.Config{DB: db}).Migrate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUnreachable(t *testing.T) {
	q, err := riverqueue.New(riverqueue.Config{DB: open(t, "postgres://user:secret@127.0.0.1:1/none?connect_timeout=5"), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Check": q.Check(t.Context()), "Migrate": q.Migrate(t.Context()),
		"Dispatch": q.Dispatch(t.Context(), task("a")), "Run": q.Run(t.Context(), nil),
	} {
		if err == nil || errors.Is(err, riverqueue.ErrNewerSchema) || errors.Is(err, riverqueue.ErrOlderSchema) {
			t.Errorf("%s gives %v", name, err)
		}
	}
}

func TestEnqueueTx(t *testing.T) {
	t.Parallel()
	q, address := migrated(t, riverqueue.Config{})
	db := open(t, address)
	ran := make(chan string, 10)
	stop := start(t, q, func(_ context.Context, task jobs.Task) error {
		ran <- task.JobID
		return nil
	})
	for _, id := range []string{"undone", "done"} {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(q.EnqueueTx(t.Context(), tx, task(id)), q.EnqueueTx(t.Context(), tx, task(id))); err != nil {
			t.Fatal(err)
		}
		end := (*sql.Tx).Commit
		if id == "undone" {
			end = (*sql.Tx).Rollback
		}
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
	}
	if id := receive(t, ran, "done"); id != "done" {
		t.Errorf("ran %s", id)
	}
	if err := stop(nil); err != nil {
		t.Error(err)
	}
	if n := number(t, db, countRows); n != 1 || len(ran) > 0 {
		t.Errorf("there are %d tasks, want 1", n)
	}
}
