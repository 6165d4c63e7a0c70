package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

// scrubbed is what a scrub tells of archives, by job.
type scrubbed map[string]string

// scrub scrubs and wants no error.
func (n *node) scrub(t *testing.T, o jobs.ScrubOptions) (jobs.ScrubResult, scrubbed) {
	t.Helper()
	bad := make(scrubbed)
	o.Found = func(job jobs.Job, err error) {
		if bad[job.ID] != "" {
			t.Errorf("job %s is told twice", job.ID)
		}
		bad[job.ID] = err.Error()
	}
	r, err := n.Scrub(t.Context(), o)
	if err != nil {
		t.Errorf("Scrub: %v", err)
	}
	return r, bad
}

// wantBad wants that exactly these are told, with these texts in it.
func (s scrubbed) wantBad(t *testing.T, want map[string]string) {
	t.Helper()
	if !slices.Equal(slices.Sorted(maps.Keys(s)), slices.Sorted(maps.Keys(want))) {
		t.Errorf("bad are %v, want %v", s, want)
	}
	for id, text := range want {
		if !strings.Contains(s[id], text) {
			t.Errorf("job %s is said to be bad because %q, want %q", id, s[id], text)
		}
	}
}

// bare is a store that cannot do more than it must.
type bare struct{ jobs.Store }

// TestScrubFindsWhatIsBad has more archives than a page of the store, of two
// organizations, of which some are bad; beside them a purged one, one of a failed job
// and one of nobody.
func TestScrubFindsWhatIsBad(t *testing.T) {
	for name, c := range map[string]struct {
		store   func(jobs.Store) jobs.Store
		missing int64 // that are found
	}{
		"jobs in the store":          {func(s jobs.Store) jobs.Store { return s }, 1},
		"objects in the destination": {func(s jobs.Store) jobs.Store { return bare{s} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := new(told)
				other := export.Organization{ID: strings.Repeat("3", 22), Slug: "other", Name: "Other"}
				n := newNode(t, func(c *jobs.Config) {
					o.to(c)
					c.Organizations = jobstest.MemOrganizations{acme.ID: acme, other.ID: other}
				}, fine("a"))
				var all []jobs.Job
				for range 103 {
					all = append(all, n.completed(t))
				}
				theirs := n.create(t, jobs.Request{OrganizationID: other.ID})
				n.work(t)
				theirs, err := n.Get(t.Context(), other.ID, theirs.ID)
				if err != nil || theirs.Status != jobs.Completed {
					t.Fatalf("their job is %+v, %v", theirs, err)
				}
				if _, err := n.Delete(t.Context(), acme.ID, all[0].ID); err != nil {
					t.Fatal(err)
				}
				n.overwrite(t, all[1], flip)
				n.overwrite(t, all[50], truncate)
				n.overwrite(t, all[101], nil)
				n.overwrite(t, theirs, func(b []byte) []byte { return append(b, 0) })
				for _, key := range []string{acme.ID + "/" + export.NewID() + "/1.zip", "by hand.zip"} {
					if err := n.dest.Put(t.Context(), key, func(io.Writer) error { return nil }); err != nil {
						t.Fatal(err)
					}
				}
				s, err := jobs.New(func() jobs.Config { conf := n.config; conf.Store = c.store(conf.Store); return conf }())
				if err != nil {
					t.Fatal(err)
				}
				n.Service = s
				want := map[string]string{all[1].ID: "another SHA-256", all[50].ID: " bytes, not ", all[101].ID: "is missing", theirs.ID: " bytes, not "}
				if c.missing == 0 {
					delete(want, all[101].ID)
				}
				for range 2 {
					r, bad := n.scrub(t, jobs.ScrubOptions{})
					if r.Checked != 102+c.missing || r.Damaged != 3 || r.Missing != c.missing || r.Unread != 0 || r.Mended != 0 || r.Good() {
						t.Errorf("the result is %+v", r)
					}
					var size int64
					for i, job := range all {
						if i != 0 && i != 50 && i != 101 {
							size += job.Size
						}
					}
					if r.Bytes != size {
						t.Errorf("%d bytes were read, want %d", r.Bytes, size)
					}
					bad.wantBad(t, want)
					o.want(t, len(want))
				}
				for i, job := range append(all, theirs) {
					got, err := n.store.Get(t.Context(), job.Organization.ID, job.ID)
					if err != nil || got.DamagedAt.IsZero() != (want[job.ID] == "") || got.Status != jobs.Completed {
						t.Errorf("job %d is %+v, %v", i, got, err)
					}
					if link, err := n.Link(t.Context(), got); errors.Is(err, jobs.ErrDamaged) != (want[job.ID] != "" || i == 101) {
						t.Errorf("the link of job %d is %v, %v", i, link, err)
					}
				}
			})
		})
	}
}

// TestScrubMendsWhatIsWholeAgain restores an archive, as from a backup.
func TestScrubMendsWhatIsWholeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(told)
		n := newNode(t, o.to, fine("a"))
		job := n.completed(t)
		n.overwrite(t, job, flip)
		n.scrub(t, jobs.ScrubOptions{})
		n.overwrite(t, job, flip)
		if _, err := n.Link(t.Context(), n.get(t, job)); !errors.Is(err, jobs.ErrDamaged) {
			t.Errorf("before it is scrubbed the link is %v", err)
		}
		if r, _ := n.scrub(t, jobs.ScrubOptions{}); r.Checked != 1 || r.Mended != 1 || !r.Good() {
			t.Errorf("the result is %+v", r)
		}
		wantSameJob(t, n.get(t, job), job)
		if link, err := n.Link(t.Context(), n.get(t, job)); err != nil || link.URL == "" {
			t.Errorf("the link is %v, %v", link, err)
		}
		if r, _ := n.scrub(t, jobs.ScrubOptions{}); r.Checked != 1 || r.Mended != 0 {
			t.Errorf("then the result is %+v", r)
		}
	})
}

// meddling is a destination that calls before when an object is opened, and whose
// readers fail with err.
type meddling struct {
	jobs.Destination
	before func(key string)
	err    error
}

func (d *meddling) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if d.before != nil {
		d.before(key)
	}
	r, err := d.Destination.Open(ctx, key)
	if err == nil && d.err != nil {
		r = &failing{r, d.err}
	}
	return r, err
}

type failing struct {
	io.ReadSeekCloser
	err error
}

func (r *failing) Read([]byte) (int, error) { return 0, r.err }

// newMeddling makes a node with completed jobs, and then lets the destination meddle.
func newMeddling(t *testing.T, o *told, many int) (n *node, dest *meddling, all []jobs.Job) {
	t.Helper()
	dest = new(meddling)
	n = newNode(t, func(c *jobs.Config) {
		o.to(c)
		dest.Destination, c.Destination = c.Destination, dest
	}, fine("a"))
	for range many {
		all = append(all, n.completed(t))
	}
	return n, dest, all
}

// TestScrubLeavesOutWhatIsPurgedMeanwhile deletes each archive when it is opened; some
// can then not be read.
func TestScrubLeavesOutWhatIsPurgedMeanwhile(t *testing.T) {
	for _, failure := range []error{nil, errDisk} {
		synctest.Test(t, func(t *testing.T) {
			o := new(told)
			n, dest, all := newMeddling(t, o, 3)
			dest.before = func(key string) {
				for _, job := range all {
					if job.ObjectKey != key {
						continue
					}
					if failure != nil { // the row says so first, the object goes later
						_, err := n.store.Update(t.Context(), job.ID, func(_ time.Time, j *jobs.Job) error { j.ObjectKey = ""; return nil })
						if err != nil {
							t.Error(err)
						}
					} else if _, err := n.Delete(t.Context(), acme.ID, job.ID); err != nil {
						t.Error(err)
					}
				}
			}
			dest.err = failure
			r, bad := n.scrub(t, jobs.ScrubOptions{})
			if r != (jobs.ScrubResult{}) {
				t.Errorf("the result is %+v", r)
			}
			bad.wantBad(t, nil)
			o.want(t, 0)
		})
	}
}

// TestWhatCannotBeReadIsNotDamaged has a disk that fails, for a while and for good.
func TestWhatCannotBeReadIsNotDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(told)
		n, dest, all := newMeddling(t, o, 21)
		opened := 0
		dest.before = func(string) {
			if dest.err, opened = errDisk, opened+1; opened%10 == 0 {
				dest.err = nil
			}
		}
		r, bad := n.scrub(t, jobs.ScrubOptions{})
		if r.Checked != 2 || r.Unread != 19 || r.Damaged != 0 || r.Missing != 0 || r.Good() || len(bad) != 19 {
			t.Errorf("the result is %+v, told are %d", r, len(bad))
		}
		dest.before, dest.err = nil, errDisk
		r, err := n.Scrub(t.Context(), jobs.ScrubOptions{})
		if !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "10 archives in a row") || r.Unread != 10 {
			t.Errorf("with a broken disk Scrub gives %+v, %v", r, err)
		}
		o.want(t, 0)
		for _, job := range all {
			wantSameJob(t, n.get(t, job), job)
		}
	})
}

// TestScrubKeepsToItsRate has archives of some thousand bytes.
func TestScrubKeepsToItsRate(t *testing.T) {
	for _, rate := range []int64{1, 100, 50e6, 0} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := newNode(t, nil, fine("a"), fine("b"))
				for range 5 {
					n.completed(t)
				}
				time.Sleep(time.Hour) // which is not made up for
				began := time.Now()
				r, _ := n.scrub(t, jobs.ScrubOptions{Rate: rate})
				var want time.Duration
				if rate > 0 {
					want = time.Duration(float64(r.Bytes) / float64(rate) * 1e9)
				}
				if took := time.Since(began); (took-want).Abs() > time.Microsecond || r.Bytes < 5000 {
					t.Errorf("%d bytes took %v, want %v", r.Bytes, took, want)
				}
			})
		})
	}
	n := newNode(t, nil, fine("a"))
	if _, err := n.Scrub(t.Context(), jobs.ScrubOptions{Rate: -1}); err == nil || !strings.Contains(err.Error(), "Rate is -1") {
		t.Errorf("a negative rate gives %v", err)
	}
}

// TestScrubEndsWithItsContext ends it while it waits for its rate.
func TestScrubEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := new(told)
		n := newNode(t, o.to, fine("a"))
		n.overwrite(t, n.completed(t), flip)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r, err := n.Scrub(ctx, jobs.ScrubOptions{Rate: 1})
		if !errors.Is(err, context.DeadlineExceeded) || r.Checked != 0 {
			t.Errorf("Scrub gives %+v, %v", r, err)
		}
		o.want(t, 0)
	})
}

// TestScrubWithoutAService scrubs as a command does.
func TestScrubWithoutAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNode(t, nil, fine("a"))
		job := n.completed(t)
		n.overwrite(t, job, flip)
		r, err := jobs.Scrub(t.Context(), n.store, n.dest, slog.New(slog.DiscardHandler), jobs.ScrubOptions{})
		if err != nil || r.Checked != 1 || r.Damaged != 1 || n.get(t, job).DamagedAt.IsZero() {
			t.Errorf("Scrub gives %+v, %v; the job is %+v", r, err, n.get(t, job))
		}
	})
}

// TestScrubFailsWithTheStore has a store that does not answer, at any call.
func TestScrubFailsWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(brokenStore)
		n := newNode(t, func(c *jobs.Config) { store.Store, c.Store = c.Store, store }, fine("a"))
		job := n.completed(t)
		n.overwrite(t, job, flip)
		store.fails = true
		if r, err := n.Scrub(t.Context(), jobs.ScrubOptions{}); !errors.Is(err, errDisk) || r.Damaged != 0 {
			t.Errorf("a damage that cannot be noted gives %+v, %v", r, err)
		}
		store.fails = false
		n.scrub(t, jobs.ScrubOptions{})
		n.overwrite(t, job, flip)
		store.fails = true
		if r, err := n.Scrub(t.Context(), jobs.ScrubOptions{}); !errors.Is(err, errDisk) || r.Mended != 0 {
			t.Errorf("a job that cannot be mended gives %+v, %v", r, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.Scrub(ctx, jobs.ScrubOptions{}); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled Scrub gives %v", err)
		}
	})
}
