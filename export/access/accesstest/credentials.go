package accesstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// store is an [access.KeyStore] or an [access.SessionStore], with the same names
// for the methods of both. R is access.Key or access.Session. The functions
// credential… test what both promise.
type store[R any] struct {
	kind[R]
	create func(ctx context.Context, r R) error
	byHash func(ctx context.Context, hash [sha256.Size]byte) (R, error)
	move   func(ctx context.Context, id string, at time.Time) error
	end    func(ctx context.Context, id string, at time.Time) error
	list   func(ctx context.Context, owner string) ([]R, error)
}

// kind has what differs between keys and sessions.
type kind[R any] struct {
	noun     string        // Key, as in CreateKey, KeyByHash and Keys, or Session
	moveName string        // the name of the method move
	endName  string        // the name of the method end
	some     func(n int) R // returns the n-th of one owner
	columns  func(*R) columns
}

func (s store[R]) created(t testing.TB, r R) R {
	t.Helper()
	if err := s.create(t.Context(), r); err != nil {
		t.Fatalf("Create%s: %v", s.noun, err)
	}
	return r
}

func (s store[R]) want(t testing.TB, want R) {
	t.Helper()
	got, err := s.byHash(t.Context(), *s.columns(&want).hash)
	if err != nil {
		t.Fatalf("%sByHash: %v", s.noun, err)
	}
	kittest.WantSame(t, s.noun+"ByHash", got, want)
}

func (s store[R]) wantNone(t testing.TB, hash [sha256.Size]byte) {
	t.Helper()
	got, err := s.byHash(t.Context(), hash)
	if !errors.Is(err, access.ErrNotFound) || !reflect.ValueOf(got).IsZero() {
		t.Errorf("%sByHash gives %v, %v, want nothing and ErrNotFound", s.noun, got, err)
	}
}

func (s store[R]) wantList(t testing.TB, owner string, want ...R) {
	t.Helper()
	got, err := s.list(t.Context(), owner)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%ss(%q) gives %d, %v, want %d", s.noun, owner, len(got), err, len(want))
	}
	for i := range want {
		kittest.WantSame(t, fmt.Sprintf("%ss(%q), number %d", s.noun, owner, i), got[i], want[i])
	}
}

// credentialInstants uses instants in another zone, and one with microseconds.
func credentialInstants[R any](t testing.TB, s store[R]) {
	zone := time.FixedZone("", 5*3600+1800)
	r := s.some(1)
	c := s.columns(&r)
	for _, at := range c.instants() {
		*at = at.In(zone)
	}
	s.created(t, r)
	s.want(t, r)
	*c.moved = c.created.Add(48 * time.Hour)
	if err := s.move(t.Context(), *c.id, c.moved.Add(999*time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	s.want(t, r)
	s.wantList(t, *c.owner, r)
}

func credentialNotFound[R any](t testing.TB, s store[R]) {
	r := s.created(t, s.some(1))
	c := s.columns(&r)
	s.wantNone(t, access.Hash("another"))
	s.wantNone(t, [sha256.Size]byte{})
	if err := s.move(t.Context(), kittest.ShortID(2), c.created.Add(48*time.Hour)); err != nil {
		t.Errorf("%s of nothing gives %v", s.moveName, err)
	}
	for _, id := range []string{kittest.ShortID(2), ""} {
		if err := s.end(t.Context(), id, *c.created); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("%s of nothing gives %v, want ErrNotFound", s.endName, err)
		}
	}
	s.wantList(t, *c.owner, r)
}

func credentialExists[R any](t testing.TB, s store[R]) {
	r := s.created(t, s.some(1))
	c := s.columns(&r)
	sameID, sameHash := s.some(2), s.some(3)
	*s.columns(&sameID).id, *s.columns(&sameID).owner = *c.id, kittest.TheirOrg
	*s.columns(&sameHash).hash, *s.columns(&sameHash).owner = *c.hash, kittest.TheirOrg
	for what, other := range map[string]R{"id": sameID, "hash": sameHash, "id and hash": r} {
		if err := s.create(t.Context(), other); !errors.Is(err, access.ErrExists) {
			t.Errorf("Create%s with the %s of another gives %v, want ErrExists", s.noun, what, err)
		}
	}
	s.want(t, r)
	s.wantList(t, *c.owner, r)
	s.wantList(t, kittest.TheirOrg)
}

func credentialMoves[R any](t testing.TB, s store[R]) {
	r, other := s.created(t, s.some(1)), s.created(t, s.some(2))
	c := s.columns(&r)
	began := c.created.Add(48 * time.Hour)
	for _, off := range []time.Duration{-72 * time.Hour, 0, time.Minute, time.Second, time.Minute + time.Millisecond, time.Minute} {
		at := began.Add(off)
		if err := s.move(t.Context(), *c.id, at); err != nil {
			t.Fatal(err)
		}
		if at.After(*c.moved) {
			*c.moved = at
		}
		s.want(t, r)
	}
	s.want(t, other)
}

func credentialCancelled[R any](t testing.TB, s store[R]) {
	ctx := kittest.Cancelled(t)
	r := s.created(t, s.some(1))
	c := s.columns(&r)
	kittest.WantCancelled(t, "Create"+s.noun, s.create(ctx, s.some(2)))
	_, err := s.byHash(ctx, *c.hash)
	kittest.WantCancelled(t, s.noun+"ByHash", err)
	kittest.WantCancelled(t, s.moveName, s.move(ctx, *c.id, c.created.Add(48*time.Hour)))
	kittest.WantCancelled(t, s.endName, s.end(ctx, *c.id, *c.created))
	_, err = s.list(ctx, *c.owner)
	kittest.WantCancelled(t, s.noun+"s", err)
	s.wantList(t, *c.owner, r)
}

func credentialConcurrentCreates[R any](t testing.TB, s store[R]) {
	var created atomic.Int32
	kittest.Together(func(n int) {
		r := s.some(n)
		*s.columns(&r).hash = access.Hash("the same")
		switch err := s.create(t.Context(), r); {
		case err == nil:
			created.Add(1)
		case !errors.Is(err, access.ErrExists):
			t.Errorf("Create%s gives %v, want ErrExists", s.noun, err)
		}
	})
	r := s.some(0)
	if list, err := s.list(t.Context(), *s.columns(&r).owner); err != nil || len(list) != 1 || created.Load() != 1 {
		t.Errorf("of one hash %d were created and %d are there, %v", created.Load(), len(list), err)
	}
}

func credentialConcurrentMoves[R any](t testing.TB, s store[R]) {
	r := s.created(t, s.some(1))
	c := s.columns(&r)
	began := c.created.Add(48 * time.Hour)
	kittest.Together(func(n int) {
		for i := range 4 {
			if err := s.move(t.Context(), *c.id, began.Add(time.Duration(n*(7-i))*time.Millisecond)); err != nil {
				t.Errorf("%s: %v", s.moveName, err)
			}
		}
	})
	*c.moved = began.Add((kittest.AtOnce - 1) * 7 * time.Millisecond)
	s.want(t, r)
}
