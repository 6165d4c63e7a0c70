package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// TestWriteThatIsCutShort ends the work while the store is being written to,
// which is nothing to warn of.
func TestWriteThatIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		store := new(deafStore)
		n := newNode(t, func(c *jobs.Config) {
			store.Store = c.Store
			c.Store = store
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		}, slow("a", time.Second/2))
		job := n.create(t, jobs.Request{})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		done := make(chan error, 1)
		task := n.task(t)
		go func() { done <- n.Work(ctx, task) }()
		synctest.Wait() // for the section
		store.deaf.Store(true)
		time.Sleep(time.Second * 3 / 4) // now its part is sealed
		store.deaf.Store(false)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := n.get(t, job); got.Status != jobs.Pending || len(got.Parts) > 0 || got.Failures > 0 {
			t.Errorf("handed back: %+v", got)
		}
		if log.Len() > 0 {
			t.Errorf("logged:\n%s", log.String())
		}
	})
}
