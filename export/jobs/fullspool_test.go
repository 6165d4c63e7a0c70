package jobs_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/jobs"
)

// sizedSpool is a spool with so much free space.
type sizedSpool struct {
	export.Spool
	free *atomic.Int64
}

func (s sizedSpool) FreeSpace() (int64, error) { return s.free.Load(), nil }

// TestNoSpaceIsNoFailure has a spool without free space for a day: the job waits, and is
// exported once there is some.
func TestNoSpaceIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := new(atomic.Int64)
		spool := sizedSpool{new(exporttest.MemSpool), free}
		n := newNode(t, func(c *jobs.Config) {
			c.Engine = engine(t, func(c *export.Config) { c.Spool = spool }, fine("a"))
		}, fine("a"))
		n.spool = spool
		job := n.create(t, jobs.Request{})
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); time.Sleep(10 * time.Second) {
			n.work(t)
			if err := n.Reap(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if job = n.get(t, job); job.Status != jobs.Pending || job.Failures > 0 || job.Attempt < 1000 {
			t.Fatalf("after a day it is %s, with %d failures of %d attempts", job.Status, job.Failures, job.Attempt)
		}
		free.Store(1 << 40)
		n.archive(t, n.settle(t, job))
	})
}
