package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// badDestination stores something else than what is written, for as many archives as
// bad says.
type badDestination struct {
	jobs.Destination
	store func(written []byte) []byte // nil: nothing
	bad   atomic.Int64
	puts  atomic.Int64
	reads atomic.Int64 // calls of Read
}

func (d *badDestination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	d.puts.Add(1)
	if d.bad.Add(-1) < 0 {
		return d.Destination.Put(ctx, key, write)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil || d.store == nil {
		return err
	}
	return d.Destination.Put(ctx, key, func(w io.Writer) error {
		_, err := w.Write(d.store(b.Bytes()))
		return err
	})
}

func (d *badDestination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	r, err := d.Destination.Open(ctx, key)
	return &countedReads{r, &d.reads}, err
}

type countedReads struct {
	io.ReadSeekCloser
	n *atomic.Int64
}

func (r *countedReads) Read(p []byte) (int, error) {
	r.n.Add(1)
	return r.ReadSeekCloser.Read(p)
}

// The ways in which a destination can store something else than what is written.
var badWays = []struct {
	name  string
	store func([]byte) []byte
	want  string // of the error
	sized bool   // it is also seen without reading
}{
	{"a flipped bit", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "another SHA-256", false},
	{"a byte too few", func(b []byte) []byte { return b[:len(b)-1] }, " bytes, not ", true},
	{"a byte too many", func(b []byte) []byte { return append(b, 0) }, " bytes, not ", true},
	{"an empty object", func([]byte) []byte { return nil }, "has 0 bytes, not ", true},
	{"no object", nil, "is missing", true},
}

// TestOtherBytesThanWereWrittenAreNeverCompleted has a destination that takes each
// archive and keeps another one.
func TestOtherBytesThanWereWrittenAreNeverCompleted(t *testing.T) {
	for _, c := range badWays {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dest := &badDestination{store: c.store}
				dest.bad.Store(1 << 40)
				var log bytes.Buffer
				var failures []error
				n := newNode(t, func(conf *jobs.Config) {
					dest.Destination, conf.Destination = conf.Destination, dest
					conf.MaxFailures = 2
					conf.Logger = slog.New(slog.NewTextHandler(&log, nil))
					conf.Observers = []jobs.Observer{{Job: func(_ context.Context, e jobs.Event) {
						if e.Step == jobs.StepCompleted {
							t.Error("the job is told to be completed")
						}
						if e.Err != nil {
							failures = append(failures, e.Err)
						}
					}}}
				}, fine("a"))
				job := n.settle(t, n.create(t, jobs.Request{}))
				if job.Status != jobs.Failed || job.Error != "The export failed too often. Please contact support." || job.ObjectKey != "" || job.Failures != 3 {
					t.Errorf("the job is %+v", job)
				}
				if _, archives := n.left(t, job); archives != 0 {
					t.Errorf("%d archives are left over", archives)
				}
				if len(failures) != 3 {
					t.Errorf("%d failures were told, want 3", len(failures))
				}
				for _, err := range failures {
					if damage, ok := errors.AsType[*jobs.DamageError](err); !ok || !errors.Is(err, jobs.ErrDamaged) || !strings.Contains(damage.Error(), c.want) {
						t.Errorf("an attempt failed with %v, want %q", err, c.want)
					}
				}
				if got := strings.Count(log.String(), c.want); got != 3 {
					t.Errorf("it is logged %d times, want 3:\n%s", got, &log)
				}
			})
		})
	}
}

// TestTheNextAttemptMakesTheArchiveAgain has a destination that fails once.
func TestTheNextAttemptMakesTheArchiveAgain(t *testing.T) {
	for _, c := range badWays {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dest := &badDestination{store: c.store}
				dest.bad.Store(1)
				var ran atomic.Int64
				n := newNode(t, func(conf *jobs.Config) {
					dest.Destination, conf.Destination = conf.Destination, dest
				}, counted("a", &ran))
				job := n.settle(t, n.create(t, jobs.Request{}))
				if b := n.archive(t, job); !bytes.Equal(b, expected(t, n.config.Engine, job)) {
					t.Error("the archive has other bytes than without the failure")
				}
				if job.Failures != 1 || job.Attempt != 2 || ran.Load() != 2 { // once by expected
					t.Errorf("%d failures, attempt %d, the section ran %d times", job.Failures, job.Attempt, ran.Load()-1)
				}
			})
		})
	}
}

// TestWhatIsNotReadBack has archives of which only the size is to be compared.
func TestWhatIsNotReadBack(t *testing.T) {
	for name, change := range map[string]func(*jobs.Config){
		"reading back is off":     func(c *jobs.Config) { c.ReadBack = -1 },
		"the archive is larger":   func(c *jobs.Config) { c.ReadBack = 10 },
		"the upload is confirmed": func(c *jobs.Config) { c.Destination = confirming{c.Destination} },
	} {
		for _, way := range badWays {
			t.Run(name+", "+way.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					dest := &badDestination{store: way.store}
					dest.bad.Store(1)
					n := newNode(t, func(c *jobs.Config) {
						dest.Destination, c.Destination = c.Destination, dest
						change(c)
					}, fine("a"))
					job := n.settle(t, n.create(t, jobs.Request{}))
					if seen := job.Failures == 1; job.Status != jobs.Completed || seen != way.sized {
						t.Errorf("the job is %s with %d failures; noticed: %t, want %t", job.Status, job.Failures, seen, way.sized)
					}
					if dest.reads.Load() != 0 {
						t.Errorf("the archive was read %d times", dest.reads.Load())
					}
				})
			})
		}
	}
}

// bounded notes how large archives can be at most.
type bounded struct {
	jobs.Destination
	most int64
}

func (b *bounded) PutBounded(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	b.most = most
	return b.Put(ctx, key, write)
}

// TestBoundOfAnArchive: a destination that has to know how large an archive can become is told
// more than that, and not much more.
func TestBoundOfAnArchive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dest *bounded
		n := newNode(t, func(c *jobs.Config) {
			dest = &bounded{Destination: c.Destination}
			c.Destination = dest
		}, fine("a"), fine("b"))
		job := n.settle(t, n.create(t, jobs.Request{}))
		if job.Status != jobs.Completed || dest.most < job.Size || dest.most > 2*job.Size+65<<20 {
			t.Errorf("the job is %s; its archive has %d bytes, of %d at most", job.Status, job.Size, dest.most)
		}
	})
}

type confirming struct{ jobs.Destination }

func (confirming) Confirms() bool { return true }

// TestAnArchiveOfExactlyReadBackIsRead has the largest archive that is read back. Each
// bubble begins at the same time, so that the archives are equal.
func TestAnArchiveOfExactlyReadBackIsRead(t *testing.T) {
	var size int64
	for _, c := range []struct {
		more int64 // than the archive has
		want bool
	}{{1 << 20, true}, {0, true}, {-1, false}} {
		synctest.Test(t, func(t *testing.T) {
			dest := &badDestination{}
			n := newNode(t, func(conf *jobs.Config) {
				dest.Destination, conf.Destination = conf.Destination, dest
				conf.NewID = func() string { return strings.Repeat("2", 22) }
				conf.ReadBack = size + c.more
			}, fine("a"))
			job := n.settle(t, n.create(t, jobs.Request{}))
			if size != 0 && job.Size != size {
				t.Fatalf("one archive has %d bytes, the other %d", size, job.Size)
			}
			size = job.Size
			if read := dest.reads.Load() > 0; read != c.want {
				t.Errorf("an archive of %d bytes, with ReadBack %d, was read: %t", size, size+c.more, read)
			}
		})
	}
}

// slowReads takes a while for each read, and tells of the first one.
type slowReads struct {
	jobs.Destination
	each  time.Duration
	began chan struct{}
	once  sync.Once
}

func (d *slowReads) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	r, err := d.Destination.Open(ctx, key)
	return &slowReader{r, d}, err
}

type slowReader struct {
	io.ReadSeekCloser
	d *slowReads
}

func (r *slowReader) Read(p []byte) (int, error) {
	r.d.once.Do(func() { close(r.d.began) })
	time.Sleep(r.d.each)
	return r.ReadSeekCloser.Read(p[:min(len(p), 10)])
}

func newSlowReads(t *testing.T, each time.Duration) (*node, *slowReads) {
	t.Helper()
	dest := &slowReads{each: each, began: make(chan struct{})}
	n := newNode(t, func(c *jobs.Config) {
		dest.Destination, c.Destination = c.Destination, dest
	}, fine("a"))
	return n, dest
}

// TestTheLeaseLastsWhileTheArchiveIsReadBack reads for many leases.
func TestTheLeaseLastsWhileTheArchiveIsReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, dest := newSlowReads(t, time.Second)
		job := n.create(t, jobs.Request{})
		task := n.task(t)
		ended := make(chan error, 1)
		go func() { ended <- n.Work(t.Context(), task) }()
		<-dest.began
		began := time.Now()
		for n.get(t, job).Status == jobs.Processing {
			if err := n.Reap(t.Context()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < time.Minute {
			t.Errorf("reading back took %v only, which proves nothing", took)
		}
		if got := n.get(t, job); got.Status != jobs.Completed || got.Attempt != 1 || got.Failures != 0 {
			t.Errorf("the job is %+v", got)
		}
	})
}

// TestReadingBackEndsWithTheJob cancels a job, or stops the process, while its archive is
// read back.
func TestReadingBackEndsWithTheJob(t *testing.T) {
	for name, c := range map[string]struct {
		stop func(t *testing.T, n *node, job jobs.Job, cancel func())
		want jobs.Status
	}{
		"cancelled": {func(t *testing.T, n *node, job jobs.Job, _ func()) {
			if what, err := n.Delete(t.Context(), acme.ID, job.ID); what != jobs.Cancelled || err != nil {
				t.Errorf("Delete gives %q, %v", what, err)
			}
		}, jobs.Failed},
		"stopped": {func(_ *testing.T, _ *node, _ jobs.Job, cancel func()) { cancel() }, jobs.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, dest := newSlowReads(t, time.Second)
				job := n.create(t, jobs.Request{})
				task := n.task(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- n.Work(ctx, task) }()
				<-dest.began
				time.Sleep(10 * time.Second)
				began := time.Now()
				c.stop(t, n, job, cancel)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("the work went on for %v", took)
				}
				if got := n.get(t, job); got.Status != c.want || got.Failures != 0 {
					t.Errorf("the job is %+v", got)
				}
			})
		})
	}
}
