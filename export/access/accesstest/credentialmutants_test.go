package accesstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// mutant is a store of keys or sessions. A defect replaces some of its methods,
// or sets one of the other fields.
type mutant[R any] struct {
	store[R]
	whole store[R]        // the methods as they were
	rows  *credentials[R] // what it keeps
	deaf  kittest.Deaf
	out   func(*R) // changes what comes out
}

func broken[R any](whole store[R], rows *credentials[R], breaks func(*mutant[R])) store[R] {
	rows.byID = make(map[string]R)
	m := &mutant[R]{store: whole, whole: whole, rows: rows}
	breaks(m)
	s := m.store
	s.create = func(ctx context.Context, r R) error { return m.create(m.deaf.Hears(ctx), r) }
	s.byHash = func(ctx context.Context, hash [sha256.Size]byte) (R, error) {
		r, err := m.byHash(m.deaf.Hears(ctx), hash)
		if m.out != nil {
			m.out(&r)
		}
		return r, err
	}
	s.move = func(ctx context.Context, id string, at time.Time) error {
		return m.move(m.deaf.Hears(ctx), id, at)
	}
	s.end = func(ctx context.Context, id string, at time.Time) error {
		return m.end(m.deaf.Hears(ctx), id, at)
	}
	s.list = func(ctx context.Context, owner string) ([]R, error) { return m.list(m.deaf.Hears(ctx), owner) }
	return s
}

// set keeps r, whatever there is.
func (m *mutant[R]) set(r R) error {
	m.rows.mu.Lock()
	defer m.rows.mu.Unlock()
	m.rows.byID[*m.columns(&r).id] = r
	return nil
}

// changes lets move or end change what it likes.
func (m *mutant[R]) changes(change func(r *R, at time.Time)) func(context.Context, string, time.Time) error {
	return func(ctx context.Context, id string, at time.Time) error {
		return m.rows.change(ctx, id, func(r *R) { change(r, at) })
	}
}

// credentialMutants break what key stores and session stores promise alike. moves
// is the name of the promise about move.
func credentialMutants[R any](s store[R], moves string) []kittest.Mutant[*mutant[R]] {
	type M = *mutant[R]
	keepsAll := func(m M) { m.create = func(_ context.Context, r R) error { return m.set(r) } }
	return []kittest.Mutant[M]{
		{"InstantsAreInUTCAndMilliseconds", func(m M) {
			m.out = func(r *R) { c := m.columns(r).created; *c = c.In(time.FixedZone("", 60)) }
		}, "want it in UTC"},
		{"InstantsAreInUTCAndMilliseconds", func(m M) {
			m.out = func(r *R) { c := m.columns(r).moved; *c = c.Add(time.Microsecond) }
		}, "ByHash: "},
		{"NotFound", func(m M) {
			m.byHash = func(ctx context.Context, _ [sha256.Size]byte) (R, error) {
				r := m.some(1)
				return m.whole.byHash(ctx, *m.columns(&r).hash)
			}
		}, "want nothing and ErrNotFound"},
		{"NotFound", func(m M) {
			m.byHash = func(context.Context, [sha256.Size]byte) (r R, err error) { return r, errors.New("no rows") }
		}, "no rows, want nothing and ErrNotFound"},
		{"NotFound", func(m M) { m.move = m.end }, s.moveName + " of nothing gives"},
		{"NotFound", func(m M) { m.end = m.move }, s.endName + " of nothing gives"},
		{"NoIDOrHashTwice", keepsAll, "with the id of another & with the hash of another"},
		{moves, func(m M) {
			m.move = m.changes(func(r *R, at time.Time) { *m.columns(r).moved = at })
		}, "ByHash: "},
		{"ListsOldestFirst", func(m M) {
			m.list = func(ctx context.Context, owner string) ([]R, error) {
				list, err := m.whole.list(ctx, owner)
				slices.Reverse(list)
				return list, err
			}
		}, "number 0"},
		{"ListsOldestFirst", func(m M) {
			m.list = func(context.Context, string) ([]R, error) { return slices.Collect(maps.Values(m.rows.byID)), nil }
		}, " gives "},
		{"ConcurrentCreates", keepsAll, "of one hash"},
		{"CancelledContext", func(m M) { m.deaf = true },
			fmt.Sprintf("Create%[1]s with & %[1]sByHash with & %s with & %s with & %[1]ss with", s.noun, s.moveName, s.endName)},
		{"Concurrent" + moves, func(m M) {
			m.move = m.changes(func(r *R, at time.Time) { *m.columns(r).moved = at.Truncate(time.Minute) })
		}, "ByHash: "},
	}
}

func brokenKeys(breaks func(*mutant[access.Key])) keys {
	m := new(MemKeys)
	return broken(keysOf(m), &m.keys, breaks)
}

func TestKeyMutants(t *testing.T) {
	type M = *mutant[access.Key]
	kittest.TestForgotten(t, keyPromises, func(forget func(*access.Key)) keys {
		return brokenKeys(func(m M) { m.out = forget })
	})
	kittest.TestMutants(t, keyPromises, brokenKeys, append(credentialMutants(keysOf(new(MemKeys)), "Touches"), []kittest.Mutant[M]{
		{"EveryFieldSurvives", func(m M) { m.out = func(k *access.Key) { k.Name = "" } }, "Name is"},
		{"NothingIsAdded", func(m M) {
			m.out = func(k *access.Key) { k.ExpiresAt = k.ExpiresAt.AddDate(9998, 0, 0) }
		}, "ExpiresAt is 9999"},
		{"Revokes", func(m M) {
			m.end = m.changes(func(k *access.Key, at time.Time) { k.RevokedAt = at })
		}, "RevokedAt"},
		{"Revokes", func(m M) { // deletes
			m.end = func(ctx context.Context, id string, _ time.Time) error { return m.rows.remove(ctx, id) }
		}, "KeyByHash: "},
		{"ConcurrentRevokes", func(m M) { // revokes again after somebody has looked
			var looks atomic.Int32
			m.out = func(k *access.Key) {
				if looks.Add(1) == 1 {
					k.RevokedAt = k.RevokedAt.Add(time.Second)
				}
			}
		}, "was revoked at 2 instants"},
	}...))
}

func brokenSessions(breaks func(*mutant[access.Session])) sessions {
	m := new(MemSessions)
	return broken(sessionsOf(m), &m.sessions, breaks)
}

func TestSessionMutants(t *testing.T) {
	type M = *mutant[access.Session]
	kittest.TestForgotten(t, sessionPromises, func(forget func(*access.Session)) sessions {
		return brokenSessions(func(m M) { m.out = forget })
	})
	kittest.TestMutants(t, sessionPromises, brokenSessions, append(credentialMutants(sessionsOf(new(MemSessions)), "Extends"), []kittest.Mutant[M]{
		{"EveryFieldSurvives", func(m M) { m.out = func(s *access.Session) { s.Subject = "" } }, "Subject is"},
		{"Ends", func(m M) { m.end = func(context.Context, string, time.Time) error { return nil } }, "want nothing and ErrNotFound"},
		{"Ends", func(m M) { // ends all
			m.end = func(context.Context, string, time.Time) error { clear(m.rows.byID); return nil }
		}, "SessionByHash: "},
		{"KeepsWhatHasNotExpired", func(m M) {
			m.create = func(ctx context.Context, s access.Session) error {
				if len(m.rows.byID) > 10 {
					delete(m.rows.byID, kittest.ShortID(0))
				}
				return m.whole.create(ctx, s)
			}
		}, "SessionByHash: "},
		{"ConcurrentEnds", func(m M) {
			m.end = func(ctx context.Context, id string, _ time.Time) error { _ = m.rows.remove(ctx, id); return nil }
		}, "ended 16 times"},
		{"ConcurrentEnds", func(m M) { // somebody who extends it writes what was read before
			m.end = func(ctx context.Context, id string, _ time.Time) error {
				return errors.Join(m.rows.remove(ctx, id), m.set(someSession(1)))
			}
		}, "want nothing and ErrNotFound"},
	}...))
}
