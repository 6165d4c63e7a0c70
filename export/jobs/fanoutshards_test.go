package jobs_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// split returns a section of 80 numbers in 8 shards that take as long as that. does, if it is not
// nil, is what a shard does then.
func (f *fleet) split(process int, takes time.Duration, does func(shard int)) kittest.Numbered {
	return kittest.Numbered{Name: "numbers", Rows: 80, Shards: 8, Write: func(ctx context.Context, sink export.Sink, first, last int) error {
		f.ran(process, fmt.Sprint("numbers ", first, " ", last))
		if err := sink.Records("all.json", kittest.Numbers(first, last, nil)); err != nil {
			return err
		}
		if err := kittest.Wait(takes)(ctx); err != nil {
			return err
		}
		if does != nil {
			does(first / 10)
		}
		return nil
	}}
}

// TestFanOutOfShards has a section of 8 shards on one, two and three processes.
func TestFanOutOfShards(t *testing.T) {
	for k := 1; k <= 3; k++ {
		synctest.Test(t, func(t *testing.T) {
			f := newFleet()
			ctx, stop := context.WithCancel(t.Context())
			for process := range k {
				f.start(ctx, t, func(func()) []export.Section {
					return append(f.sections(process, 4, time.Minute, nil)(nil), f.split(process, time.Minute, nil))
				})
			}
			began := time.Now()
			job := f.await(t, f.request(t, acme.ID, nil))
			took := time.Since(began)
			stop()
			f.processes.Wait()
			if by, again := f.busy(); len(by) != k || len(again) > 0 {
				t.Errorf("of %d processes these worked: %v; run again were %v", k, by, again)
			}
			if linear := 12 * time.Minute / time.Duration(k); float64(linear) < 0.9*float64(took) {
				t.Errorf("%d processes took %v, and linear is %v", k, took, linear)
			}
			alone := newFleet()
			f.sameAsOfOne(t, job, append(alone.sections(0, 4, 0, nil)(nil), alone.split(0, 0, nil))...)
		})
	}
}

// moving is a section that is split in another way each time, as by data that changes.
type moving struct {
	kittest.Numbered
	asked *atomic.Int64
}

func (s moving) Split(context.Context, export.Scope) ([]string, error) {
	n := int(s.asked.Add(1)) * 7
	return []string{fmt.Sprint("0 ", n), fmt.Sprint(n, " ", n+1), fmt.Sprint(n+1, " 80")}, nil
}

// TestShardsKeepTheirRanges has a process die, with and without fan-out, between the shards of a
// section: whoever goes on has the ranges of before, and runs no shard again that was sealed.
func TestShardsKeepTheirRanges(t *testing.T) {
	for _, fanOut := range []bool{false, true} {
		t.Run(fmt.Sprint(fanOut), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet()
				f.config.FanOut = fanOut
				var asked atomic.Int64
				var died sync.Once
				ctx, stop := context.WithCancel(t.Context())
				for process := range 2 {
					f.start(ctx, t, func(die func()) []export.Section {
						ended := 0
						return []export.Section{moving{f.split(process, time.Minute, func(int) {
							if ended++; ended == 2 {
								died.Do(die)
							}
						}), &asked}}
					})
				}
				job := f.await(t, f.request(t, acme.ID, nil))
				stop()
				f.processes.Wait()
				if asked.Load() != 1 || f.crashes.Load() > 1 || !fanOut && f.crashes.Load() != 1 {
					t.Errorf("the section was asked %d times for its ranges, and %d processes have died", asked.Load(), f.crashes.Load())
				}
				if _, again := f.busy(); len(again) > 1 {
					t.Errorf("run again were %v", again)
				}
				f.sameAsOfOne(t, job, moving{newFleet().split(0, 0, nil), new(atomic.Int64)})
			})
		})
	}
}

// TestFanOutProgress looks at what is told of a job while three processes export it, and when one of
// them has gone.
func TestFanOutProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		ctx, stop := context.WithCancel(t.Context())
		leaving, leave := context.WithCancel(ctx)
		f.start(ctx, t, func(func()) []export.Section { return []export.Section{f.split(0, time.Minute, nil)} })
		synctest.Wait()
		job := f.request(t, acme.ID, nil)
		synctest.Wait()
		for process := 1; process < 3; process++ {
			of := ctx
			if process == 1 {
				of = leaving
			}
			f.start(of, t, func(func()) []export.Section { return []export.Section{f.split(process, time.Minute, nil)} })
		}
		records := func() int64 {
			got, err := f.store.Get(t.Context(), acme.ID, job.ID)
			if err != nil {
				t.Fatal(err)
			}
			progress := got.SectionsProgress()
			if len(progress) != 1 || progress[0].Key != "numbers" {
				t.Fatalf("the progress is %v", progress)
			}
			return progress[0].Records
		}
		time.Sleep(90 * time.Second)
		if n := records(); n != 30 { // what has just been written is told a moment later
			t.Errorf("after three shards there are %d records, want 30", n)
		}
		leave()
		time.Sleep(10 * time.Second)
		if n := records(); n != 30 {
			t.Errorf("with one process gone there are %d records, want 30", n)
		}
		done := f.await(t, job)
		stop()
		f.processes.Wait()
		if done.Results[0].Records != 80 {
			t.Errorf("the result is %v", done.Results)
		}
	})
}

// TestFanOutUnjoinable has shards with files of one name: the section is exported as a whole.
func TestFanOutUnjoinable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		section := func(f *fleet, process int) kittest.Numbered {
			return kittest.Numbered{Name: "numbers", Rows: 8, Shards: 4, Write: func(_ context.Context, sink export.Sink, first, last int) error {
				f.ran(process, fmt.Sprint(first, " ", last))
				time.Sleep(time.Minute)
				return sink.Record("it.yaml", row("n", first))
			}}
		}
		ctx, stop := context.WithCancel(t.Context())
		for process := range 2 {
			f.start(ctx, t, func(func()) []export.Section { return []export.Section{section(f, process)} })
		}
		job := f.await(t, f.request(t, acme.ID, nil))
		stop()
		f.processes.Wait()
		f.mu.Lock()
		var runs []string
		for key := range f.runs {
			runs = append(runs, key)
		}
		f.mu.Unlock()
		slices.Sort(runs)
		if want := []string{"0 2", "0 8", "2 4", "4 6", "6 8"}; !slices.Equal(runs, want) {
			t.Errorf("these were exported: %v, want %v", runs, want)
		}
		f.sameAsOfOne(t, job, section(newFleet(), 0))
		if job.Status != jobs.Completed || job.Attempt != 1 {
			t.Errorf("the job is %s after %d attempts", job.Status, job.Attempt)
		}
	})
}

// TestShardIsLost has parts of a section go while others are exported: they are made again, by the
// same worker and at once.
func TestShardIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		var id string
		var lose sync.Once
		ctx, stop := context.WithCancel(t.Context())
		for process := range 2 {
			f.start(ctx, t, func(func()) []export.Section {
				return []export.Section{f.split(process, time.Minute, func(shard int) {
					if shard < 6 {
						return
					}
					lose.Do(func() {
						job, err := f.store.Get(t.Context(), acme.ID, id)
						if err != nil || len(job.Parts) < 2 {
							t.Errorf("there are the parts %v, %v", job.Parts, err)
							return
						}
						for _, part := range job.Parts[:2] {
							if err := f.spool.Delete(t.Context(), part); err != nil {
								t.Error(err)
							}
						}
					})
				})}
			})
		}
		synctest.Wait()
		job := f.request(t, acme.ID, func(j *jobs.Job) { id = j.ID })
		done := f.await(t, job)
		stop()
		f.processes.Wait()
		if done.Attempt != 1 || done.Failures != 0 {
			t.Errorf("there were %d attempts and %d failures, want one and none", done.Attempt, done.Failures)
		}
		if _, again := f.busy(); len(again) != 2 {
			t.Errorf("run again were %v, want two shards", again)
		}
		f.sameAsOfOne(t, done, newFleet().split(0, 0, nil))
	})
}

// configured is a section of a configuration that may have changed.
type configured struct {
	kittest.Numbered
	digest string
}

func (s configured) Digest() string { return s.digest }

// TestShardsOfAnotherConfiguration has a process of a changed configuration: it does not help, and when
// it takes the job over it splits the section anew.
func TestShardsOfAnotherConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		ctx, stop := context.WithCancel(t.Context())
		f.start(ctx, t, func(die func()) []export.Section {
			ended := 0
			return []export.Section{configured{f.split(0, time.Minute, func(int) {
				if ended++; ended == 3 {
					die()
				}
			}), "one"}}
		})
		synctest.Wait()
		job := f.request(t, acme.ID, nil)
		synctest.Wait()
		changed := func(f *fleet, process int, takes time.Duration) configured {
			s := configured{f.split(process, takes, nil), "two"}
			s.Shards = 3
			return s
		}
		f.start(ctx, t, func(func()) []export.Section { return []export.Section{changed(f, 1, time.Minute)} })
		time.Sleep(2 * time.Minute)
		if by, _ := f.busy(); by[1] != 0 {
			t.Errorf("the process of another configuration has run %d shards", by[1])
		}
		done := f.await(t, job)
		stop()
		f.processes.Wait()
		if by, _ := f.busy(); by[0] != 3 || by[1] != 3 {
			t.Errorf("the processes have run so many shards: %v", by)
		}
		f.sameAsOfOne(t, done, changed(newFleet(), 0, 0))
	})
}
