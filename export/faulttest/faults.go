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

// Faults makes chosen calls of ports fail. Its methods wrap ports, such as
// [Faults.Store]; [Faults.Fail] and [Faults.Lose] choose calls; [Faults.Fired]
// returns the calls that failed. A test can try every failure: it lets the first
// call fail, then the second, until no call is left:
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
// The name of a call is that of the port and the method, such as "Store.Update".
// Spools and destinations have more calls:
//
//   - "Spool.Write" is a Write to what Put hands out. After a failure all fail.
//   - "Spool.Commit" is the end of a Put whose function returned nil.
//   - "Spool.Read", "Spool.Seek" and "Spool.Close" are calls of the reader that Open
//     returns. After a failed Read all Reads fail.
//
// A wrapped port has the methods of its interface. Of the optional interfaces it
// implements only [jobs.Scheduler], [jobs.PartsUsage], [jobs.Canceller], [jobs.Sizer] and
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

// Fail makes a call return err and do nothing. The call is the n-th one from now on
// whose name matches pattern (see [path.Match]); the next one is number 1. Fail
// panics if no name can match, if n is less than 1 or if err is nil.
func (f *Faults) Fail(pattern string, n int, err error) { f.choose(pattern, n, err, false) }

// Lose is like [Faults.Fail], but the call does its work and only its answer is
// lost: it returns err. A Read or a Write also returns the number of bytes.
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
	"Store.Create", "Store.Get", "Store.List", "Store.Update", "Store.Stale", "Store.Next", "Store.PartsInUse",
	"Spool.Put", "Spool.Write", "Spool.Commit", "Spool.Open", "Spool.Read", "Spool.Seek", "Spool.Close",
	"Spool.Delete", "Spool.List", "Spool.Jobs",
	"Destination.Put", "Destination.Write", "Destination.Commit", "Destination.Open", "Destination.Read",
	"Destination.Seek", "Destination.Close", "Destination.Delete", "Destination.List", "Destination.Size",
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

// do makes a call, unless it has to fail.
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

// next counts a call and returns how it has to fail. If several faults choose it,
// the first one counts.
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
	return faultyDestination{faultyKeeper[string]{f, "Destination.", inner}, inner}
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
