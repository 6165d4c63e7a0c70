package accesstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// MemKeys is an [access.KeyStore] in memory, for tests. Its zero value is ready
// for use. It is safe for concurrent use.
type MemKeys struct {
	mu   sync.Mutex
	keys map[string]access.Key
}

// CreateKey implements [access.KeyStore].
func (s *MemKeys) CreateKey(ctx context.Context, key access.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, k := range s.keys {
		if k.ID == key.ID || k.Hash == key.Hash {
			return fmt.Errorf("%w: key %s", access.ErrExists, k.ID)
		}
	}
	if s.keys == nil {
		s.keys = make(map[string]access.Key)
	}
	for _, at := range []*time.Time{&key.CreatedAt, &key.ExpiresAt, &key.RevokedAt, &key.LastUsedAt} {
		*at = kittest.Instant(*at)
	}
	s.keys[key.ID] = key
	return nil
}

// KeyByHash implements [access.KeyStore].
func (s *MemKeys) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return access.Key{}, context.Cause(ctx)
	}
	for _, k := range s.keys {
		if k.Hash == hash {
			return k, nil
		}
	}
	return access.Key{}, fmt.Errorf("%w: key", access.ErrNotFound)
}

// TouchKey implements [access.KeyStore].
func (s *MemKeys) TouchKey(ctx context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if k, ok := s.keys[id]; ok && at.After(k.LastUsedAt) {
		k.LastUsedAt = kittest.Instant(at)
		s.keys[id] = k
	}
	return nil
}

// RevokeKey implements [access.KeyStore].
func (s *MemKeys) RevokeKey(ctx context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	k, ok := s.keys[id]
	if !ok {
		return fmt.Errorf("%w: key %s", access.ErrNotFound, id)
	}
	if k.RevokedAt.IsZero() {
		k.RevokedAt = kittest.Instant(at)
		s.keys[id] = k
	}
	return nil
}

// Keys implements [access.KeyStore].
func (s *MemKeys) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var keys []access.Key
	for _, k := range s.keys {
		if k.OrganizationID == organizationID {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b access.Key) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return keys, nil
}

// RunKeyStore checks an [access.KeyStore] against its documentation. newStore
// returns an empty one for each subtest.
func RunKeyStore(t *testing.T, newStore func(t *testing.T) access.KeyStore) {
	t.Helper()
	kittest.Run(t, keyPromises, newStore)
}

var keyPromises = []kittest.Promise[access.KeyStore]{
	{"EveryFieldSurvives", keyFields},
	{"NothingIsAdded", keyNothingAdded},
	{"InstantsAreInUTCAndMilliseconds", keyInstants},
	{"NotFound", keyNotFound},
	{"NoIDOrHashTwice", keyExists},
	{"Touches", keyTouches},
	{"Revokes", keyRevokes},
	{"ListsOldestFirst", keyList},
	{"CancelledContext", keyCancelled},
	{"ConcurrentCreates", keyConcurrentCreates},
	{"ConcurrentTouches", keyConcurrentTouches},
	{"ConcurrentRevokes", keyConcurrentRevokes},
}

// businessKey is key n of our organization.
func businessKey(n int) access.Key {
	return access.Key{
		ID: kittest.ShortID(n), Kind: access.Business, Hash: access.Hash(fmt.Sprint("key ", n)),
		OrganizationID: kittest.OurOrg, Role: access.Manager, CreatedAt: kittest.SomeTime(),
	}
}

func createKey(t testing.TB, s access.KeyStore, k access.Key) access.Key {
	t.Helper()
	if err := s.CreateKey(t.Context(), k); err != nil {
		t.Fatalf("CreateKey: %v", err)
	}
	return k
}

func wantKey(t testing.TB, s access.KeyStore, want access.Key) {
	t.Helper()
	got, err := s.KeyByHash(t.Context(), want.Hash)
	if err != nil {
		t.Fatalf("KeyByHash: %v", err)
	}
	kittest.WantSame(t, "KeyByHash", got, want)
}

func wantKeys(t testing.TB, s access.KeyStore, organization string, want ...access.Key) {
	t.Helper()
	got, err := s.Keys(t.Context(), organization)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Keys(%q) gives %d keys, %v, want %d", organization, len(got), err, len(want))
	}
	for i := range want {
		kittest.WantSame(t, fmt.Sprintf("key %d of %q", i, organization), got[i], want[i])
	}
}

func keyFields(t testing.TB, s access.KeyStore) {
	f := new(kittest.Filler)
	for _, kind := range []access.Kind{access.Business, access.User, access.Publishable} {
		k := kittest.Filled[access.Key](t, f)
		k.ID, k.Kind, k.OrganizationID, k.Role = kittest.ShortID(f.N), kind, kittest.ShortID(f.N+1), access.Owner
		if kind == access.User {
			k.OrganizationID, k.Role = "", ""
		}
		createKey(t, s, k)
		wantKey(t, s, k)
		wantKeys(t, s, k.OrganizationID, k)
	}
}

func keyNothingAdded(t testing.TB, s access.KeyStore) {
	k := access.Key{ID: kittest.ShortID(1), Kind: access.Publishable, Hash: access.Hash("1"), OrganizationID: kittest.OurOrg, CreatedAt: kittest.SomeTime()}
	createKey(t, s, k)
	wantKey(t, s, k)
}

func keyInstants(t testing.TB, s access.KeyStore) {
	at := kittest.SomeTime().In(time.FixedZone("", 5*3600+1800))
	k := businessKey(1)
	k.CreatedAt, k.ExpiresAt = at, at.Add(time.Hour)
	createKey(t, s, k)
	if err := errors.Join(s.TouchKey(t.Context(), k.ID, at), s.RevokeKey(t.Context(), k.ID, at)); err != nil {
		t.Fatal(err)
	}
	k.LastUsedAt, k.RevokedAt = at, at
	wantKey(t, s, k)
	wantKeys(t, s, kittest.OurOrg, k)
}

func keyNotFound(t testing.TB, s access.KeyStore) {
	k := createKey(t, s, businessKey(1))
	if got, err := s.KeyByHash(t.Context(), access.Hash("another")); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("KeyByHash gives %v, %v, want ErrNotFound", got, err)
	}
	if got, err := s.KeyByHash(t.Context(), [sha256.Size]byte{}); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("KeyByHash of zeros gives %v, %v, want ErrNotFound", got, err)
	}
	if err := s.RevokeKey(t.Context(), kittest.ShortID(2), kittest.SomeTime()); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("RevokeKey gives %v, want ErrNotFound", err)
	}
	if err := s.TouchKey(t.Context(), kittest.ShortID(2), kittest.SomeTime()); err != nil {
		t.Errorf("TouchKey of no key gives %v", err)
	}
	wantKeys(t, s, kittest.OurOrg, k)
}

func keyExists(t testing.TB, s access.KeyStore) {
	k := createKey(t, s, businessKey(1))
	sameID, sameHash := businessKey(2), businessKey(3)
	sameID.ID, sameID.OrganizationID = k.ID, kittest.TheirOrg
	sameHash.Hash, sameHash.OrganizationID = k.Hash, kittest.TheirOrg
	for what, other := range map[string]access.Key{"id": sameID, "hash": sameHash, "id and hash": k} {
		if err := s.CreateKey(t.Context(), other); !errors.Is(err, access.ErrExists) {
			t.Errorf("CreateKey with the %s of another gives %v, want ErrExists", what, err)
		}
	}
	wantKey(t, s, k)
	wantKeys(t, s, kittest.OurOrg, k)
	wantKeys(t, s, kittest.TheirOrg)
}

func keyTouches(t testing.TB, s access.KeyStore) {
	k, other := createKey(t, s, businessKey(1)), createKey(t, s, businessKey(2))
	for _, off := range []time.Duration{0, time.Minute, time.Second, time.Minute + time.Millisecond, time.Minute} {
		at := kittest.SomeTime().Add(off)
		if err := s.TouchKey(t.Context(), k.ID, at); err != nil {
			t.Fatal(err)
		}
		if at.After(k.LastUsedAt) {
			k.LastUsedAt = at
		}
		wantKey(t, s, k)
	}
	wantKey(t, s, other)
}

// keyRevokes also finds a key that expired long ago.
func keyRevokes(t testing.TB, s access.KeyStore) {
	k, other := businessKey(1), createKey(t, s, businessKey(2))
	k.ExpiresAt = kittest.SomeTime().Add(time.Second)
	createKey(t, s, k)
	k.RevokedAt = kittest.SomeTime().Add(time.Hour)
	for _, off := range []time.Duration{time.Hour, 2 * time.Hour, time.Minute} { // only the first one counts
		if err := s.RevokeKey(t.Context(), k.ID, kittest.SomeTime().Add(off)); err != nil {
			t.Fatal(err)
		}
		wantKey(t, s, k)
	}
	wantKey(t, s, other)
	wantKeys(t, s, kittest.OurOrg, k, other)
}

func keyList(t testing.TB, s access.KeyStore) {
	wantKeys(t, s, kittest.OurOrg)
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
		made[n] = createKey(t, s, k)
	}
	wantKeys(t, s, kittest.OurOrg, made[6], made[3], made[1])
	wantKeys(t, s, kittest.TheirOrg, made[5])
	wantKeys(t, s, "", made[4], made[2])
}

func keyCancelled(t testing.TB, s access.KeyStore) {
	ctx := kittest.Cancelled(t)
	k := createKey(t, s, businessKey(1))
	kittest.WantCancelled(t, "CreateKey", s.CreateKey(ctx, businessKey(2)))
	_, err := s.KeyByHash(ctx, k.Hash)
	kittest.WantCancelled(t, "KeyByHash", err)
	kittest.WantCancelled(t, "TouchKey", s.TouchKey(ctx, k.ID, kittest.SomeTime()))
	kittest.WantCancelled(t, "RevokeKey", s.RevokeKey(ctx, k.ID, kittest.SomeTime()))
	_, err = s.Keys(ctx, kittest.OurOrg)
	kittest.WantCancelled(t, "Keys", err)
	wantKeys(t, s, kittest.OurOrg, k)
}

func keyConcurrentCreates(t testing.TB, s access.KeyStore) {
	var created atomic.Int32
	kittest.Together(func(n int) {
		k := businessKey(n)
		k.Hash = access.Hash("the same")
		switch err := s.CreateKey(t.Context(), k); {
		case err == nil:
			created.Add(1)
		case !errors.Is(err, access.ErrExists):
			t.Errorf("CreateKey gives %v, want ErrExists", err)
		}
	})
	if keys, err := s.Keys(t.Context(), kittest.OurOrg); err != nil || len(keys) != 1 || created.Load() != 1 {
		t.Errorf("%d keys of one hash were created and %d are there, %v", created.Load(), len(keys), err)
	}
}

func keyConcurrentTouches(t testing.TB, s access.KeyStore) {
	k := createKey(t, s, businessKey(1))
	kittest.Together(func(n int) {
		for i := range 4 {
			if err := s.TouchKey(t.Context(), k.ID, kittest.SomeTime().Add(time.Duration(n*(7-i))*time.Millisecond)); err != nil {
				t.Errorf("TouchKey: %v", err)
			}
		}
	})
	k.LastUsedAt = kittest.SomeTime().Add((kittest.AtOnce - 1) * 7 * time.Millisecond)
	wantKey(t, s, k)
}

// keyConcurrentRevokes sees the same instant however often it looks.
func keyConcurrentRevokes(t testing.TB, s access.KeyStore) {
	k := createKey(t, s, businessKey(1))
	var seen sync.Map
	kittest.Together(func(n int) {
		err := s.RevokeKey(t.Context(), k.ID, kittest.SomeTime().Add(time.Duration(n)*time.Second))
		got, err2 := s.KeyByHash(t.Context(), k.Hash)
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
