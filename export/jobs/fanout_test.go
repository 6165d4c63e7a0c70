package jobs_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// fleet is a world whose processes have one worker each and export one section at a time, so that
// it is plain how many workers a job has.
type fleet struct {
	*world
	processes sync.WaitGroup

	mu   sync.Mutex
	runs map[string][]int // by section: the processes that have run it
}

func newFleet() *fleet {
	f := &fleet{world: newWorld(1), runs: make(map[string][]int)}
	f.config.FanOut = true
	f.engine = func(c *export.Config) { c.Concurrency = 1 }
	return f
}

// ran notes that a process runs a section.
func (f *fleet) ran(process int, section string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs[section] = append(f.runs[section], process)
}

// busy returns how many sections each process has run, and which sections were run more than once.
func (f *fleet) busy() (by map[int]int, again []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	by = make(map[int]int)
	for key, runs := range f.runs {
		for _, process := range runs {
			by[process]++
		}
		if len(runs) > 1 {
			again = append(again, fmt.Sprint(key, " by ", runs))
		}
	}
	return by, again
}

// sections returns n sections that take as long as that. does, if it is not nil, is what they do
// then, and may let the process die.
func (f *fleet) sections(process, n int, takes time.Duration, does func(key string, die func())) func(die func()) []export.Section {
	return func(die func()) []export.Section {
		var all []export.Section
		for i := range n {
			key := fmt.Sprintf("s%02d", i)
			all = append(all, section(key, func(ctx context.Context, _ export.Scope, sink export.Sink) error {
				f.ran(process, key)
				select {
				case <-time.After(takes):
				case <-ctx.Done():
					return context.Cause(ctx)
				}
				if does != nil {
					does(key, die)
				}
				return sink.Record("it.yaml", row("key", key))
			}))
		}
		return all
	}
}

// start starts a process, which ends with the context.
func (f *fleet) start(ctx context.Context, t *testing.T, sections func(die func()) []export.Section) {
	f.processes.Go(func() { f.process(ctx, t, sections) })
}

// sameAsOfOne fails if the archive is not what one engine makes of the job by itself.
func (f *fleet) sameAsOfOne(t *testing.T, job jobs.Job, sections ...export.Section) {
	t.Helper()
	if job.Status != jobs.Completed {
		t.Fatalf("the job is %s: %s", job.Status, job.Error)
	}
	r, err := f.config.Destination.Open(t.Context(), job.ObjectKey)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	alone := request()
	alone.JobID, alone.AsOf, alone.Organization = job.ID, job.AsOf, job.Organization
	alone.RetryOf, alone.RequestedAt = job.RetryOf, job.CreatedAt
	var want bytes.Buffer
	e := engine(t, func(c *export.Config) { f.engine(c) }, sections...)
	if _, err := e.Export(t.Context(), alone, &want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("the archive has other bytes (%d) than one that one process has made (%d)", len(got), want.Len())
	}
}

// TestFanOut has one job on one, two and three processes: each takes its share of the time.
func TestFanOut(t *testing.T) {
	const n = 12
	for k := 1; k <= 3; k++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet()
			ctx, stop := context.WithCancel(t.Context())
			for process := range k {
				f.start(ctx, t, f.sections(process, n, time.Minute, nil))
			}
			began := time.Now()
			job := f.await(t, f.request(t, acme.ID, nil))
			took := time.Since(began)
			stop()
			f.processes.Wait()
			by, again := f.busy()
			if len(by) != k || len(again) > 0 {
				t.Errorf("of %d processes these worked: %v; run again were %v", k, by, again)
			}
			if linear := n * time.Minute / time.Duration(k); float64(linear) < 0.9*float64(took) {
				t.Errorf("%d processes took %v, and linear is %v", k, took, linear)
			}
			f.sameAsOfOne(t, job, newFleet().sections(0, n, 0, nil)(nil)...)
			if len(job.Shards)+len(job.Helpers) > 0 || job.SharedBy != 0 || job.Snapshot != (export.SharedSnapshot{}) {
				t.Errorf("of an ended job is left: %+v", job)
			}
		})
	}
}

// TestFanOutWithDeaths lets the job's own worker or helpers die. Only what a dead process was at is
// run again.
func TestFanOutWithDeaths(t *testing.T) {
	const n = 12
	for name, dies := range map[string][]int{"a helper": {1}, "two helpers": {1, 2}, "the job's own worker": {0}, "two workers": {0, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet()
				ctx, stop := context.WithCancel(t.Context())
				died := make(map[int]*sync.Once)
				for _, process := range dies {
					died[process] = new(sync.Once)
				}
				lost := make(map[string]bool)
				for process := range 3 {
					sections := f.sections(process, n, time.Minute, func(key string, die func()) {
						if once := died[process]; once != nil {
							once.Do(func() {
								f.mu.Lock()
								lost[key] = true
								f.mu.Unlock()
								die()
							})
						}
					})
					f.start(ctx, t, sections)
					synctest.Wait()
					time.Sleep(time.Second) // so that the first one claims the job
					if process == 0 {
						f.request(t, acme.ID, nil)
						synctest.Wait()
					}
				}
				list, _, err := f.store.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1})
				if err != nil {
					t.Fatal(err)
				}
				job := f.await(t, list[0])
				stop()
				f.processes.Wait()
				f.mu.Lock()
				defer f.mu.Unlock()
				if f.crashes.Load() != int64(len(dies)) {
					t.Errorf("%d processes have died, want %d", f.crashes.Load(), len(dies))
				}
				for key, runs := range f.runs {
					if want := map[bool]int{false: 1, true: 2}[lost[key]]; len(runs) != want {
						t.Errorf("section %s was run by %v, want %d runs", key, runs, want)
					}
				}
				f.sameAsOfOne(t, job, newFleet().sections(0, n, 0, nil)(nil)...)
			})
		})
	}
}

// TestFanOutIsCancelled cancels a job that three processes export.
func TestFanOutIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		f.config.Dispatcher = dispatcher{f.crew, new(jobstest.MemDispatcher)}
		var mu sync.Mutex
		var stopped []time.Time
		ctx, stop := context.WithCancel(t.Context())
		for process := range 3 {
			f.start(ctx, t, func(func()) []export.Section {
				var all []export.Section
				for i := range 6 {
					all = append(all, section(fmt.Sprintf("s%02d", i), func(ctx context.Context, _ export.Scope, _ export.Sink) error {
						f.ran(process, fmt.Sprint(i))
						<-ctx.Done()
						mu.Lock()
						defer mu.Unlock()
						stopped = append(stopped, time.Now())
						return context.Cause(ctx)
					}))
				}
				return all
			})
		}
		job := f.request(t, acme.ID, nil)
		time.Sleep(time.Minute)
		canceller := newNode(t, func(c *jobs.Config) { c.Store, c.Dispatcher = f.store, f.config.Dispatcher }, fine("a"))
		began := time.Now()
		if _, err := canceller.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if len(stopped) != 3 || slices.MaxFunc(stopped, time.Time.Compare).Sub(began) > time.Second {
			t.Errorf("the job was cancelled at %v, and sections have stopped at %v", began, stopped)
		}
		stop()
		f.processes.Wait()
	})
}

// dispatcher brings tasks as a crew does, and tells of cancelled jobs.
type dispatcher struct {
	*crew
	cancels *jobstest.MemDispatcher
}

func (d dispatcher) Cancel(ctx context.Context, id string) error { return d.cancels.Cancel(ctx, id) }

func (d dispatcher) Listen(ctx context.Context, cancelled func(string)) error {
	return d.cancels.Listen(ctx, cancelled)
}

// TestFanOutKeepsTheCap lets an organization have two workers, while another one has nothing.
func TestFanOutKeepsTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		f.config.PerOrganization = 2
		var running together
		ctx, stop := context.WithCancel(t.Context())
		for process := range 4 {
			f.start(ctx, t, func(func()) []export.Section {
				var all []export.Section
				for i := range 12 {
					all = append(all, section(fmt.Sprintf("s%02d", i), func(_ context.Context, scope export.Scope, sink export.Sink) error {
						f.ran(process, fmt.Sprint(scope.Organization.ID, i))
						defer running.begin(scope.Organization.ID)()
						time.Sleep(time.Minute)
						return sink.Record("it.yaml", row("key", i))
					}))
				}
				return all
			})
		}
		other := kittest.TheirOrg
		first, second := f.request(t, acme.ID, nil), f.request(t, acme.ID, nil)
		time.Sleep(90 * time.Second)
		third := f.request(t, other, nil)
		for _, job := range []jobs.Job{first, second, third} {
			if got := f.await(t, job); got.Status != jobs.Completed {
				t.Errorf("the job is %s: %s", got.Status, got.Error)
			}
		}
		stop()
		f.processes.Wait()
		if running.most[acme.ID] != 2 || running.most[other] != 2 || running.most["all"] != 4 {
			t.Errorf("at most these have run at once: %v, want 2 of each", running.most)
		}
	})
}

// TestFanOutReadsOneMoment has sections of a database on three processes, while it changes.
func TestFanOutReadsOneMoment(t *testing.T) {
	for _, level := range []export.ConsistencyLevel{export.ConsistencyBest, export.ConsistencyRequired} {
		t.Run(string(level), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet()
				f.engine = func(c *export.Config) { c.Concurrency, c.Consistency = 1, level }
				v := new(kittest.Vault)
				reads := func(process int) func(func()) []export.Section {
					return func(func()) []export.Section {
						var all []export.Section
						for i := range 6 {
							key := fmt.Sprintf("s%02d", i)
							all = append(all, kittest.Reads(key, v, func(ctx context.Context) error {
								f.ran(process, key)
								v.Add(1)
								return kittest.Wait(time.Minute)(ctx)
							}))
						}
						return all
					}
				}
				ctx, stop := context.WithCancel(t.Context())
				for process := range 3 {
					f.start(ctx, t, reads(process))
				}
				began := time.Now()
				job := f.await(t, f.request(t, acme.ID, nil))
				took := time.Since(began)
				stop()
				f.processes.Wait()
				if by, again := f.busy(); len(by) != 3 || len(again) > 0 || took > 150*time.Second {
					t.Errorf("in %v these processes worked: %v; run again were %v", took, by, again)
				}
				tried, closed := v.Count()
				if tried != 1 || len(closed) != 1 || v.Joined.Load() != 2 {
					t.Errorf("%d snapshots were opened and %d closed; %d processes have joined", tried, len(closed), v.Joined.Load())
				}
				n := newNode(t, func(c *jobs.Config) { c.Destination = f.config.Destination }, fine("a"))
				numbers, consistent := n.read(t, job, "s00", "s01", "s02", "s03", "s04", "s05")
				if !consistent || strings.Count(numbers, `"number":0`) != 6 {
					t.Errorf("the sections have read %s, consistent %v", numbers, consistent)
				}
			})
		})
	}
}

// TestFanOutWithoutTheSections has a process of another configuration: it does not help, and does
// not stay away from other jobs for that.
func TestFanOutWithoutTheSections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		ctx, stop := context.WithCancel(t.Context())
		f.start(ctx, t, f.sections(0, 4, time.Minute, nil))
		synctest.Wait()
		job := f.request(t, acme.ID, func(j *jobs.Job) {
			for i := range 4 {
				j.Keys = append(j.Keys, jobs.SectionKey{Key: fmt.Sprintf("s%02d", i)})
			}
		})
		synctest.Wait()
		f.start(ctx, t, f.sections(1, 3, time.Minute, nil))
		time.Sleep(time.Second)
		other := f.request(t, acme.ID, func(j *jobs.Job) { j.Keys = []jobs.SectionKey{{Key: "s02"}} })
		began := time.Now()
		if f.await(t, other); time.Since(began) > 2*time.Minute {
			t.Errorf("the other job has taken %v", time.Since(began))
		}
		f.await(t, job)
		stop()
		f.processes.Wait()
		if by, _ := f.busy(); by[0] != 4 || by[1] != 1 {
			t.Errorf("the processes have run so many sections: %v", by)
		}
	})
}
