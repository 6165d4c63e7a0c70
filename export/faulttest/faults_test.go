package faulttest

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/audit/audittest"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
)

var errFault = errors.New("fault")

// TestFaultsWithoutFaults: a wrapped port is the port.
func TestFaultsWithoutFaults(t *testing.T) {
	t.Run("Store", func(t *testing.T) {
		jobstest.RunStore(t, func(*testing.T) jobs.Store { return New().Store(new(jobstest.MemStore)) })
	})
	t.Run("Spool", func(t *testing.T) {
		exporttest.RunSpool(t, func(*testing.T) export.Spool { return New().Spool(new(exporttest.MemSpool)) })
	})
	t.Run("Destination", func(t *testing.T) {
		jobstest.RunDestination(t, func(*testing.T) jobs.Destination { return New().Destination(new(jobstest.MemDestination)) })
	})
	t.Run("KeyStore", func(t *testing.T) {
		accesstest.RunKeyStore(t, func(*testing.T) access.KeyStore { return New().KeyStore(new(accesstest.MemKeys)) })
	})
	t.Run("MemberStore", func(t *testing.T) {
		accesstest.RunMemberStore(t, func(*testing.T) access.MemberStore { return New().MemberStore(new(accesstest.MemMembers)) })
	})
	t.Run("SessionStore", func(t *testing.T) {
		accesstest.RunSessionStore(t, func(*testing.T) access.SessionStore { return New().SessionStore(new(accesstest.MemSessions)) })
	})
	t.Run("Counter", func(t *testing.T) {
		accesstest.RunCounter(t, func(*testing.T) access.Counter { return New().Counter(new(access.MemCounter)) })
	})
	t.Run("Log", func(t *testing.T) {
		audittest.RunLog(t, func(*testing.T) audit.Log {
			inner := new(audittest.MemLog)
			return struct {
				audit.Log
				audit.Reader
				audit.Purger
			}{New().Log(inner), inner, inner}
		})
	})
}

var someKey = access.Key{ID: kittest.ShortID(1), Hash: access.Hash("key"), OrganizationID: kittest.OurOrg}

func someJob(now time.Time, _ jobs.Usage) (jobs.Job, error) {
	return jobs.Job{ID: kittest.ShortID(1), Organization: export.Organization{ID: kittest.OurOrg}, CreatedAt: now, Status: jobs.Pending}, nil
}

// useAll makes each call once and goes on after a failure.
func useAll(ctx context.Context, f *Faults) error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }

	s := f.Store(new(jobstest.MemStore))
	_, _, err := s.Create(ctx, kittest.OurOrg, someJob)
	note(err)
	_, err = s.Get(ctx, kittest.OurOrg, kittest.ShortID(1))
	note(err)
	_, _, err = s.List(ctx, kittest.OurOrg, jobs.Page{Number: 1, Size: 1})
	note(err)
	_, err = s.Update(ctx, kittest.ShortID(1), func(time.Time, *jobs.Job) error { return nil })
	note(err)
	_, err = s.Stale(ctx, 1)
	note(err)
	if n, ok := s.(jobs.Scheduler); ok {
		_, err = n.Next(ctx, jobs.Want{})
		note(err)
	}
	if u, ok := s.(jobs.PartsUsage); ok {
		_, err = u.PartsInUse(ctx, kittest.ShortID(1))
		note(err)
	}
	d := f.Dispatcher(new(jobstest.MemDispatcher))
	note(d.Dispatch(ctx, jobs.Task{}))
	if c, ok := d.(jobs.Canceller); ok {
		note(c.Cancel(ctx, kittest.ShortID(1)))
	}
	_, err = f.Signer(new(jobstest.MemSigner)).Sign(ctx, "key", "name", time.Minute)
	note(err)
	_, err = f.Organizations(jobstest.MemOrganizations{kittest.OurOrg: {ID: kittest.OurOrg}}).Get(ctx, kittest.OurOrg)
	note(err)

	note(useKeeper(ctx, f.Spool(new(exporttest.MemSpool)), export.PartID{JobID: "job"}, "job"))
	_, err = f.Spool(new(exporttest.MemSpool)).(export.JobLister).Jobs(ctx)
	note(err)
	dest := f.Destination(new(jobstest.MemDestination))
	note(useKeeper(ctx, dest, "key", ""))
	_, err = jobs.SizeOf(ctx, dest, "key")
	note(err)

	k := f.KeyStore(new(accesstest.MemKeys))
	note(k.CreateKey(ctx, someKey))
	_, err = k.KeyByHash(ctx, someKey.Hash)
	note(err)
	note(k.TouchKey(ctx, kittest.ShortID(1), kittest.SomeTime()))
	note(k.RevokeKey(ctx, kittest.ShortID(1), kittest.SomeTime()))
	_, err = k.Keys(ctx, kittest.OurOrg)
	note(err)

	m := f.MemberStore(new(accesstest.MemMembers))
	note(m.PutMember(ctx, access.Member{}))
	_, err = m.Member(ctx, "", "")
	note(err)
	_, err = m.Members(ctx, "")
	note(err)
	note(m.RemoveMember(ctx, "", ""))
	note(useSessions(ctx, f.SessionStore(new(accesstest.MemSessions))))
	_, err = f.Counter(new(access.MemCounter)).Count(ctx, "key", time.Minute)
	note(err)
	note(f.Log(new(audittest.MemLog)).Record(ctx, audit.Entry{}))
	return errors.Join(errs...)
}

func useSessions(ctx context.Context, s access.SessionStore) error {
	session := access.Session{ID: kittest.ShortID(1), Subject: "ann", ExpiresAt: kittest.SomeTime()}
	create := s.CreateSession(ctx, session)
	_, byHash := s.SessionByHash(ctx, session.Hash)
	extend := s.ExtendSession(ctx, session.ID, session.ExpiresAt)
	_, list := s.Sessions(ctx, session.Subject)
	return errors.Join(create, byHash, extend, list, s.EndSession(ctx, session.ID))
}

func useKeeper[K comparable](ctx context.Context, k kittest.Keeper[K], id K, of string) error {
	put := k.Put(ctx, id, func(w io.Writer) error {
		_, err := io.WriteString(w, "0123456789")
		return err
	})
	r, err := k.Open(ctx, id)
	if err == nil {
		_, read := r.Read(make([]byte, 5))
		_, seek := r.Seek(0, io.SeekStart)
		err = errors.Join(read, seek, r.Close())
	}
	_, list := k.List(ctx, of)
	return errors.Join(put, err, list, k.Delete(ctx, id))
}

func TestFaultsReachEveryCall(t *testing.T) {
	for name, choose := range map[string]func(*Faults, string, int, error){"Fail": (*Faults).Fail, "Lose": (*Faults).Lose} {
		t.Run(name, func(t *testing.T) {
			for _, call := range calls {
				f := New()
				choose(f, call, 1, errFault)
				if err := useAll(t.Context(), f); !errors.Is(err, errFault) || !slices.Equal(f.Fired(), []string{call}) {
					t.Errorf("%s: %v came, and the error was %v", call, f.Fired(), err)
				}
			}
			var fired []string
			for n := 1; ; n++ { // as the documentation says
				f := New()
				choose(f, "*", n, errFault)
				if err := useAll(t.Context(), f); errors.Is(err, errFault) != (len(f.Fired()) == 1) {
					t.Errorf("call %d: %v came, and the error was %v", n, f.Fired(), err)
				}
				if len(f.Fired()) == 0 {
					break
				}
				fired = append(fired, f.Fired()...)
			}
			want := slices.Sorted(slices.Values(calls))
			if slices.Sort(fired); !slices.Equal(fired, want) {
				t.Errorf("one after the other came %v, want %v", fired, want)
			}
		})
	}
}

func TestFaultsCount(t *testing.T) {
	f := New()
	d := f.Dispatcher(new(jobstest.MemDispatcher))
	o := f.Organizations(jobstest.MemOrganizations{"": {}})
	f.Fail("Dispatcher.Dispatch", 2, errFault)
	f.Fail("*.Get", 1, kittest.ErrWrite)
	f.Fail("Dispatcher.*", 2, kittest.ErrWrite) // the same call: the first one wins
	f.Fail("*", 5, kittest.ErrWrite)
	var got []error
	for range 3 {
		got = append(got, d.Dispatch(t.Context(), jobs.Task{}))
		_, err := o.Get(t.Context(), "")
		got = append(got, err)
	}
	if want := []error{nil, kittest.ErrWrite, errFault, nil, kittest.ErrWrite, nil}; !slices.Equal(got, want) {
		t.Errorf("errors are %v, want %v", got, want)
	}
	f.Fail("Dispatcher.Dispatch", 1, errFault) // counts from now on
	if err := d.Dispatch(t.Context(), jobs.Task{}); !errors.Is(err, errFault) {
		t.Errorf("got %v", err)
	}
	for _, pattern := range []string{"Store.Updat", "[", ""} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a fault in %q, which never comes, can be chosen", pattern)
				}
			}()
			f.Fail(pattern, 1, errFault)
		}()
	}
}

func TestFaultsBeforeAndAfter(t *testing.T) {
	inner := new(jobstest.MemStore)
	f := New()
	s := f.Store(inner)
	total := func() int64 {
		_, total, err := inner.List(t.Context(), kittest.OurOrg, jobs.Page{Number: 1, Size: 1})
		if err != nil {
			t.Fatal(err)
		}
		return total
	}
	f.Fail("Store.Create", 1, errFault)
	if j, created, err := s.Create(t.Context(), kittest.OurOrg, someJob); !errors.Is(err, errFault) || created || j.ID != "" || total() != 0 {
		t.Errorf("failed Create gives %v, %t, %v and leaves %d jobs", j, created, err, total())
	}
	f.Lose("Store.Create", 1, errFault)
	if j, created, err := s.Create(t.Context(), kittest.OurOrg, someJob); !errors.Is(err, errFault) || created || j.ID != "" || total() != 1 {
		t.Errorf("lost Create gives %v, %t, %v and leaves %d jobs", j, created, err, total())
	}
	for attempt, choose := range []func(*Faults, string, int, error){(*Faults).Fail, (*Faults).Lose} {
		choose(f, "Store.Update", 1, errFault)
		j, err := s.Update(t.Context(), kittest.ShortID(1), func(_ time.Time, j *jobs.Job) error { j.Attempt++; return nil })
		if !errors.Is(err, errFault) || j.ID != "" {
			t.Errorf("Update gives %v, %v", j, err)
		}
		if j, err := inner.Get(t.Context(), kittest.OurOrg, kittest.ShortID(1)); err != nil || j.Attempt != attempt {
			t.Errorf("the job is at attempt %d, %v, want %d", j.Attempt, err, attempt)
		}
	}
}

func TestFaultsOfContents(t *testing.T) {
	for _, c := range []struct {
		choose func(*Faults, string, int, error)
		call   string
		nth    int
		want   string // what is there then
		given  int    // bytes that the writer took
	}{
		{(*Faults).Fail, "Destination.Put", 1, "old", 0},
		{(*Faults).Lose, "Destination.Put", 1, "abcdef", 6},
		{(*Faults).Fail, "Destination.Write", 2, "old", 2},
		{(*Faults).Lose, "Destination.Write", 2, "old", 4},
		{(*Faults).Fail, "Destination.Commit", 1, "old", 6},
		{(*Faults).Lose, "Destination.Commit", 1, "old", 6},
	} {
		inner := new(jobstest.MemDestination)
		kittest.Put(t, inner, "key", "old")
		f := New()
		c.choose(f, c.call, c.nth, errFault)
		given := 0
		err := f.Destination(inner).Put(t.Context(), "key", func(w io.Writer) error {
			var errs []error
			for _, piece := range []string{"ab", "cd", "ef"} {
				n, err := io.WriteString(w, piece)
				given += n
				errs = append(errs, err)
			}
			if errs[1] != nil && errs[2] == nil {
				t.Error("after a failed Write another succeeds")
			}
			return errors.Join(errs...)
		})
		if !errors.Is(err, errFault) || given != c.given {
			t.Errorf("%s: Put gives %v after %d bytes, want %d", c.call, err, given, c.given)
		}
		kittest.WantContent(t, inner, "key", c.want)
	}
}

func TestFaultsOfReaders(t *testing.T) {
	inner := new(jobstest.MemDestination)
	kittest.Put(t, inner, "key", "0123456789")
	for bytes, choose := range map[int]func(*Faults, string, int, error){2: (*Faults).Fail, 4: (*Faults).Lose} {
		f := New()
		choose(f, "Destination.Read", 2, errFault)
		r := kittest.Open(t, f.Destination(inner), "key")
		var n int
		var err error
		for p := make([]byte, 2); err == nil; {
			var m int
			m, err = r.Read(p)
			n += m
		}
		if !errors.Is(err, errFault) || n != bytes {
			t.Errorf("reading ends after %d bytes with %v, want %d", n, err, bytes)
		}
		if _, err := r.Read(make([]byte, 2)); !errors.Is(err, errFault) {
			t.Errorf("after a failed Read comes %v", err)
		}
	}
	f := New()
	opened := &counting{Destination: inner}
	f.Lose("Destination.Open", 1, errFault)
	if _, err := f.Destination(opened).Open(t.Context(), "key"); !errors.Is(err, errFault) || opened.open.Load() != 0 {
		t.Errorf("lost Open gives %v and leaves %d readers open", err, opened.open.Load())
	}
	f.Fail("Destination.Close", 1, errFault)
	if err := kittest.Open(t, f.Destination(opened), "key").Close(); !errors.Is(err, errFault) || opened.open.Load() != 0 {
		t.Errorf("failed Close gives %v and leaves %d readers open", err, opened.open.Load())
	}
}

// counting counts its open readers.
type counting struct {
	jobs.Destination
	open atomic.Int32
}

type countedReader struct {
	io.ReadSeekCloser
	open *atomic.Int32
}

func (c *counting) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	r, err := c.Destination.Open(ctx, key)
	c.open.Add(1)
	return countedReader{r, &c.open}, err
}

func (r countedReader) Close() error {
	r.open.Add(-1)
	return r.ReadSeekCloser.Close()
}

func TestFaultsConcurrent(t *testing.T) {
	f := New()
	d := f.Dispatcher(new(jobstest.MemDispatcher))
	f.Fail("*", kittest.AtOnce*5, errFault)
	var failed atomic.Int32
	kittest.Together(func(int) {
		for range 10 {
			if d.Dispatch(t.Context(), jobs.Task{}) != nil {
				failed.Add(1)
			}
		}
	})
	if failed.Load() != 1 || len(f.Fired()) != 1 {
		t.Errorf("%d calls failed, want one", failed.Load())
	}
}
