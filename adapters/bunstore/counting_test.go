package bunstore

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// TestCountForThoseWhoWait: while the database does not answer, nobody waits longer for
// requests that have ended.
func TestCountForThoseWhoWait(t *testing.T) {
	t.Parallel()
	address := "sqlite:" + filepath.Join(t.TempDir(), "jobs.db")
	s, other := migrated(t, address, Config{}), open(t, address, Config{})
	tx, err := other.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM orgexport_windows"); err != nil { // which locks all
		t.Fatal(err)
	}
	first := make(chan error)
	go func() {
		_, err := s.Count(t.Context(), "first", time.Minute)
		first <- err
	}()
	for {
		s.counting.mu.Lock()
		counts := s.counting.running && len(s.counting.waiting) == 0
		s.counting.mu.Unlock()
		if counts {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for range 3 * gatherMost {
		ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := s.Count(ended, "ended", time.Minute); err == nil {
			t.Error("the database is not locked")
		}
		cancel()
	}
	began := time.Now()
	if _, err := s.Count(t.Context(), "last", time.Minute); !errors.Is(err, errSlow) {
		t.Errorf("Count gives %v", err)
	}
	if took := time.Since(began); took > lookUpLimit+lookUpLimit/2 {
		t.Errorf("it took %v", took)
	}
	if err := <-first; !errors.Is(err, errSlow) {
		t.Errorf("Count gives %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	waitForCounting(s)
	if windows, err := s.Count(t.Context(), "ended", time.Minute); err != nil || windows[0].Count != 1 {
		t.Errorf("Count gives %+v, %v, want the first of this key", windows, err)
	}
}

// TestCountWhileWindowsAreRemoved: requests are counted while the database removes windows for
// longer than anybody waits.
func TestCountWhileWindowsAreRemoved(t *testing.T) {
	t.Parallel()
	s := migrated(t, pgtest.Database(t), Config{})
	insertWindows(t, s, 1, 2*windowsKept)
	for _, statement := range []string{
		"CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN OLD; END'",
		"CREATE TRIGGER wait BEFORE DELETE ON orgexport_windows FOR EACH ROW EXECUTE FUNCTION wait()",
	} {
		if _, err := s.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 * windowsEvery {
		if _, err := s.Count(t.Context(), "key", time.Minute); err != nil {
			t.Fatalf("call %d: %v", n, err)
		}
	}
}
