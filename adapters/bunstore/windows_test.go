package bunstore

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// insertWindows stores windows that have ended so long ago by the database's
// clock.
func insertWindows(t *testing.T, s *Store, n int, ago time.Duration) {
	t.Helper()
	_, err := s.db.ExecContext(t.Context(), `INSERT INTO ? (key, length, ends_at, count)
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		SELECT ?, i * 1000, (SELECT ?) - ?, 1 FROM n`,
		s.table("windows"), n, []byte("old"), s.clock(), ago.Milliseconds())
	if err != nil {
		t.Fatal(err)
	}
}

// waitForCounting returns once no goroutine counts or removes windows.
func waitForCounting(s *Store) {
	for running := true; running; time.Sleep(time.Millisecond) {
		s.counting.mu.Lock()
		running = s.counting.running
		s.counting.mu.Unlock()
	}
	s.removing.Lock()
	s.removing.Unlock() //nolint:staticcheck // that is all
}

func TestWindowsAreRemoved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		insertWindows(t, s, 3000, 2*windowsKept)
		const counted = 3 * windowsEvery
		for n := range counted {
			if _, err := s.Count(t.Context(), fmt.Sprint("key", n), 24*time.Hour, 7*24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		waitForCounting(s) // removes windows after its calls have returned
		if n := number(t, s, "SELECT count(*) FROM orgexport_windows WHERE length < 80000000"); n != 0 {
			t.Errorf("%d windows that are over are left", n)
		}
		if n := number(t, s, "SELECT count(*) FROM orgexport_windows"); n != 2*counted {
			t.Errorf("there are %d windows, want all that are not over, %d", n, 2*counted)
		}
	})
}

// TestWindowsAreKept for those who come late.
func TestWindowsAreKept(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		insertWindows(t, s, 10, windowsKept/2)
		s.sweepWindows(t.Context())
		if n := number(t, s, "SELECT count(*) FROM orgexport_windows"); n != 10 {
			t.Errorf("there are %d windows, want 10", n)
		}
	})
}

// TestCountAfterTheClockWasPutBack has windows that were begun hours ahead: nobody has to
// wait for them to end.
func TestCountAfterTheClockWasPutBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		count := func() int64 {
			t.Helper()
			windows, err := s.Count(t.Context(), "key", 30*24*time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return windows[0].Count
		}
		back := func(lengths int) {
			t.Helper()
			if _, err := s.db.ExecContext(t.Context(), "UPDATE ? SET ends_at = ends_at + ? * length", s.table("windows"), lengths); err != nil {
				t.Fatal(err)
			}
		}
		if first, second := count(), count(); first != 1 || second != 2 {
			t.Fatalf("the first requests are the numbers %d and %d", first, second)
		}
		back(1) // another request may have begun the next window a moment ago
		if n := count(); n != 3 {
			t.Errorf("a request in the next window is number %d of it", n)
		}
		back(2)
		if first, second := count(), count(); first != 1 || second != 2 {
			t.Errorf("after the clock was put back requests are the numbers %d and %d", first, second)
		}
	})
}

// TestCountWhileSweeping counts keys whose windows others remove all the time.
func TestCountWhileSweeping(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		var counting, sweeping sync.WaitGroup
		stop := make(chan struct{})
		sweeping.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				// All have been over for long, as it were.
				_, _ = s.sweep(t.Context(), "windows", "key, length", "ends_at", -1000*24*time.Hour, 10) // the next one tries again
			}
		})
		for range 8 {
			counting.Go(func() {
				for range 50 {
					if _, err := s.Count(t.Context(), "key", time.Minute, time.Hour, 24*time.Hour); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		counting.Wait()
		close(stop)
		sweeping.Wait()
	})
}

// TestCountLate has a request that comes from the window before the current one,
// as one does that has waited for its turn.
func TestCountLate(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		if _, err := s.Count(t.Context(), "key", 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := s.db.ExecContext(t.Context(), "UPDATE orgexport_windows SET ends_at = ends_at + length, count = 5"); err != nil {
			t.Fatal(err)
		}
		windows, err := s.Count(t.Context(), "key", 24*time.Hour)
		if want := (access.Window{Length: 24 * time.Hour, Count: 6, Reset: 24 * time.Hour}); err != nil || windows[0] != want {
			t.Errorf("Count gives %+v, %v, want %+v", windows, err, want)
		}
	})
}

// TestCountIsolation counts where PostgreSQL undoes transactions that meet.
func TestCountIsolation(t *testing.T) {
	wantExactCounts(t, migrated(t, isolated(t, "serializable"), Config{}))
}

func TestCountAcrossProcesses(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		address := newAddress(t)
		wantExactCounts(t, migrated(t, address, Config{}), open(t, address, Config{}))
	})
}

// wantExactCounts counts 256 requests of 64 clients, who share some stores.
func wantExactCounts(t *testing.T, stores ...*Store) {
	t.Helper()
	const clients, each = 64, 4
	var mu sync.Mutex
	var seen [2]map[int64]bool
	for i := range seen {
		seen[i] = make(map[int64]bool)
	}
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			for range each {
				// Neither ends before 2038.
				windows, err := stores[n%len(stores)].Count(t.Context(), "key", 1<<31*time.Second, 1<<32*time.Second)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for i, w := range windows {
					seen[i][w.Count] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := range seen {
		for n := range int64(clients * each) {
			if !seen[i][n+1] {
				t.Errorf("nobody is number %d of %d", n+1, clients*each)
			}
		}
	}
}
