package jobs_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
)

// kept are the sections of which the spool has parts of a job.
func (n *node) kept(t *testing.T, job jobs.Job) string {
	t.Helper()
	ids, err := n.spool.List(t.Context(), job.ID)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, id := range ids {
		keys = append(keys, id.Section)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// TestRetryKeepsParts has a retry that waits and runs for longer than the parts of the first
// job are kept, and whose worker is lost. Meanwhile everybody tends and sweeps. The parts stay
// until the retry has ended, and no longer.
func TestRetryKeepsParts(t *testing.T) {
	for _, c := range []struct {
		name    string
		deleted bool // the first job is deleted by its owner meanwhile
	}{{"to the end", false}, {"although the first job is deleted", true}} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, s, first := failedOnce(t, nil)
				const all = "bad good half none"
				tend := func(d time.Duration, want string) {
					t.Helper()
					for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Hour) {
						if err := n.Reap(t.Context()); err != nil {
							t.Fatal(err)
						}
						n.sweep(t)
					}
					if got := n.kept(t, first); got != want {
						t.Errorf("after %v the parts of the first job are %q, want %q", time.Since(first.FinishedAt), got, want)
					}
				}
				second := n.create(t, jobs.Request{RetryOf: first.ID})
				tend(48*time.Hour, all) // while it waits
				if c.deleted {
					if done, err := n.Delete(t.Context(), acme.ID, first.ID); done != jobs.Purged || err != nil {
						t.Errorf("Delete gives %q, %v", done, err)
					}
					if _, archives := n.left(t, first); archives != 0 {
						t.Error("the deleted archive is there")
					}
					tend(time.Hour, all)
				}
				s.took = 48 * time.Hour
				s.version = "three"
				dead, kill := context.WithCancel(t.Context())
				worker := newNode(t, func(c *jobs.Config) { // it is cut off, and somebody else takes over
					c.Store, c.Destination = &countingStore{Store: n.store}, n.dest
					c.Engine = engine(t, func(c *export.Config) { c.Spool, c.SectionTimeout = n.spool, -1 }, s.sections()...)
				}, s.sections()...)
				cut := worker.config.Store.(*countingStore)
				done := make(chan error, 1)
				go func() { done <- worker.Work(dead, jobs.Task{Kind: jobs.TaskExport, JobID: second.ID}) }()
				tend(12*time.Hour, all) // while it runs
				cut.broken.Store(true)
				time.Sleep(time.Minute)
				kill()
				if err := <-done; err != nil {
					t.Errorf("the worker that was cut off: %v", err)
				}
				s.took = 0
				second = n.settle(t, second)
				versions, _ := n.contents(t, second)
				if want := map[string]string{"good": "one", "half": "three", "bad": "three"}; !maps.Equal(versions, want) || second.Attempt < 2 {
					t.Errorf("after %d attempts the archive has %v, want %v", second.Attempt, versions, want)
				}
				time.Sleep(time.Minute)
				tend(time.Hour, "")
				if c.deleted {
					if got := n.get(t, first); got.Parts != nil || !got.PurgeAt.IsZero() {
						t.Errorf("in the end the first job is %+v", got)
					}
				}
				if got := n.kept(t, second); got != "bad half" {
					t.Errorf("the retry keeps %q", got)
				}
				tend(24*time.Hour, "")
				if got := n.kept(t, second); got != "" {
					t.Errorf("for too long the retry keeps %q", got)
				}
			})
		})
	}
}

// TestRetryIsCreatedWhilePartsAreDue: what Create takes over stays until its job is stored.
func TestRetryIsCreatedWhilePartsAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, first := failedOnce(t, nil)
		time.Sleep(23 * time.Hour) // to the millisecond
		store := &betweenStore{Store: n.store}
		asked := newNode(t, func(c *jobs.Config) {
			c.Store, c.Destination = store, n.dest
			c.Engine = n.config.Engine
		}, fine("a"))
		store.between = func() {
			if err := n.Reap(t.Context()); err != nil {
				t.Error(err)
			}
		}
		second := asked.create(t, jobs.Request{RetryOf: first.ID})
		store.between()
		time.Sleep(time.Minute)
		store.between()
		if got := n.kept(t, first); got != "bad good half none" || len(second.Parts) != 2 {
			t.Errorf("of %d parts that the retry hopes for there are %q", len(second.Parts), got)
		}
	})
}

// betweenStore has something happen before a job is stored.
type betweenStore struct {
	jobs.Store
	between func()
}

func (s *betweenStore) Create(ctx context.Context, organizationID string, create func(time.Time, jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	s.between()
	return s.Store.Create(ctx, organizationID, create)
}

// TestPurgeWaitsForTheStore: if nobody knows whether parts are in use, they stay.
func TestPurgeWaitsForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, _, first := failedOnce(t, nil)
		time.Sleep(25 * time.Hour)
		failure, faults := errors.New("made to fail"), faulttest.New()
		failing := newNode(t, func(c *jobs.Config) {
			c.Store, c.Destination, c.Engine = faults.Store(n.store), n.dest, n.config.Engine
		}, fine("a"))
		faults.Fail("Store.PartsInUse", 1, failure)
		if err := failing.Reap(t.Context()); !errors.Is(err, failure) || n.kept(t, first) == "" {
			t.Errorf("Reap gives %v and leaves %q", err, n.kept(t, first))
		}
		faults.Fail("Store.PartsInUse", 1, failure)
		if _, err := failing.Delete(t.Context(), acme.ID, first.ID); !errors.Is(err, failure) || n.get(t, first).ObjectKey == "" {
			t.Errorf("Delete gives %v", err)
		}
		if err := failing.Reap(t.Context()); err != nil || n.kept(t, first) != "" {
			t.Errorf("Reap gives %v and leaves %q", err, n.kept(t, first))
		}
	})
}
