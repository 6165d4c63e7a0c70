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

	"github.com/orgexport/orgexport/export"
)

// TestLookUpsWaitInLine lets many look-ups wait for the one connection, and a
// worker with something to write come last.
func TestLookUpsWaitInLine(t *testing.T) {
	const lookUps = 100
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
				_, err := s.Get(t.Context(), job.Organization.ID, job.ID)
				return err
			})
		}
		const write = "write"
		start(write, func() error {
			_, err := s.Update(t.Context(), job.ID, func(now time.Time, j *export.Job) error {
				j.LeaseUntil = now.Add(time.Minute)
				return nil
			})
			return err
		})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Get(ctx, job.Organization.ID, job.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("a look-up whose context has ended gives %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
		all.Wait()
		// It competes with one of the look-ups at a time, twice.
		if i := slices.Index(order, write); i > lookUps/2 {
			t.Errorf("the write was number %d of %d", i+1, len(order))
		}
		order = slices.DeleteFunc(order, func(name string) bool { return name == write })
		for i, name := range want {
			// Who has left the line may be overtaken on the way here.
			if at := slices.Index(order, name); at < i-10 || at > i+10 {
				t.Errorf("%s was number %d", name, at)
			}
		}
	})
}
