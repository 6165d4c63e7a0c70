package accesstest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// RunKeyStore checks an [access.KeyStore] against its documentation. newStore
// returns an empty one for each subtest.
func RunKeyStore(t *testing.T, newStore func(t *testing.T) access.KeyStore) {
	t.Helper()
	kittest.Run(t, keyPromises, func(t *testing.T) keys { return keysOf(newStore(t)) })
}

type keys = store[access.Key]

func keysOf(s access.KeyStore) keys {
	return keys{
		kind:   kind[access.Key]{"Key", "TouchKey", "RevokeKey", businessKey, keyColumns},
		create: s.CreateKey, byHash: s.KeyByHash, move: s.TouchKey, end: s.RevokeKey, list: s.Keys,
	}
}

var keyPromises = []kittest.Promise[keys]{
	{"EveryFieldSurvives", keyFields},
	{"NothingIsAdded", keyNothingAdded},
	{"InstantsAreInUTCAndMilliseconds", keyInstants},
	{"NotFound", credentialNotFound[access.Key]},
	{"NoIDOrHashTwice", credentialExists[access.Key]},
	{"Touches", credentialMoves[access.Key]},
	{"Revokes", keyRevokes},
	{"ListsOldestFirst", keyList},
	{"CancelledContext", credentialCancelled[access.Key]},
	{"ConcurrentCreates", credentialConcurrentCreates[access.Key]},
	{"ConcurrentTouches", credentialConcurrentMoves[access.Key]},
	{"ConcurrentRevokes", keyConcurrentRevokes},
}

// businessKey is key n of our organization.
func businessKey(n int) access.Key {
	return access.Key{
		ID: kittest.ShortID(n), Kind: access.Business, Hash: access.Hash(fmt.Sprint("key ", n)),
		OrganizationID: kittest.OurOrg, Role: access.Manager, CreatedAt: kittest.SomeTime(),
	}
}

func keyFields(t testing.TB, s keys) {
	f := new(kittest.Filler)
	for _, kind := range []access.Kind{access.Business, access.User, access.Publishable} {
		k := kittest.Filled[access.Key](t, f)
		k.ID, k.Kind, k.OrganizationID, k.Role = kittest.ShortID(f.N), kind, kittest.ShortID(f.N+1), access.Owner
		if kind == access.User {
			k.OrganizationID, k.Role = "", ""
		}
		s.created(t, k)
		s.want(t, k)
		s.wantList(t, k.OrganizationID, k)
	}
}

func keyNothingAdded(t testing.TB, s keys) {
	k := access.Key{ID: kittest.ShortID(1), Kind: access.Publishable, Hash: access.Hash("1"), OrganizationID: kittest.OurOrg, CreatedAt: kittest.SomeTime()}
	s.want(t, s.created(t, k))
}

// keyInstants also uses the instants that only keys have.
func keyInstants(t testing.TB, s keys) {
	credentialInstants(t, s)
	at := kittest.SomeTime().In(time.FixedZone("", 5*3600+1800))
	k := businessKey(2)
	k.ExpiresAt = at.Add(time.Hour)
	s.created(t, k)
	if err := errors.Join(s.move(t.Context(), k.ID, at), s.end(t.Context(), k.ID, at)); err != nil {
		t.Fatal(err)
	}
	k.LastUsedAt, k.RevokedAt = at, at
	s.want(t, k)
}

// keyRevokes revokes a key that has expired, several times.
func keyRevokes(t testing.TB, s keys) {
	k, other := businessKey(1), s.created(t, businessKey(2))
	k.ExpiresAt = kittest.SomeTime().Add(time.Second)
	s.created(t, k)
	k.RevokedAt = kittest.SomeTime().Add(time.Hour)
	for _, off := range []time.Duration{time.Hour, 2 * time.Hour, time.Minute} { // only the first one counts
		if err := s.end(t.Context(), k.ID, kittest.SomeTime().Add(off)); err != nil {
			t.Fatal(err)
		}
		s.want(t, k)
	}
	s.want(t, other)
	s.wantList(t, kittest.OurOrg, k, other)
}

func keyList(t testing.TB, s keys) {
	s.wantList(t, kittest.OurOrg)
	made := make(map[int]access.Key)
	for _, n := range []int{3, 1, 4, 2, 5, 6} {
		k := businessKey(n)
		k.CreatedAt = kittest.SomeTime().Add(time.Duration(7-n) * time.Millisecond)
		switch n {
		case 2, 4:
			k.Kind, k.OrganizationID, k.Role, k.UserID = access.User, "", "", "user"
		case 5:
			k.OrganizationID = kittest.TheirOrg
		case 6:
			k.Kind = access.Publishable
		}
		made[n] = s.created(t, k)
	}
	s.wantList(t, kittest.OurOrg, made[6], made[3], made[1])
	s.wantList(t, kittest.TheirOrg, made[5])
	s.wantList(t, "", made[4], made[2])
}

// keyConcurrentRevokes reads the instant many times. It must never change.
func keyConcurrentRevokes(t testing.TB, s keys) {
	k := s.created(t, businessKey(1))
	var seen sync.Map
	kittest.Together(func(n int) {
		err := s.end(t.Context(), k.ID, kittest.SomeTime().Add(time.Duration(n)*time.Second))
		got, err2 := s.byHash(t.Context(), k.Hash)
		if err = errors.Join(err, err2); err != nil || got.RevokedAt.IsZero() {
			t.Errorf("RevokeKey: %v; revoked at %v", err, got.RevokedAt)
		}
		seen.Store(got.RevokedAt.UnixMilli(), true)
	})
	count := 0
	seen.Range(func(_, _ any) bool { count++; return true })
	if count != 1 {
		t.Errorf("the key was revoked at %d instants", count)
	}
}
