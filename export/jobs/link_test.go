package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// overwrite stores other bytes in the place of an archive, past the service. Nil removes
// it.
func (n *node) overwrite(t *testing.T, job jobs.Job, change func([]byte) []byte) {
	t.Helper()
	if change == nil {
		if err := n.dest.Delete(t.Context(), job.ObjectKey); err != nil {
			t.Fatal(err)
		}
		return
	}
	r, err := n.dest.Open(t.Context(), job.ObjectKey)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	b = change(bytes.Clone(b))
	if err := n.dest.Put(t.Context(), job.ObjectKey, func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
		t.Fatal(err)
	}
}

func flip(b []byte) []byte { b[len(b)/2] ^= 1; return b }

func truncate(b []byte) []byte { return b[:len(b)/2] }

// told notes the events that say that an archive is damaged, and the log.
type told struct {
	mu     sync.Mutex
	events []jobs.Event
	log    bytes.Buffer
}

func (o *told) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.log.Write(p)
}

// to lets a service tell.
func (o *told) to(c *jobs.Config) {
	c.Logger = slog.New(slog.NewTextHandler(o, nil))
	c.Observers = append(c.Observers, jobs.Observer{Job: func(_ context.Context, e jobs.Event) {
		o.mu.Lock()
		defer o.mu.Unlock()
		if e.Step == jobs.StepDamaged {
			o.events = append(o.events, e)
		}
	}})
}

// want wants that so many damages were told, each once.
func (o *told) want(t *testing.T, n int) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if lines := strings.Count(o.log.String(), `msg="archive damaged"`); len(o.events) != n || lines != n {
		t.Errorf("%d damages are told and %d logged, want %d\n%s", len(o.events), lines, n, &o.log)
	}
}

// completed makes a job and completes it.
func (n *node) completed(t *testing.T) jobs.Job {
	t.Helper()
	return n.settle(t, n.create(t, jobs.Request{}))
}

// TestNoLinkToAnArchiveThatIsGoneOrHasAnotherSize polls several times, on two nodes.
func TestNoLinkToAnArchiveThatIsGoneOrHasAnotherSize(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]byte) []byte
		kind   jobs.Damage
	}{
		"gone":    {nil, jobs.DamageMissing},
		"shorter": {truncate, jobs.DamageSize},
		"longer":  {func(b []byte) []byte { return append(b, 0) }, jobs.DamageSize},
		"empty":   {func([]byte) []byte { return nil }, jobs.DamageSize},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := new(told)
				n := newNode(t, o.to, fine("a"))
				job := n.completed(t)
				if link, err := n.Link(t.Context(), job); err != nil || link.URL == "" {
					t.Fatalf("at first the link is %v, %v", link, err)
				}
				n.overwrite(t, job, c.change)
				time.Sleep(time.Minute)
				found := time.Now()
				for i := range 4 {
					polled := job // as who has read the job before it was marked
					if i > 1 {
						polled = n.get(t, job)
					}
					link, err := n.Link(t.Context(), polled)
					if link != (jobs.Link{}) || !errors.Is(err, jobs.ErrDamaged) || !strings.Contains(export.PublicText(err), "request the export again") {
						t.Errorf("the link is %v, %v", link, err)
					}
					time.Sleep(time.Minute)
				}
				o.want(t, 1)
				if damage, ok := errors.AsType[*jobs.DamageError](o.events[0].Err); !ok || damage.Kind != c.kind {
					t.Errorf("told is %v, want %s", o.events[0].Err, c.kind)
				}
				got := n.get(t, job)
				if !got.DamagedAt.Equal(found) {
					t.Errorf("it was damaged at %v, want %v", got.DamagedAt, found)
				}
				got.DamagedAt = job.DamagedAt
				wantSameJob(t, got, job)
				if stats, err := jobs.StatsOf(t.Context(), n.store); err != nil || stats.Damaged != 1 {
					t.Errorf("%d archives are damaged, %v", stats.Damaged, err)
				}
			})
		})
	}
}

// wantSameJob wants that nothing else has changed.
func wantSameJob(t *testing.T, got, want jobs.Job) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the job is %+v, want %+v", got, want)
	}
}

// TestAnArchiveThatIsPurgedIsNotDamaged polls with a job that was read before its archive
// was purged.
func TestAnArchiveThatIsPurgedIsNotDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(told)
		n := newNode(t, o.to, fine("a"))
		job := n.completed(t)
		if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		if link, err := n.Link(t.Context(), job); err != nil || link != (jobs.Link{}) {
			t.Errorf("the link is %v, %v", link, err)
		}
		o.want(t, 0)
		if got := n.get(t, job); !got.DamagedAt.IsZero() {
			t.Errorf("a purged archive is damaged: %+v", got)
		}
	})
}

// unsure is a destination that does not tell sizes, because of err.
type unsure struct {
	jobs.Destination
	err error
}

func (d unsure) Size(ctx context.Context, _ string) (int64, error) {
	if d.err == nil { // it hangs
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return 0, d.err
}

// TestAnArchiveThatNobodyKnowsOfGetsLinks has destinations that cannot tell the size,
// do not answer or take for ever.
func TestAnArchiveThatNobodyKnowsOfGetsLinks(t *testing.T) {
	for name, wrap := range map[string]func(jobs.Destination) jobs.Destination{
		"cannot tell": func(d jobs.Destination) jobs.Destination { return struct{ jobs.Destination }{d} },
		"an outage":   func(d jobs.Destination) jobs.Destination { return unsure{d, errDisk} },
		"it hangs":    func(d jobs.Destination) jobs.Destination { return unsure{d, nil} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := new(told)
				n := newNode(t, func(c *jobs.Config) {
					o.to(c)
					c.Destination = wrap(c.Destination)
				}, fine("a"))
				job := n.completed(t)
				if link, err := n.Link(t.Context(), job); err != nil || link.URL == "" {
					t.Errorf("the link is %v, %v", link, err)
				}
				o.want(t, 0)
				if got := n.get(t, job); !got.DamagedAt.IsZero() {
					t.Errorf("the job is %+v", got)
				}
			})
		})
	}
}

// TestDamageIsNotedLater has a store that does not take it the first time.
func TestDamageIsNotedLater(t *testing.T) {
	for _, late := range []bool{false, true} { // also if only the answer is lost
		synctest.Test(t, func(t *testing.T) {
			o, store := new(told), &brokenStore{late: late}
			n := newNode(t, func(c *jobs.Config) {
				o.to(c)
				store.Store, c.Store = c.Store, store
			}, fine("a"))
			job := n.completed(t)
			n.overwrite(t, job, nil)
			store.fails = true
			if link, err := n.Link(t.Context(), job); link != (jobs.Link{}) || !errors.Is(err, jobs.ErrDamaged) {
				t.Errorf("the link is %v, %v", link, err)
			}
			store.fails = false
			if link, err := n.Link(t.Context(), n.get(t, job)); link != (jobs.Link{}) || !errors.Is(err, jobs.ErrDamaged) {
				t.Errorf("then the link is %v, %v", link, err)
			}
			if n.get(t, job).DamagedAt.IsZero() {
				t.Error("the damage is not noted")
			}
		})
	}
}

// brokenStore fails to update.
type brokenStore struct {
	jobs.Store
	fails, late bool
}

func (s *brokenStore) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	if s.fails && !s.late {
		return jobs.Job{}, errDisk
	}
	job, err := s.Store.Update(ctx, id, change)
	if s.fails {
		return jobs.Job{}, errDisk
	}
	return job, err
}

// TestADamagedArchiveCanBeMadeAgain requests it again, and retries it with the parts
// that are kept.
func TestADamagedArchiveCanBeMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		job := n.completed(t)
		n.overwrite(t, job, truncate)
		if _, err := n.Link(t.Context(), job); !errors.Is(err, jobs.ErrDamaged) {
			t.Fatal(err)
		}
		for _, r := range []jobs.Request{{}, {RetryOf: job.ID}} {
			again := n.settle(t, n.create(t, r))
			n.archive(t, again)
			if link, err := n.Link(t.Context(), again); err != nil || link.URL == "" {
				t.Errorf("the link is %v, %v", link, err)
			}
		}
		if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		if link, err := n.Link(t.Context(), n.get(t, job)); err != nil || link != (jobs.Link{}) {
			t.Errorf("once it is purged the link is %v, %v", link, err)
		}
		if stats, err := jobs.StatsOf(t.Context(), n.store); err != nil || stats.Damaged != 0 {
			t.Errorf("once it is purged %d archives are damaged, %v", stats.Damaged, err)
		}
	})
}
