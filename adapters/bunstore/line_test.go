package bunstore

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// TestLookUpsWaitInLine lets many look-ups wait for the one connection, and a
// worker with something to write come last.
func TestLookUpsWaitInLine(t *testing.T) {
	const lookUps = 1000
	synctest.Test(t, func(t *testing.T) {
		s := migrated(t, "sqlite:"+filepath.Join(t.TempDir(), "jobs.db"), Config{})
		job := create(t, s)
		conn, err := s.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var order []string
		start := func(name string, do func() error) {
			all.Go(func() {
				if err := do(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
			})
			synctest.Wait() // until it waits
		}
		var want []string
		for i := range lookUps {
			want = append(want, fmt.Sprint("look-up ", i))
			start(want[i], func() error {
				_, _, err := s.List(t.Context(), job.Organization.ID, jobs.Page{Number: 1, Size: 1})
				return err
			})
		}
		const write = "write"
		start(write, func() error {
			_, err := s.Update(t.Context(), job.ID, func(now time.Time, j *jobs.Job) error {
				j.LeaseUntil = now.Add(time.Minute)
				return nil
			})
			return err
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := s.List(ctx, job.Organization.ID, jobs.Page{Number: 1, Size: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("a look-up whose context has ended gives %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		// It competes with a few of the look-ups at a time, twice.
		if at := slices.Index(order, write); at > lookUps*2/5 {
			t.Errorf("the write was number %d of %d", at+1, len(order))
		}
		order = slices.DeleteFunc(order, func(name string) bool { return name == write })
		moved := 0
		for i, name := range want {
			at := slices.Index(order, name)
			moved += max(at-i, i-at)
		}
		// Without a line it would be a third of all.
		if average := moved / lookUps; average > lookUps/10 {
			t.Errorf("on average a look-up is %d places from where it stood", average)
		}
	})
}
