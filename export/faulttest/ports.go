package faulttest

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// ask is do for a call that returns a value, which is zero if the call fails.
func ask[V any](f *Faults, call string, inner func() (V, error)) (V, error) {
	var v V
	err := f.do(call, func() (err error) {
		v, err = inner()
		return err
	})
	if err != nil {
		return *new(V), err
	}
	return v, nil
}

type faultyStore struct {
	f     *Faults
	inner jobs.Store
}

func (s faultyStore) Create(ctx context.Context, organizationID string, create func(now time.Time, usage jobs.Usage) (jobs.Job, error)) (jobs.Job, bool, error) {
	var created bool
	j, err := ask(s.f, "Store.Create", func() (j jobs.Job, err error) {
		j, created, err = s.inner.Create(ctx, organizationID, create)
		return j, err
	})
	return j, created && err == nil, err
}

func (s faultyStore) Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error) {
	return ask(s.f, "Store.Get", func() (jobs.Job, error) { return s.inner.Get(ctx, organizationID, jobID) })
}

func (s faultyStore) List(ctx context.Context, organizationID string, page jobs.Page) ([]jobs.Job, int64, error) {
	var total int64
	found, err := ask(s.f, "Store.List", func() (found []jobs.Job, err error) {
		found, total, err = s.inner.List(ctx, organizationID, page)
		return found, err
	})
	if err != nil {
		return nil, 0, err
	}
	return found, total, nil
}

func (s faultyStore) Update(ctx context.Context, jobID string, change func(now time.Time, j *jobs.Job) error) (jobs.Job, error) {
	return ask(s.f, "Store.Update", func() (jobs.Job, error) { return s.inner.Update(ctx, jobID, change) })
}

func (s faultyStore) Stale(ctx context.Context, limit int) ([]jobs.Job, error) {
	return ask(s.f, "Store.Stale", func() ([]jobs.Job, error) { return s.inner.Stale(ctx, limit) })
}

// Next is not supported if inner is no jobs.Scheduler.
func (s faultyStore) Next(ctx context.Context, want jobs.Want) (string, error) {
	return ask(s.f, "Store.Next", func() (string, error) {
		if n, ok := s.inner.(jobs.Scheduler); ok {
			return n.Next(ctx, want)
		}
		return "", errors.ErrUnsupported
	})
}

// PartsInUse is not supported if inner is no jobs.PartsUsage.
func (s faultyStore) PartsInUse(ctx context.Context, jobID string) (bool, error) {
	return ask(s.f, "Store.PartsInUse", func() (bool, error) {
		if u, ok := s.inner.(jobs.PartsUsage); ok {
			return u.PartsInUse(ctx, jobID)
		}
		return false, errors.ErrUnsupported
	})
}

type faultySpool struct {
	faultyKeeper[export.PartID]
}

// Jobs is not supported if inner is no export.JobLister.
func (s faultySpool) Jobs(ctx context.Context) ([]string, error) {
	return ask(s.f, "Spool.Jobs", func() ([]string, error) {
		if l, ok := s.inner.(export.JobLister); ok {
			return l.Jobs(ctx)
		}
		return nil, errors.ErrUnsupported
	})
}

type faultyDispatcher struct {
	f     *Faults
	inner jobs.Dispatcher
}

func (d faultyDispatcher) Dispatch(ctx context.Context, task jobs.Task) error {
	return d.f.do("Dispatcher.Dispatch", func() error { return d.inner.Dispatch(ctx, task) })
}

// Cancel does nothing if inner is no jobs.Canceller.
func (d faultyDispatcher) Cancel(ctx context.Context, jobID string) error {
	return d.f.do("Dispatcher.Cancel", func() error {
		if c, ok := d.inner.(jobs.Canceller); ok {
			return c.Cancel(ctx, jobID)
		}
		return nil
	})
}

type faultySigner struct {
	f     *Faults
	inner jobs.Signer
}

func (s faultySigner) Sign(ctx context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	return ask(s.f, "Signer.Sign", func() (jobs.Link, error) { return s.inner.Sign(ctx, key, filename, ttl) })
}

type faultyOrganizations struct {
	f     *Faults
	inner jobs.Organizations
}

func (o faultyOrganizations) Get(ctx context.Context, id string) (export.Organization, error) {
	return ask(o.f, "Organizations.Get", func() (export.Organization, error) { return o.inner.Get(ctx, id) })
}

type faultyKeys struct {
	f     *Faults
	inner access.KeyStore
}

func (s faultyKeys) CreateKey(ctx context.Context, key access.Key) error {
	return s.f.do("KeyStore.CreateKey", func() error { return s.inner.CreateKey(ctx, key) })
}

func (s faultyKeys) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	return ask(s.f, "KeyStore.KeyByHash", func() (access.Key, error) { return s.inner.KeyByHash(ctx, hash) })
}

func (s faultyKeys) TouchKey(ctx context.Context, id string, at time.Time) error {
	return s.f.do("KeyStore.TouchKey", func() error { return s.inner.TouchKey(ctx, id, at) })
}

func (s faultyKeys) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.f.do("KeyStore.RevokeKey", func() error { return s.inner.RevokeKey(ctx, id, at) })
}

func (s faultyKeys) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	return ask(s.f, "KeyStore.Keys", func() ([]access.Key, error) { return s.inner.Keys(ctx, organizationID) })
}

type faultyMembers struct {
	f     *Faults
	inner access.MemberStore
}

func (s faultyMembers) PutMember(ctx context.Context, m access.Member) error {
	return s.f.do("MemberStore.PutMember", func() error { return s.inner.PutMember(ctx, m) })
}

func (s faultyMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	return ask(s.f, "MemberStore.Member", func() (access.Member, error) { return s.inner.Member(ctx, organizationID, subject) })
}

func (s faultyMembers) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	return ask(s.f, "MemberStore.Members", func() ([]access.Member, error) { return s.inner.Members(ctx, organizationID) })
}

func (s faultyMembers) RemoveMember(ctx context.Context, organizationID, subject string) error {
	return s.f.do("MemberStore.RemoveMember", func() error { return s.inner.RemoveMember(ctx, organizationID, subject) })
}

type faultySessions struct {
	f     *Faults
	inner access.SessionStore
}

func (s faultySessions) CreateSession(ctx context.Context, session access.Session) error {
	return s.f.do("SessionStore.CreateSession", func() error { return s.inner.CreateSession(ctx, session) })
}

func (s faultySessions) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	return ask(s.f, "SessionStore.SessionByHash", func() (access.Session, error) { return s.inner.SessionByHash(ctx, hash) })
}

func (s faultySessions) ExtendSession(ctx context.Context, id string, until time.Time) error {
	return s.f.do("SessionStore.ExtendSession", func() error { return s.inner.ExtendSession(ctx, id, until) })
}

func (s faultySessions) EndSession(ctx context.Context, id string) error {
	return s.f.do("SessionStore.EndSession", func() error { return s.inner.EndSession(ctx, id) })
}

func (s faultySessions) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	return ask(s.f, "SessionStore.Sessions", func() ([]access.Session, error) { return s.inner.Sessions(ctx, subject) })
}

type faultyCounter struct {
	f     *Faults
	inner access.Counter
}

func (c faultyCounter) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	return ask(c.f, "Counter.Count", func() ([]access.Window, error) { return c.inner.Count(ctx, key, lengths...) })
}

type faultyLog struct {
	f     *Faults
	inner audit.Log
}

func (s faultyLog) Record(ctx context.Context, entry audit.Entry) error {
	return s.f.do("Log.Record", func() error { return s.inner.Record(ctx, entry) })
}

type faultyDestination struct {
	faultyKeeper[string]
	inner jobs.Destination
}

func (d faultyDestination) Size(ctx context.Context, key string) (int64, error) {
	return ask(d.f, "Destination.Size", func() (int64, error) { return jobs.SizeOf(ctx, d.inner, key) })
}
