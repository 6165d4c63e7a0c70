package jobs_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// TestFanOutEndsAsOne has sections that fail in all ways, on whatever process: the archive says of
// them what that of one process says.
func TestFanOutEndsAsOne(t *testing.T) {
	sections := func(f *fleet, process int) func(func()) []export.Section {
		after := func(key string, do func(ctx context.Context, sink export.Sink) error) export.Section {
			return section(key, func(ctx context.Context, _ export.Scope, sink export.Sink) error {
				f.ran(process, key)
				if err := sink.Record("first.yaml", row("key", key)); err != nil {
					return err
				}
				time.Sleep(10 * time.Second)
				return do(ctx, sink)
			})
		}
		return func(func()) []export.Section {
			return []export.Section{
				after("fails", func(context.Context, export.Sink) error {
					return export.WithPublic(errors.New("secret"), "It is broken.")
				}),
				after("panics", func(context.Context, export.Sink) error { panic("secret") }),
				after("hangs", func(ctx context.Context, _ export.Sink) error {
					<-ctx.Done()
					return ctx.Err()
				}),
				after("too_large", func(_ context.Context, sink export.Sink) error {
					return sink.Binary("large.bin", io.LimitReader(newNoise(), 1<<20))
				}),
				after("skips", func(_ context.Context, sink export.Sink) error {
					sink.Skip("one", errors.New("secret"))
					return nil
				}),
				after("fine", func(context.Context, export.Sink) error { return nil }),
			}
		}
	}
	limits := func(c *export.Config) {
		c.Concurrency, c.SectionTimeout, c.MaxSectionBytes = 1, time.Minute, 100<<10
	}
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		f.engine = limits
		ctx, stop := context.WithCancel(t.Context())
		for process := range 3 {
			f.start(ctx, t, sections(f, process))
		}
		job := f.await(t, f.request(t, acme.ID, nil))
		stop()
		f.processes.Wait()
		if by, again := f.busy(); len(by) != 3 || len(again) > 0 {
			t.Errorf("these processes worked: %v; run again were %v", by, again)
		}
		f.sameAsOfOne(t, job, sections(newFleet(), 0)(nil)...)
	})
}

// TestFanOutOfRequired has a section that must not fail, and fails on a helper.
func TestFanOutOfRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		f.engine = func(c *export.Config) {
			c.Concurrency, c.Options = 1, map[string]export.SectionOptions{"s01": {Required: true}}
		}
		ctx, stop := context.WithCancel(t.Context())
		var stopped time.Time
		for process := range 2 {
			f.start(ctx, t, func(func()) []export.Section {
				return []export.Section{
					section("s00", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
						f.ran(process, "s00")
						<-ctx.Done()
						stopped = time.Now()
						return context.Cause(ctx)
					}),
					section("s01", func(context.Context, export.Scope, export.Sink) error {
						f.ran(process, "s01")
						time.Sleep(time.Minute)
						return errors.New("secret")
					}),
				}
			})
		}
		job := f.await(t, f.request(t, acme.ID, nil))
		ended := time.Now()
		time.Sleep(10 * time.Second)
		stop()
		f.processes.Wait()
		want := `The required section "s01" could not be exported: The section could not be exported.`
		if job.Status != jobs.Failed || job.Error != want || job.Failures != 0 {
			t.Errorf("the job is %s (%d failures): %s", job.Status, job.Failures, job.Error)
		}
		if by, _ := f.busy(); len(by) != 2 {
			t.Errorf("these processes worked: %v", by)
		}
		if stopped.Sub(ended) > 5*time.Second {
			t.Errorf("the job's own worker has stopped %v after the job had failed", stopped.Sub(ended))
		}
	})
}

// TestFanOutWithBrokenHelper has a process whose spool fails: the others export what it cannot.
func TestFanOutWithBrokenHelper(t *testing.T) {
	const n = 6
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		ctx, stop := context.WithCancel(t.Context())
		for process := range 3 {
			f.engine = func(c *export.Config) {
				c.Concurrency = 1
				if process == 1 {
					c.Spool = brokenSpool{c.Spool}
				}
			}
			f.start(ctx, t, f.sections(process, n, time.Minute, nil))
			synctest.Wait()
			if process == 0 {
				f.request(t, acme.ID, nil)
				synctest.Wait()
			}
		}
		f.engine = func(c *export.Config) { c.Concurrency = 1 }
		list, _, err := f.store.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		job := f.await(t, list[0])
		stop()
		f.processes.Wait()
		if by, _ := f.busy(); len(by) != 3 || job.Failures != 0 || job.Attempt != 1 {
			t.Errorf("these processes worked: %v; attempt %d, %d failures", by, job.Attempt, job.Failures)
		}
		f.sameAsOfOne(t, job, newFleet().sections(0, n, 0, nil)(nil)...)
	})
}

// brokenSpool takes no parts.
type brokenSpool struct{ export.Spool }

func (s brokenSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.Spool.Put(ctx, id, func(w io.Writer) error {
		return errors.Join(write(w), errDisk)
	})
}

// estimated is a section that tells how large it will be.
type estimated struct {
	export.Section
	bytes int64
	err   error
}

func (s estimated) Estimate(context.Context, export.Scope) (int64, error) { return s.bytes, s.err }

// TestFanOutBySize has jobs that are large and small by their own estimate, and such for which somebody
// has decided.
func TestFanOutBySize(t *testing.T) {
	for name, c := range map[string]struct {
		bytes     int64
		err       error
		decided   jobs.FanOut
		processes int
	}{
		"large":      {600, nil, "", 2},
		"small":      {400, nil, "", 1},
		"unknown":    {600, errors.New("secret"), "", 1},
		"small, on":  {400, nil, jobs.FanOutOn, 2},
		"large, off": {600, nil, jobs.FanOutOff, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet()
				f.config.FanOutFrom = 1000
				ctx, stop := context.WithCancel(t.Context())
				for process := range 2 {
					f.start(ctx, t, func(func()) []export.Section {
						all := f.sections(process, 4, time.Minute, nil)(nil)
						return append(all, estimated{fine("one"), c.bytes, c.err}, estimated{fine("two"), 400, nil})
					})
				}
				if job := f.await(t, f.request(t, acme.ID, func(j *jobs.Job) { j.FanOut = c.decided })); job.Status != jobs.Completed {
					t.Errorf("the job is %s: %s", job.Status, job.Error)
				}
				stop()
				f.processes.Wait()
				if by, _ := f.busy(); len(by) != c.processes {
					t.Errorf("these processes worked: %v, want %d", by, c.processes)
				}
			})
		})
	}
}

// TestFanOutOnAFullDisk has a process without free space: it tries to help, and leaves it to others for
// a while instead of trying again and again.
func TestFanOutOnAFullDisk(t *testing.T) {
	const n = 6
	synctest.Test(t, func(t *testing.T) {
		f := newFleet()
		var asked atomic.Int64
		ctx, stop := context.WithCancel(t.Context())
		for process := range 2 {
			f.engine = func(c *export.Config) {
				c.Concurrency = 1
				if process == 1 {
					c.Spool, c.MinFreeBytes = fullSpool{c.Spool, &asked}, 1
				}
			}
			f.start(ctx, t, f.sections(process, n, time.Minute, nil))
			synctest.Wait()
			if process == 0 {
				f.request(t, acme.ID, nil)
				synctest.Wait()
			}
		}
		list, _, err := f.store.List(t.Context(), acme.ID, jobs.Page{Number: 1, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		if job := f.await(t, list[0]); job.Status != jobs.Completed || job.Failures != 0 {
			t.Errorf("the job is %s after %d failures: %s", job.Status, job.Failures, job.Error)
		}
		stop()
		f.processes.Wait()
		if asked := asked.Load(); asked == 0 || asked > n+1 {
			t.Errorf("the process has tried to help %d times in %d minutes", asked, n)
		}
	})
}

// fullSpool has no free space, and counts how often it was asked for some.
type fullSpool struct {
	export.Spool
	asked *atomic.Int64
}

func (s fullSpool) FreeSpace() (int64, error) {
	s.asked.Add(1)
	return 0, nil
}
