package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

func TestCancel(t *testing.T) {
	for _, c := range []struct {
		name  string
		local bool          // the request comes to the node that works
		stops time.Duration // until the work ends at the latest
	}{
		{"here", true, 0},
		{"elsewhere", false, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, nil, fine("a"), slow("b", time.Hour))
				asked := n
				if !c.local {
					asked = n.peer(t, fine("a"), fine("b"))
				}
				job := n.create(t, jobs.Request{})
				done := make(chan error, 1)
				task := n.task(t)
				go func() { done <- n.Work(t.Context(), task) }()
				time.Sleep(time.Minute)
				began := time.Now()
				if what, err := asked.Delete(t.Context(), acme.ID, job.ID); err != nil || what != jobs.Cancelled {
					t.Fatalf("Delete: %q, %v", what, err)
				}
				if err := <-done; err != nil {
					t.Errorf("the cancelled work: %v", err)
				}
				if took := time.Since(began); took > c.stops {
					t.Errorf("the work went on for %v", took)
				}
				got := n.get(t, job)
				if got.Status != jobs.Failed || got.Error != "The export was cancelled." || got.Progress != nil {
					t.Errorf("%+v", got)
				}
				if what, err := asked.Delete(t.Context(), acme.ID, job.ID); err != nil || what != jobs.NothingDeleted {
					t.Errorf("again: %q, %v", what, err)
				}
				time.Sleep(time.Minute)
				if err := asked.Reap(t.Context()); err != nil {
					t.Fatal(err)
				}
				if parts, archives := n.left(t, job); parts+archives > 0 {
					t.Errorf("%d parts and %d archives are left over", parts, archives)
				}
				if _, err := asked.Delete(t.Context(), strings.Repeat("2", 22), job.ID); !errors.Is(err, export.ErrNotFound) {
					t.Errorf("another organization's Delete: %v", err)
				}
			})
		})
	}
}

func TestPurgeByRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		job := n.create(t, jobs.Request{})
		n.work(t)
		if what, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil || what != jobs.Purged {
			t.Fatalf("Delete: %q, %v", what, err)
		}
		if parts, archives := n.left(t, job); parts+archives > 0 {
			t.Errorf("%d parts and %d archives are left over", parts, archives)
		}
		got := n.get(t, job)
		link, err := n.Link(t.Context(), got)
		if got.Status != jobs.Completed || got.ObjectKey != "" || !got.PurgeAt.IsZero() || len(got.Results) != 1 || link.URL != "" || err != nil {
			t.Errorf("%+v, link %v, %v", got, link, err)
		}
		if what, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil || what != jobs.NothingDeleted {
			t.Errorf("again: %q, %v", what, err)
		}
	})
}

func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		ctx, stop := context.WithCancel(t.Context())
		var tending atomic.Bool
		tending.Store(true)
		go func() {
			n.Maintain(ctx)
			tending.Store(false)
		}()
		job := n.create(t, jobs.Request{})
		n.work(t)
		for _, c := range []struct {
			after           time.Duration
			parts, archives int
		}{
			{23 * time.Hour, 1, 1},
			{25 * time.Hour, 0, 1},
			{7*24*time.Hour - time.Hour, 0, 1},
			{7*24*time.Hour + time.Minute, 0, 0},
		} {
			time.Sleep(time.Until(job.CreatedAt.Add(c.after)))
			synctest.Wait()
			if parts, archives := n.left(t, job); parts != c.parts || archives != c.archives {
				t.Errorf("after %v there are %d parts and %d archives, want %d, %d", c.after, parts, archives, c.parts, c.archives)
			}
		}
		if got := n.get(t, job); got.Status != jobs.Completed || got.ObjectKey != "" || !got.PurgeAt.IsZero() {
			t.Errorf("%+v", got)
		}
		stop()
		synctest.Wait()
		if tending.Load() {
			t.Error("Maintain goes on after its context has ended")
		}
	})
}

// TestMaintainKeepsUp has more stale jobs than one look takes.
func TestMaintainKeepsUp(t *testing.T) {
	const many = 350
	for _, c := range []struct {
		name       string
		broken     bool
		dispatched int
	}{
		{"all at once", false, many},
		{"no store to write to", true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(countingStore)
				n := newNode(t, func(s *jobs.Config) {
					store.Store = s.Store
					s.Store = store
				}, fine("a"))
				for i := range many {
					n.create(t, jobs.Request{OrganizationID: export.EncodeID([16]byte{byte(i >> 8), byte(i)})})
				}
				n.Take() // and lose
				time.Sleep(time.Minute)
				store.broken.Store(c.broken)
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go n.Maintain(ctx)
				synctest.Wait()
				if got := len(n.Take()); got != c.dispatched {
					t.Errorf("%d jobs were dispatched at the first look, want %d", got, c.dispatched)
				}
				looks := store.looks.Load()
				time.Sleep(time.Minute + time.Second)
				if got := store.looks.Load() - looks; c.broken && got != 30 {
					t.Errorf("%d looks in a minute at what cannot be written", got)
				}
			})
		})
	}
}

// countingStore counts updates and looks for stale jobs.
type countingStore struct {
	jobs.Store
	updates, looks atomic.Int64
	broken         atomic.Bool // nothing can be written
}

func (s *countingStore) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	s.looks.Add(1)
	return s.Store.Stale(ctx, limit)
}

func (s *countingStore) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	s.updates.Add(1)
	if s.broken.Load() {
		return jobs.Job{}, errors.New("disk full")
	}
	return s.Store.Update(ctx, id, change)
}

func (s *countingStore) PartsInUse(ctx context.Context, id string) (bool, error) {
	if s.broken.Load() {
		return false, errors.New("disk full")
	}
	return s.Store.(jobs.PartsUsage).PartsInUse(ctx, id)
}

func TestProgressIsStoredOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := writes("a", func(sink export.Sink) error {
			return sink.Records("a.ndjson", count(60*1000, func() error { return nil }))
		})
		paced := writes("b", func(sink export.Sink) error {
			for i := range 600 { // a minute
				time.Sleep(100 * time.Millisecond)
				export.Progress(sink, int64(i+1), 600)
			}
			return nil
		})
		store := new(countingStore)
		n := newNode(t, func(c *jobs.Config) {
			store.Store = c.Store
			c.Store = store
		}, busy, paced)
		job := n.create(t, jobs.Request{})
		task := n.task(t)
		go func() { _ = n.Work(t.Context(), task) }() // how it ends stands in the row
		time.Sleep(30*time.Second + 500*time.Millisecond)
		got := n.get(t, job)
		slices.SortFunc(got.Progress, func(a, b jobs.SectionProgress) int { return strings.Compare(a.Key, b.Key) })
		if len(got.Progress) != 2 || got.Progress[0].Records != 60_000 || got.Progress[1].Total != 600 || got.Progress[1].Done < 280 {
			t.Errorf("progress %+v", got.Progress)
		}
		time.Sleep(time.Minute)
		if got := n.get(t, job); got.Status != jobs.Completed || got.Progress != nil {
			t.Errorf("%+v", got)
		}
		if n := store.updates.Load(); n < 55 || n > 70 {
			t.Errorf("%d updates in a minute", n)
		}
	})
}
