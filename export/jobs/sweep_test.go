package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/faulttest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// commit stores an archive, or a part, as a worker does that knows nothing of
// what has become of its job.
func (n *node) commit(t *testing.T, what any) {
	t.Helper()
	write := func(w io.Writer) error {
		_, err := io.WriteString(w, "of a zombie")
		return err
	}
	var err error
	switch what := what.(type) {
	case string:
		err = n.dest.Put(t.Context(), what, write)
	case export.PartID:
		err = n.spool.Put(t.Context(), what, write)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// there are the names of all archives and parts, sorted.
func (n *node) there(t *testing.T) []string {
	t.Helper()
	names, err := n.dest.List(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.spool.(export.JobLister).Jobs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, job := range list {
		ids, err := n.spool.List(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			names = append(names, fmt.Sprint(id))
		}
	}
	slices.Sort(names)
	return names
}

// sweep sweeps, which does not fail.
func (n *node) sweep(t *testing.T) {
	t.Helper()
	if err := n.Sweep(t.Context()); err != nil {
		t.Fatalf("Sweep: %v", err)
	}
}

func part(job jobs.Job, attempt int) export.PartID {
	return export.PartID{JobID: job.ID, Section: "a", Attempt: attempt}
}

func objectKey(job jobs.Job, name string) string {
	return acme.ID + "/" + job.ID + "/" + name
}

// litter makes jobs in every state and, of each, what a zombie commits. It
// returns what there is when that is swept.
func litter(t *testing.T, n *node) (clean []string) {
	t.Helper()
	completed := func() jobs.Job {
		job := n.create(t, jobs.Request{})
		n.work(t)
		return n.get(t, job)
	}
	reap := func(after time.Duration) {
		time.Sleep(after)
		if err := n.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	purged := completed()
	reap(8 * 24 * time.Hour) // which is for parts, and
	reap(0)                  // for the archive
	onlyArchive := completed()
	cancelled := n.create(t, jobs.Request{})
	if _, err := n.Delete(t.Context(), acme.ID, cancelled.ID); err != nil {
		t.Fatal(err)
	}
	n.Take()
	reap(25 * time.Hour)
	whole := completed()
	handedBack := n.create(t, jobs.Request{})
	n.commit(t, part(handedBack, 1))
	n.commit(t, objectKey(handedBack, "1.zip"))
	for _, stranger := range []any{
		"top.zip", "a/b/c/1.zip", acme.ID + "/1.zip", acme.ID + "/" + strings.Repeat("2", 22) + "/1.zip",
		strings.Repeat("2", 22) + "/" + purged.ID + "/1.zip",
		objectKey(purged, "notes"), objectKey(purged, "x.zip"), objectKey(purged, "01.zip"), objectKey(purged, "1."), objectKey(purged, "1/2.zip"),
		export.PartID{JobID: strings.Repeat("2", 22), Section: "a", Attempt: 1},
	} {
		n.commit(t, stranger)
	}
	clean = n.there(t)
	for _, want := range []string{whole.ObjectKey, fmt.Sprint(part(whole, 1)), onlyArchive.ObjectKey} {
		if !slices.Contains(clean, want) {
			t.Fatalf("there is no %s", want)
		}
	}
	for _, job := range []jobs.Job{purged, onlyArchive, cancelled, whole} {
		n.commit(t, part(job, 7))
		n.commit(t, objectKey(job, "7.zip"))
		n.commit(t, objectKey(job, "8.tar.gz"))
	}
	n.commit(t, part(onlyArchive, 1)) // of which the row knows nothing any more
	n.commit(t, objectKey(purged, "1.zip"))
	return clean
}

// TestSweep sweeps once, again, and with many others at once.
func TestSweep(t *testing.T) {
	for _, atOnce := range []int{1, 20} {
		t.Run(fmt.Sprint(atOnce, " at once"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, nil, fine("a"))
				clean := litter(t, n)
				for range 2 {
					var sweeping sync.WaitGroup
					for range atOnce {
						peer := n.peer(t, fine("a"))
						sweeping.Go(func() {
							if err := errors.Join(peer.Sweep(t.Context()), peer.Reap(t.Context())); err != nil {
								t.Error(err)
							}
						})
					}
					sweeping.Wait()
					if got := n.there(t); !slices.Equal(got, clean) {
						t.Errorf("there is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(clean, "\n"))
					}
				}
				n.work(t) // the job that was in flight
			})
		})
	}
}

// TestSweepMayFail lets each call of a sweep fail in turn, before it has an effect
// and after: the next sweep finishes it.
func TestSweepMayFail(t *testing.T) {
	failure := errors.New("made to fail")
	for _, late := range []bool{false, true} {
		for nth := 1; ; nth++ {
			var fired []string
			ok := t.Run(fmt.Sprintf("late=%v,%d", late, nth), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n := newNode(t, nil, fine("a"))
					clean := litter(t, n)
					faults := faulttest.New()
					failing := newNode(t, func(c *jobs.Config) {
						c.Store, c.Destination = faults.Store(n.store), faults.Destination(n.dest)
						c.Engine = engine(t, func(c *export.Config) { c.Spool = faults.Spool(n.spool) }, fine("a"))
					}, fine("a"))
					if late {
						faults.Lose("*", nth, failure)
					} else {
						faults.Fail("*", nth, failure)
					}
					err := failing.Sweep(t.Context())
					if fired = faults.Fired(); errors.Is(err, failure) != (len(fired) > 0) {
						t.Errorf("after %v Sweep gives %v", fired, err)
					}
					n.sweep(t)
					if got := n.there(t); !slices.Equal(got, clean) {
						t.Errorf("after %v there is\n%s\nwant\n%s", fired, strings.Join(got, "\n"), strings.Join(clean, "\n"))
					}
				})
			})
			if !ok {
				return
			}
			if len(fired) == 0 {
				if nth < 30 {
					t.Errorf("there were %d calls only", nth)
				}
				break
			}
		}
	}
}

// TestSweepGoesOn has some archives that cannot be deleted, then too many.
func TestSweepGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &stuckDestination{Destination: new(jobstest.MemDestination), keys: make(map[string]bool)}
		n := newNode(t, func(c *jobs.Config) { c.Destination = stuck }, fine("a"))
		var list []jobs.Job
		for range 100 {
			job := n.create(t, jobs.Request{})
			n.work(t)
			if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
				t.Fatal(err)
			}
			n.commit(t, objectKey(job, "7.zip"))
			stuck.keys[objectKey(job, "7.zip")] = len(list) < 5
			list = append(list, job)
		}
		if err := n.Sweep(t.Context()); !errors.Is(err, errDisk) {
			t.Errorf("Sweep gives %v", err)
		}
		if got := n.there(t); len(got) != 5 {
			t.Errorf("there is %v, want what cannot be deleted", got)
		}
		for _, job := range list {
			n.commit(t, objectKey(job, "7.zip"))
			stuck.keys[objectKey(job, "7.zip")] = true
		}
		stuck.tries = 0
		if err := n.Sweep(t.Context()); !errors.Is(err, errDisk) || stuck.tries != 10 {
			t.Errorf("Sweep gives %v after %d failures", err, stuck.tries)
		}
	})
}

// stuckDestination does not delete some objects.
type stuckDestination struct {
	jobs.Destination
	keys  map[string]bool
	tries int
}

func (d *stuckDestination) Delete(ctx context.Context, key string) error {
	if d.keys[key] {
		d.tries++
		return errDisk
	}
	return d.Destination.Delete(ctx, key)
}

// watchedDestination is a Sweeper, and tells who sweeps.
type watchedDestination struct {
	jobs.Destination
	swept func()
}

func (d watchedDestination) Sweep(context.Context) error {
	d.swept()
	return nil
}

// TestSweepEvery looks when nodes sweep.
func TestSweepEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Hour)
		defer stop()
		var mu sync.Mutex
		var wg sync.WaitGroup
		sweeps := make(map[string][]time.Duration)
		tend := func(node string, every time.Duration) {
			n := newNode(t, func(c *jobs.Config) {
				c.Node, c.SweepEvery = node, every
				c.Destination = watchedDestination{c.Destination, func() {
					mu.Lock()
					defer mu.Unlock()
					sweeps[node] = append(sweeps[node], time.Since(began))
				}}
			}, fine("a"))
			wg.Go(func() { n.Maintain(ctx) })
		}
		for i := range 10 {
			tend(fmt.Sprint("node", i), 0)
		}
		tend("rare", 4*time.Hour)
		tend("never", -1)
		wg.Wait()
		firsts := make(map[time.Duration]bool)
		for node, at := range sweeps {
			every, want := time.Hour, 10
			if node == "rare" {
				every, want = 4*time.Hour, len(at)
			}
			firsts[at[0]] = true
			if len(at) != want || at[0] >= every {
				t.Errorf("%s sweeps at %v", node, at)
			}
			for i, at := range at {
				if at != sweeps[node][0]+time.Duration(i)*every {
					t.Errorf("%s sweeps at %v", node, sweeps[node])
					break
				}
			}
		}
		if len(sweeps["never"]) > 0 || len(sweeps["rare"]) < 2 || len(sweeps) != 11 || len(firsts) != 11 {
			t.Errorf("sweeps are at %v", sweeps)
		}
	})
}

// TestSweepIsLogged counts what is deleted, and what is nobody's.
func TestSweepIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := newNode(t, func(c *jobs.Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
		}, fine("a"))
		n.sweep(t)
		if log.Len() > 0 {
			t.Errorf("of nothing the log has\n%s", log.String())
		}
		litter(t, n)
		const strangers = `level=WARN msg="what belongs to no known job is left alone" archives=10 jobs_with_parts=1` + "\n"
		for _, want := range []string{
			`level=INFO msg="what was left over is deleted" archives=9 parts=5` + "\n" + strangers,
			strangers,
		} {
			log.Reset()
			n.sweep(t)
			if got := log.String(); got != want {
				t.Errorf("the log has\n%swant\n%s", got, want)
			}
		}
	})
}
