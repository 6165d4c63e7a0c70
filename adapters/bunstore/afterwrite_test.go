package bunstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// outbox is an AfterWrite that notes in a table of its own what was written.
func outbox(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
	statement := fmt.Sprintf("INSERT INTO outbox VALUES ('%s', '%s', %d)", job.ID, job.Status, job.Attempt)
	_, err := tx.ExecContext(ctx, statement)
	return err
}

func withOutbox(t *testing.T, address string, afterWrite func(context.Context, *sql.Tx, *jobs.Job) error) *Store {
	t.Helper()
	s := migrated(t, address, Config{AfterWrite: afterWrite})
	if _, err := s.db.ExecContext(t.Context(), "CREATE TABLE outbox (job TEXT, status TEXT, attempt BIGINT)"); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAfterWrite(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := withOutbox(t, newAddress(t), outbox)
		create(t, s)
		if _, created, err := s.Create(t.Context(), "org", making("b")); err != nil || created {
			t.Fatalf("Create gives %t, %v, want the job in flight", created, err)
		}
		_, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error {
			j.Status, j.Attempt = jobs.Processing, 1
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int64{
			"SELECT count(*) FROM outbox": 2,
			"SELECT count(*) FROM outbox WHERE job = 'a' AND status = 'pending' AND attempt = 0":    1,
			"SELECT count(*) FROM outbox WHERE job = 'a' AND status = 'processing' AND attempt = 1": 1,
		} {
			if n := number(t, s, query); n != want {
				t.Errorf("%s gives %d, want %d", query, n, want)
			}
		}
	})
}

// TestAfterWriteIf: AfterWrite is called for jobs that it is for only.
func TestAfterWriteIf(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		var told []string
		s := migrated(t, newAddress(t), Config{
			AfterWriteIf: (*jobs.Job).Waits,
			AfterWrite: func(_ context.Context, tx *sql.Tx, job *jobs.Job) error {
				if tx == nil {
					t.Error("there is no transaction")
				}
				told = append(told, string(job.Status))
				return nil
			},
		})
		create(t, s)
		for _, status := range []jobs.Status{jobs.Processing, jobs.Pending, jobs.Processing, jobs.Completed} {
			_, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error {
				j.Status = status
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, created, err := s.Create(t.Context(), "org", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			j, err := making("b")(now, jobs.Usage{})
			j.PutOff = true
			return j, err
		}); err != nil || !created {
			t.Fatalf("Create gives %t, %v", created, err)
		}
		if want := []string{"pending", "pending"}; !slices.Equal(told, want) {
			t.Errorf("it was called for jobs that are %v, want %v", told, want)
		}
	})
}

func TestAfterWriteFails(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		errAfter := errors.New("no queue")
		var fails bool
		s := withOutbox(t, newAddress(t), func(ctx context.Context, tx *sql.Tx, job *jobs.Job) error {
			if err := outbox(ctx, tx, job); err != nil || !fails {
				return err
			}
			job.Attempt = 99 // it is a copy
			return errAfter
		})
		fails = true
		_, created, err := s.Create(t.Context(), "org", making("a"))
		if !errors.Is(err, errAfter) || created {
			t.Errorf("Create gives %t, %v, want the error of AfterWrite", created, err)
		}
		if _, err := s.Get(t.Context(), "org", "a"); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("Get gives %v, want ErrNotFound", err)
		}
		fails = false
		create(t, s)
		fails = true
		_, err = s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error { j.Attempt++; return nil })
		if !errors.Is(err, errAfter) {
			t.Errorf("Update gives %v, want the error of AfterWrite", err)
		}
		if j, err := s.Get(t.Context(), "org", "a"); err != nil || j.Attempt != 0 {
			t.Errorf("Get gives attempt %d, %v", j.Attempt, err)
		}
		if n := number(t, s, "SELECT count(*) FROM outbox"); n != 1 {
			t.Errorf("%d writes were noted, want 1", n)
		}
	})
}

// TestAfterWriteRaces has many writers. Each write is noted once, also where
// PostgreSQL undoes transactions that meet.
func TestAfterWriteRaces(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		wantEachWriteOnce(t, withOutbox(t, newAddress(t), outbox), 50)
	})
	t.Run("serializable", func(t *testing.T) {
		t.Parallel()
		wantEachWriteOnce(t, withOutbox(t, isolated(t, "serializable"), outbox), 15) // most attempts fail
	})
}

func wantEachWriteOnce(t *testing.T, s *Store, writers int) {
	t.Helper()
	create(t, s)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			_, err := s.Update(t.Context(), "a", func(_ time.Time, j *jobs.Job) error { j.Attempt++; return nil })
			if err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, _, err := s.Create(t.Context(), "org", making("b"))
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	j, err := s.Get(t.Context(), "org", "a")
	if err != nil || j.Attempt != writers {
		t.Errorf("after %d updates there are %d: %v", writers, j.Attempt, err)
	}
	if n := number(t, s, "SELECT count(*) FROM outbox"); n != int64(writers)+1 {
		t.Errorf("%d writes were noted, want %d", n, writers+1)
	}
	if n := number(t, s, "SELECT count(DISTINCT attempt) FROM outbox"); n != int64(writers)+1 {
		t.Errorf("%d different attempts were noted, want %d", n, writers+1)
	}
}

// TestDuplicateID does not wait for a job in flight that there is not.
func TestDuplicateID(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		create(t, s)
		_, created, err := s.Create(t.Context(), "org", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
			j := example("a", now)
			j.Format = "tar.gz"
			return j, nil
		})
		if err == nil || created || strings.Contains(err.Error(), "INSERT") {
			t.Errorf("Create gives %t, %v", created, err)
		}
	})
}
