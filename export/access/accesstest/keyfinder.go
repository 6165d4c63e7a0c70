package accesstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// RunKeyFinder checks an [access.KeyFinder] against its documentation. newStore returns an
// empty store for each subtest, which is a KeyFinder.
func RunKeyFinder(t *testing.T, newStore func(t *testing.T) access.KeyStore) {
	t.Helper()
	for name, test := range map[string]func(t *testing.T, s access.KeyStore, f access.KeyFinder){
		"Finds": finderFinds, "FindsRevoked": finderFindsRevoked, "NotFound": finderNotFound, "CancelledContext": finderCancelled,
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			f, ok := s.(access.KeyFinder)
			if !ok {
				t.Fatalf("%T is no access.KeyFinder", s)
			}
			test(t, s, f)
		})
	}
}

func createKeys(t *testing.T, s access.KeyStore, keys ...access.Key) {
	t.Helper()
	for _, k := range keys {
		if err := s.CreateKey(t.Context(), k); err != nil {
			t.Fatalf("CreateKey: %v", err)
		}
	}
}

func finderFinds(t *testing.T, s access.KeyStore, f access.KeyFinder) {
	createKeys(t, s, businessKey(1), businessKey(2), businessKey(3))
	for n := 1; n <= 3; n++ {
		got, err := f.KeyByID(t.Context(), kittest.ShortID(n))
		if err != nil {
			t.Fatalf("KeyByID: %v", err)
		}
		kittest.WantSame(t, "KeyByID", got, businessKey(n))
	}
}

func finderFindsRevoked(t *testing.T, s access.KeyStore, f access.KeyFinder) {
	k := businessKey(1)
	createKeys(t, s, k)
	if err := s.RevokeKey(t.Context(), k.ID, kittest.SomeTime().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	got, err := f.KeyByID(t.Context(), k.ID)
	if err != nil || !got.RevokedAt.Equal(kittest.SomeTime().Add(time.Hour)) {
		t.Errorf("KeyByID of a revoked key gives %v, %v", got, err)
	}
}

func finderNotFound(t *testing.T, s access.KeyStore, f access.KeyFinder) {
	createKeys(t, s, businessKey(1))
	for _, id := range []string{"", kittest.ShortID(2), kittest.ShortID(1)[1:], "\x00", "\xff", "%"} {
		if got, err := f.KeyByID(t.Context(), id); !errors.Is(err, access.ErrNotFound) || got != (access.Key{}) {
			t.Errorf("KeyByID(%q) gives %v, %v, want nothing and ErrNotFound", id, got, err)
		}
	}
}

func finderCancelled(t *testing.T, s access.KeyStore, f access.KeyFinder) {
	createKeys(t, s, businessKey(1))
	_, err := f.KeyByID(kittest.Cancelled(t), kittest.ShortID(1))
	if !errors.Is(err, context.Canceled) {
		kittest.WantCancelled(t, "KeyByID", err)
	}
}
