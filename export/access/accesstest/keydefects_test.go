package accesstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenKeyStore is a MemKeys of which some methods are others.
type brokenKeyStore struct {
	*MemKeys
	create func(ctx context.Context, key access.Key) error
	byHash func(ctx context.Context, hash [sha256.Size]byte) (access.Key, error)
	touch  func(ctx context.Context, id string, at time.Time) error
	revoke func(ctx context.Context, id string, at time.Time) error
	keysOf func(ctx context.Context, organizationID string) ([]access.Key, error)
}

func breakKeys(spoil func(inner *MemKeys, s *brokenKeyStore)) access.KeyStore {
	m := new(MemKeys)
	s := &brokenKeyStore{MemKeys: m, create: m.CreateKey, byHash: m.KeyByHash, touch: m.TouchKey, revoke: m.RevokeKey, keysOf: m.Keys}
	spoil(m, s)
	return s
}

func (s *brokenKeyStore) CreateKey(ctx context.Context, key access.Key) error {
	return s.create(ctx, key)
}

func (s *brokenKeyStore) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	return s.byHash(ctx, hash)
}

func (s *brokenKeyStore) TouchKey(ctx context.Context, id string, at time.Time) error {
	return s.touch(ctx, id, at)
}

func (s *brokenKeyStore) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.revoke(ctx, id, at)
}

func (s *brokenKeyStore) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	return s.keysOf(ctx, organizationID)
}

// manglingKeys is a store whose keys are all changed when they come out.
func manglingKeys(mangle func(*access.Key)) access.KeyStore {
	return breakKeys(func(m *MemKeys, s *brokenKeyStore) {
		s.byHash = func(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
			k, err := m.KeyByHash(ctx, hash)
			mangle(&k)
			return k, err
		}
	})
}

// change changes a stored key after between.
func (s *MemKeys) change(id string, between func(), change func(k *access.Key)) {
	s.mu.Lock()
	k := s.keys[id]
	s.mu.Unlock()
	between()
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&k)
	s.keys[id] = k
}

func TestForgetfulKeyStores(t *testing.T) {
	kittest.TestForgotten(t, keyPromises, manglingKeys)
}

func TestBrokenKeyStores(t *testing.T) {
	kittest.TestDefects(t, keyPromises, slices.Concat(brokenKeyChanges(), brokenKeyLookups()))
}

func brokenKeyChanges() []kittest.Defect[access.KeyStore] {
	background := context.Background
	return []kittest.Defect[access.KeyStore]{
		{"hash twice", "NoIDOrHashTwice", "hash of another", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.create = func(ctx context.Context, k access.Key) error {
				if _, ok := m.keys[k.ID]; ok || len(m.keys) == 0 {
					return m.CreateKey(ctx, k)
				}
				m.keys[k.ID] = k
				return nil
			}
		})},
		{"replaces", "NoIDOrHashTwice", "id of another", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.create = func(ctx context.Context, k access.Key) error {
				delete(m.keys, k.ID)
				return m.CreateKey(ctx, k)
			}
		})},
		{"touches back", "Touches", "LastUsedAt", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.touch = func(_ context.Context, id string, at time.Time) error {
				m.change(id, func() {}, func(k *access.Key) { k.LastUsedAt = at })
				return nil
			}
		})},
		{"touches all", "Touches", "LastUsedAt", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.touch = func(ctx context.Context, _ string, at time.Time) error {
				return errors.Join(m.TouchKey(ctx, kittest.ShortID(1), at), m.TouchKey(ctx, kittest.ShortID(2), at))
			}
		})},
		{"touches nothing", "NotFound", "TouchKey of no key", breakKeys(func(_ *MemKeys, s *brokenKeyStore) {
			s.touch = func(context.Context, string, time.Time) error { return access.ErrNotFound }
		})},
		{"revokes nothing", "NotFound", "RevokeKey gives", breakKeys(func(_ *MemKeys, s *brokenKeyStore) {
			s.revoke = func(context.Context, string, time.Time) error { return nil }
		})},
		{"revokes again", "Revokes", "RevokedAt", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.revoke = func(_ context.Context, id string, at time.Time) error {
				m.change(id, func() {}, func(k *access.Key) { k.RevokedAt = at })
				return nil
			}
		})},
		{"deletes instead", "Revokes", "KeyByHash: ", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.revoke = func(_ context.Context, id string, _ time.Time) error { delete(m.keys, id); return nil }
		})},
		{"deaf CreateKey", "CancelledContext", "CreateKey", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.create = func(_ context.Context, k access.Key) error { return m.CreateKey(background(), k) }
		})},
		{"deaf TouchKey", "CancelledContext", "TouchKey", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.touch = func(_ context.Context, id string, at time.Time) error { return m.TouchKey(background(), id, at) }
		})},
		{"deaf RevokeKey", "CancelledContext", "RevokeKey", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.revoke = func(_ context.Context, id string, at time.Time) error { return m.RevokeKey(background(), id, at) }
		})},
		{"check, then insert", "ConcurrentCreates", "of one hash were created", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			p := kittest.NewPair()
			s.create = func(ctx context.Context, k access.Key) error {
				_, err := m.KeyByHash(ctx, k.Hash)
				p.Arrive()
				if err == nil {
					return access.ErrExists
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				if m.keys == nil {
					m.keys = make(map[string]access.Key)
				}
				m.keys[k.ID] = k
				return nil
			}
		})},
		{"last touch wins", "ConcurrentTouches", "LastUsedAt", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.touch = func(_ context.Context, id string, at time.Time) error {
				m.change(id, func() {}, func(k *access.Key) { k.LastUsedAt = at.Truncate(time.Second) })
				return nil
			}
		})},
		{"revokes twice", "ConcurrentRevokes", "revoked at 2 instants", revokingTwice()},
	}
}

// revokingTwice lets one see another instant than all others, as two revokers at
// once would that do not look before they write.
func revokingTwice() access.KeyStore {
	return breakKeys(func(m *MemKeys, s *brokenKeyStore) {
		var mu sync.Mutex
		n := 0
		s.byHash = func(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
			mu.Lock()
			defer mu.Unlock()
			k, err := m.KeyByHash(ctx, hash)
			if n++; n == 1 {
				k.RevokedAt = k.RevokedAt.Add(time.Second)
			}
			return k, err
		}
	})
}

func brokenKeyLookups() []kittest.Defect[access.KeyStore] {
	listed := func(change func(m *MemKeys, organizationID string, keys []access.Key) []access.Key) access.KeyStore {
		return breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.keysOf = func(ctx context.Context, organizationID string) ([]access.Key, error) {
				keys, err := m.Keys(ctx, organizationID)
				return change(m, organizationID, keys), err
			}
		})
	}
	return []kittest.Defect[access.KeyStore]{
		{"forgets", "EveryFieldSurvives", "Name is", manglingKeys(func(k *access.Key) { k.Name = "" })},
		{"never expires", "NothingIsAdded", "ExpiresAt is 9999", manglingKeys(func(k *access.Key) {
			if k.ExpiresAt.IsZero() {
				k.ExpiresAt = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		})},
		{"instants elsewhere", "InstantsAreInUTCAndMilliseconds", "want it in UTC",
			manglingKeys(func(k *access.Key) { k.LastUsedAt = k.LastUsedAt.In(time.FixedZone("", 60)) })},
		{"seconds", "InstantsAreInUTCAndMilliseconds", "RevokedAt is",
			manglingKeys(func(k *access.Key) { k.RevokedAt = k.RevokedAt.Truncate(time.Second) })},
		{"any key", "NotFound", "KeyByHash gives", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.byHash = func(context.Context, [sha256.Size]byte) (access.Key, error) { return m.keys[kittest.ShortID(1)], nil }
		})},
		{"only active keys", "Revokes", "KeyByHash: ", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.byHash = func(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
				k, err := m.KeyByHash(ctx, hash)
				if err == nil && !k.Active(kittest.SomeTime()) {
					return access.Key{}, access.ErrNotFound
				}
				return k, err
			}
		})},
		{"newest first", "ListsOldestFirst", "key 0", listed(func(_ *MemKeys, _ string, keys []access.Key) []access.Key {
			slices.Reverse(keys)
			return keys
		})},
		{"all for nobody", "ListsOldestFirst", "Keys(\"\") gives", listed(func(m *MemKeys, organizationID string, keys []access.Key) []access.Key {
			if organizationID == "" {
				keys = make([]access.Key, len(m.keys))
			}
			return keys
		})},
		{"organizations without case", "ListsOldestFirst", "gives 4 keys", listed(func(m *MemKeys, organizationID string, keys []access.Key) []access.Key {
			for _, k := range m.keys {
				if k.OrganizationID != organizationID && strings.EqualFold(k.OrganizationID, organizationID) {
					keys = append(keys, k)
				}
			}
			return keys
		})},
		{"deaf KeyByHash", "CancelledContext", "KeyByHash", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.byHash = func(_ context.Context, hash [sha256.Size]byte) (access.Key, error) {
				return m.KeyByHash(context.Background(), hash)
			}
		})},
		{"deaf Keys", "CancelledContext", "Keys with", breakKeys(func(m *MemKeys, s *brokenKeyStore) {
			s.keysOf = func(_ context.Context, o string) ([]access.Key, error) { return m.Keys(context.Background(), o) }
		})},
	}
}
