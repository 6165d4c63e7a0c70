package faulttest

import (
	"fmt"
	"path"
	"slices"
	"sync"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// Faults makes chosen calls of ports fail. Wrap the ports of a test with its
// methods, choose the calls with [Faults.Fail] and [Faults.Lose], and see with
// [Faults.Fired] whether they came. To try every failure there can be, let the
// first call fail, then the second, until none is left:
//
//	for n := 1; ; n++ {
//		faults := faulttest.New()
//		faults.Fail("*", n, errDisk)
//		// … run with faults.Store(store), faults.Spool(spool), …
//		if len(faults.Fired()) == 0 {
//			break
//		}
//	}
//
// Calls have the names of port and method, such as "Store.Update". The contents
// of a Spool or Destination have more: "Spool.Write" and "Spool.Read" are calls
// of the writer that Put hands out and of the reader that Open returns, which
// fail for good then; "Spool.Seek" and "Spool.Close" are those of the reader;
// "Spool.Commit" is the end of a Put whose write has succeeded.
//
// A wrapped port has the methods of its interface and not what it may implement
// besides, such as [export.Checker], but for [jobs.Scheduler] and
// [export.JobLister]. Faults is safe for concurrent use.
type Faults struct {
	mu    sync.Mutex
	plan  []*fault
	fired []string
}

// fault is a call that is to fail.
type fault struct {
	pattern string
	left    int // matching calls until it
	err     error
	late    bool
}

// New returns a Faults without any chosen call.
func New() *Faults { return new(Faults) }

// Fail lets the n-th call from now on, the first being 1, of those that pattern
// matches (see [path.Match]) return err without having done anything. It panics
// if there is no call that pattern matches.
func (f *Faults) Fail(pattern string, n int, err error) { f.choose(pattern, n, err, false) }

// Lose is like [Faults.Fail], but the call is carried out and only its answer
// lost: err is returned in its place. Of a read or a write the number of bytes
// is returned beside err.
func (f *Faults) Lose(pattern string, n int, err error) { f.choose(pattern, n, err, true) }

func (f *Faults) choose(pattern string, n int, err error, late bool) {
	known := slices.ContainsFunc(calls, func(call string) bool { return matches(pattern, call) })
	if !known || n < 1 || err == nil {
		panic(fmt.Sprintf("faulttest: no fault: call %d of %q gives %v", n, pattern, err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan = append(f.plan, &fault{pattern, n, err, late})
}

// Fired returns the names of the calls that failed, in their order.
func (f *Faults) Fired() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.fired)
}

// calls are the names of all calls.
var calls = []string{
	"Store.Create", "Store.Get", "Store.List", "Store.Update", "Store.Stale", "Store.Next",
	"Spool.Put", "Spool.Write", "Spool.Commit", "Spool.Open", "Spool.Read", "Spool.Seek", "Spool.Close",
	"Spool.Delete", "Spool.List", "Spool.Jobs",
	"Destination.Put", "Destination.Write", "Destination.Commit", "Destination.Open", "Destination.Read",
	"Destination.Seek", "Destination.Close", "Destination.Delete", "Destination.List",
	"Dispatcher.Dispatch", "Dispatcher.Cancel", "Signer.Sign", "Organizations.Get",
	"KeyStore.CreateKey", "KeyStore.KeyByHash", "KeyStore.TouchKey", "KeyStore.RevokeKey", "KeyStore.Keys",
	"MemberStore.PutMember", "MemberStore.Member", "MemberStore.Members", "MemberStore.RemoveMember",
	"SessionStore.CreateSession", "SessionStore.SessionByHash", "SessionStore.ExtendSession", "SessionStore.EndSession",
	"SessionStore.Sessions",
	"Counter.Count", "Log.Record",
}

func matches(pattern, call string) bool {
	ok, err := path.Match(pattern, call)
	return ok && err == nil
}

// do carries a call out, unless it is to fail.
func (f *Faults) do(call string, inner func() error) error {
	late, err := f.next(call)
	if err != nil && !late {
		return err
	}
	if innerErr := inner(); err == nil {
		return innerErr
	}
	return err
}

// next counts a call and tells how it is to fail. The first fault that was
// chosen wins.
func (f *Faults) next(call string) (late bool, failure error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.plan {
		if !matches(c.pattern, call) {
			continue
		}
		if c.left--; c.left == 0 && failure == nil {
			late, failure = c.late, c.err
		}
	}
	if failure != nil {
		f.fired = append(f.fired, call)
	}
	return late, failure
}

// Store wraps a store.
func (f *Faults) Store(inner jobs.Store) jobs.Store { return faultyStore{f, inner} }

// Spool wraps a spool.
func (f *Faults) Spool(inner export.Spool) export.Spool {
	return faultySpool{faultyKeeper[export.PartID]{f, "Spool.", inner}}
}

// Destination wraps a destination.
func (f *Faults) Destination(inner jobs.Destination) jobs.Destination {
	return faultyKeeper[string]{f, "Destination.", inner}
}

// Dispatcher wraps a dispatcher.
func (f *Faults) Dispatcher(inner jobs.Dispatcher) jobs.Dispatcher {
	return faultyDispatcher{f, inner}
}

// Signer wraps a signer.
func (f *Faults) Signer(inner jobs.Signer) jobs.Signer { return faultySigner{f, inner} }

// Organizations wraps a source of organizations.
func (f *Faults) Organizations(inner jobs.Organizations) jobs.Organizations {
	return faultyOrganizations{f, inner}
}

// KeyStore wraps a store of keys.
func (f *Faults) KeyStore(inner access.KeyStore) access.KeyStore { return faultyKeys{f, inner} }

// MemberStore wraps a store of members.
func (f *Faults) MemberStore(inner access.MemberStore) access.MemberStore {
	return faultyMembers{f, inner}
}

// SessionStore wraps a store of sessions.
func (f *Faults) SessionStore(inner access.SessionStore) access.SessionStore {
	return faultySessions{f, inner}
}

// Counter wraps a counter.
func (f *Faults) Counter(inner access.Counter) access.Counter { return faultyCounter{f, inner} }

// Log wraps an audit log.
func (f *Faults) Log(inner audit.Log) audit.Log { return faultyLog{f, inner} }
