package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

// counted is a section that counts how often it ran.
func counted(key string, ran *atomic.Int64) export.Section {
	return writes(key, func(sink export.Sink) error {
		ran.Add(1)
		return sink.Record("it.yaml", row("key", key))
	})
}

// slow is a section that takes a while, unless it is told to stop.
func slow(key string, d time.Duration) export.Section {
	return section(key, func(ctx context.Context, _ export.Scope, sink export.Sink) error {
		select {
		case <-time.After(d):
			return sink.Record("it.yaml", row("key", key))
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
}

// expected is the archive of a job as the engine makes it without a service.
func expected(t *testing.T, e *export.Engine, job jobs.Job) []byte {
	t.Helper()
	r := request()
	r.JobID, r.AsOf, r.Sections = job.ID, job.AsOf, job.Sections
	var b bytes.Buffer
	if _, err := e.Export(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHandedBackJobGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		sections := []export.Section{counted("a", &ran), slow("b", time.Minute)}
		one := newNode(t, nil, sections...)
		job := one.create(t, jobs.Request{})
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		if err := one.Work(ctx, one.task(t)); err != nil {
			t.Fatal(err)
		}
		if got := one.get(t, job); got.Status != jobs.Pending || got.Failures != 0 || time.Now().Before(got.LeaseUntil) {
			t.Errorf("handed back: %+v", got)
		}
		two := one.peer(t, sections...)
		if err := two.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		two.work(t)
		got := two.get(t, job)
		if b := two.archive(t, got); !bytes.Equal(b, expected(t, two.config.Engine, got)) {
			t.Error("the archive has other bytes than one made without a break")
		}
		if got.Attempt != 2 || ran.Load() != 2 { // once more by expected
			t.Errorf("attempt %d; the finished section ran %d times", got.Attempt, ran.Load()-1)
		}
	})
}

// deafStore does not answer once it is deaf.
type deafStore struct {
	jobs.Store
	deaf atomic.Bool
}

func (s *deafStore) Update(ctx context.Context, id string, change func(time.Time, *jobs.Job) error) (jobs.Job, error) {
	if s.deaf.Load() {
		<-ctx.Done()
		return jobs.Job{}, ctx.Err()
	}
	return s.Store.Update(ctx, id, change)
}

func TestWorkerThatIsCutOffStopsBeforeItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped time.Time
		stuck := section("b", func(ctx context.Context, _ export.Scope, _ export.Sink) error {
			<-ctx.Done()
			stopped = time.Now()
			return ctx.Err()
		})
		store := new(deafStore)
		one := newNode(t, func(c *jobs.Config) {
			store.Store = c.Store
			c.Store = store
		}, fine("a"), stuck)
		job := one.create(t, jobs.Request{})
		two := newNode(t, func(c *jobs.Config) {
			c.Store, c.Destination = store.Store, one.dest
			c.Engine = engine(t, func(c *export.Config) { c.Spool = one.spool }, fine("a"), fine("b"))
		}, fine("a"), fine("b"))
		done := make(chan error, 1)
		task := one.task(t)
		go func() { done <- one.Work(t.Context(), task) }()
		time.Sleep(time.Minute)
		store.deaf.Store(true)
		cut := time.Now()
		got := two.settle(t, job)
		if err := <-done; err != nil {
			t.Errorf("the worker that was cut off: %v", err)
		}
		two.archive(t, got)
		if got.Attempt != 2 || got.Failures != 1 {
			t.Errorf("attempt %d, %d failures", got.Attempt, got.Failures)
		}
		if held := stopped.Sub(cut); held > 15*time.Second || held < 5*time.Second {
			t.Errorf("stopped %v after it was cut off, want before the lease of 15 s was over", held)
		}
		if took := got.FinishedAt.Sub(cut); took > 20*time.Second {
			t.Errorf("another went on %v after the cut", took)
		}
	})
}

func TestZombieWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The zombie sleeps in the middle of publishing, past its lease, and does
		// not notice that its context has ended.
		dest := &sleepyDestination{nap: time.Minute}
		one := newNode(t, func(c *jobs.Config) {
			dest.Destination = c.Destination
			c.Destination = dest
		}, fine("a"))
		job := one.create(t, jobs.Request{})
		done := make(chan error, 1)
		task := one.task(t)
		go func() { done <- one.Work(t.Context(), task) }()
		synctest.Wait()
		// As if the process had been stopped: its lease is over at once.
		_, err := one.store.Update(t.Context(), job.ID, func(now time.Time, j *jobs.Job) error {
			j.LeaseUntil = now
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		two := newNode(t, func(c *jobs.Config) {
			c.Store, c.Destination = one.store, dest.Destination
			c.Engine = engine(t, func(c *export.Config) { c.Spool = one.spool }, fine("a"))
		}, fine("a"))
		got := two.settle(t, job)
		if err := <-done; err != nil {
			t.Errorf("the zombie: %v", err)
		}
		after := two.get(t, job)
		if after.Attempt != 2 || after.ObjectKey != got.ObjectKey || after.FinishedAt != got.FinishedAt {
			t.Errorf("the zombie wrote %+v over %+v", after, got)
		}
		if _, err := dest.Open(t.Context(), got.ObjectKey); err != nil {
			t.Error(err)
		}
		if _, err := two.Delete(t.Context(), acme.ID, job.ID); err != nil {
			t.Fatal(err)
		}
		if parts, archives := two.left(t, job); parts+archives > 0 {
			t.Errorf("%d parts and %d archives are left over", parts, archives)
		}
	})
}

// sleepyDestination takes a nap before the first object is published, whatever
// happens to the context.
type sleepyDestination struct {
	jobs.Destination
	nap  time.Duration
	once atomic.Bool
}

func (d *sleepyDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.Destination.Put(context.WithoutCancel(ctx), key, func(w io.Writer) error {
		err := write(w)
		if d.once.CompareAndSwap(false, true) {
			time.Sleep(d.nap)
		}
		return err
	})
}

func TestFailedAttempts(t *testing.T) {
	broken := errors.New("secret: disk /dev/sdb is broken")
	for _, c := range []struct {
		name     string
		section  export.Section
		options  export.SectionOptions
		max      int64
		org      string
		attempts int
		text     string
	}{
		{"required section", writes("a", func(export.Sink) error { return broken }), export.SectionOptions{Required: true}, 0, acme.ID, 1,
			`The required section "a" could not be exported: The section could not be exported.`},
		{"too large", writes("a", func(sink export.Sink) error { return sink.Binary("x", io.LimitReader(newNoise(), 1<<20)) }),
			export.SectionOptions{}, 1000, acme.ID, 1, "larger than"},
		{"unknown organization", fine("a"), export.SectionOptions{}, 0, strings.Repeat("3", 22), 1, "The organization could not be read."},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, func(s *jobs.Config) {
					s.Engine = engine(t, func(e *export.Config) {
						e.MaxArchiveBytes = c.max
						e.Options = map[string]export.SectionOptions{"a": c.options}
					}, c.section)
				}, c.section)
				job := n.create(t, jobs.Request{OrganizationID: c.org})
				n.work(t)
				got, err := n.Get(t.Context(), c.org, job.ID)
				if err != nil {
					t.Fatal(err)
				}
				if got.Status != jobs.Failed || got.Attempt != c.attempts || !strings.Contains(got.Error, c.text) || strings.Contains(got.Error, "secret") {
					t.Errorf("%+v", got)
				}
				again := n.create(t, jobs.Request{OrganizationID: c.org})
				if again.ID == job.ID {
					t.Error("a failed job stands in the way of a new one")
				}
			})
		})
	}
}

// brokenDestination takes no archives.
type brokenDestination struct{ jobs.Destination }

func (brokenDestination) Put(context.Context, string, func(io.Writer) error) error {
	return errors.New("secret: bucket is gone")
}

func TestStorageThatFailsIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ran atomic.Int64
		n := newNode(t, func(c *jobs.Config) {
			c.Destination = brokenDestination{c.Destination}
			c.MaxFailures = 3
		}, counted("a", &ran))
		job := n.create(t, jobs.Request{})
		began := time.Now()
		got := n.settle(t, job)
		if got.Status != jobs.Failed || got.Attempt != 4 || strings.Contains(got.Error, "secret") || got.Error == "" {
			t.Errorf("%+v", got)
		}
		if ran.Load() != 1 {
			t.Errorf("the section ran %d times, want once", ran.Load())
		}
		if took := time.Since(began); took < 15*7*time.Second || took > 3*time.Minute {
			t.Errorf("four attempts took %v, want longer and longer breaks between them", took)
		}
		time.Sleep(25 * time.Hour)
		if err := n.Reap(t.Context()); err != nil {
			t.Fatal(err)
		}
		if parts, archives := n.left(t, job); parts+archives > 0 {
			t.Errorf("%d parts and %d archives are left over", parts, archives)
		}
	})
}

func TestWorkersThatAreLostAreCapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, func(c *jobs.Config) { c.MaxFailures = 2 }, fine("a"))
		job := n.create(t, jobs.Request{})
		for range 3 { // claimed, and never heard of again
			_, err := n.store.Update(t.Context(), job.ID, func(now time.Time, j *jobs.Job) error {
				j.Status, j.LeaseOwner, j.LeaseUntil, j.Alone = jobs.Processing, "lost", now.Add(time.Second), true
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Second)
			if err := n.Reap(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := n.get(t, job); got.Status != jobs.Failed || got.Error == "" {
			t.Errorf("after three lost workers: %+v", got)
		}
	})
}

func TestDamagedPartsAreMadeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a, b, c, d atomic.Int64
		sections := []export.Section{counted("a", &a), counted("b", &b), counted("c", &c), counted("d", &d)}
		n := newNode(t, nil, sections...)
		job := n.create(t, jobs.Request{})
		ids := n.seal(t, job, 7, "a", "b", "c", "d")
		if err := n.spool.Delete(t.Context(), ids["a"]); err != nil { // found before
			t.Fatal(err)
		}
		change(t, n.spool, ids["b"], func(part []byte) { part[20] ^= 1 }) // found while joining
		change(t, n.spool, ids["c"], func(part []byte) {                  // made by a newer program
			footer := bytes.LastIndex(part, []byte("oxsp\x00\x00\x00"))
			part[footer+7]++
		})
		n.work(t)
		n.archive(t, n.get(t, job))
		if a.Load() != 2 || b.Load() != 2 || c.Load() != 2 || d.Load() != 1 {
			t.Errorf("the sections ran %d, %d, %d and %d times, want 2, 2, 2, 1", a.Load(), b.Load(), c.Load(), d.Load())
		}
	})
}

// seal makes parts of a job as an attempt does whose process is killed then, and returns
// their ids by section.
func (n *node) seal(t *testing.T, job jobs.Job, attempt int, keys ...string) map[string]export.PartID {
	t.Helper()
	ids := make(map[string]export.PartID)
	r := request()
	r.JobID, r.AsOf, r.Attempt, r.Sections = job.ID, job.AsOf, attempt, keys
	err := n.config.Engine.Seal(t.Context(), r, func(ctx context.Context, id export.PartID, result export.SectionResult) error {
		_, err := n.store.Update(ctx, job.ID, func(_ time.Time, j *jobs.Job) error {
			ids[id.Section] = id
			j.Parts, j.Results = append(j.Parts, id), append(j.Results, result)
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// change writes a part anew, with other bytes.
func change(t *testing.T, spool export.Spool, id export.PartID, how func(part []byte)) {
	t.Helper()
	r, err := spool.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	how(b)
	err = spool.Put(t.Context(), id, func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var good, bad atomic.Int64
		closed := true
		sections := []export.Section{counted("good", &good), fine("other"), writes("bad", func(sink export.Sink) error {
			bad.Add(1)
			if closed {
				return closedError{}
			}
			return sink.Record("it.yaml", row("a", 1))
		})}
		n := newNode(t, nil, sections...)
		first := n.create(t, jobs.Request{Sections: []string{"good", "bad"}})
		if _, _, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, RetryOf: first.ID}); !errors.Is(err, jobs.ErrInFlight) {
			t.Errorf("retry of a job in flight: %v", err)
		}
		n.work(t)
		first = n.get(t, first)
		if first.Status != jobs.Completed || first.Results[1].Error != "The warehouse is closed." {
			t.Fatalf("%+v", first)
		}
		closed = false
		time.Sleep(time.Hour)
		second := n.create(t, jobs.Request{RetryOf: first.ID})
		n.work(t)
		second = n.get(t, second)
		n.archive(t, second)
		if good.Load() != 1 || bad.Load() != 2 {
			t.Errorf("the sections ran %d and %d times, want 1, 2", good.Load(), bad.Load())
		}
		if !second.AsOf.Equal(first.AsOf) || fmt.Sprint(second.Sections) != "[bad good]" || second.Results[1].Status != export.StatusOK {
			t.Errorf("%+v", second)
		}
		for _, c := range []struct {
			name string
			r    jobs.Request
			want error
		}{
			{"unknown job", jobs.Request{OrganizationID: acme.ID, RetryOf: strings.Repeat("2", 22)}, export.ErrNotFound},
			{"another organization's", jobs.Request{OrganizationID: strings.Repeat("2", 22), RetryOf: first.ID}, export.ErrNotFound},
		} {
			if _, _, err := n.Create(t.Context(), c.r); !errors.Is(err, c.want) {
				t.Errorf("retry of %s: %v", c.name, err)
			}
		}
		var wrong *jobs.RequestError
		if _, _, err := n.Create(t.Context(), jobs.Request{OrganizationID: acme.ID, RetryOf: first.ID, Format: "tar.gz"}); !errors.As(err, &wrong) || wrong.Field != "retry_of" {
			t.Errorf("retry in another format: %v", err)
		}
	})
}

// TestWorkGoesOn has one task for many jobs: the worker goes on until none waits, in the order
// in which they came.
func TestWorkGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		tasks := make(chan jobs.Task, 7)
		ids := n.queue(t, tasks, acme.ID, 7)
		if err := n.Work(t.Context(), <-tasks); err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for _, id := range ids {
			job, err := n.Get(t.Context(), acme.ID, id)
			if err != nil || job.Status != jobs.Completed || job.FinishedAt.Before(last) {
				t.Errorf("job %s is %s, %v, at %v", id, job.Status, err, job.FinishedAt)
			}
			last = job.FinishedAt
		}
	})
}
