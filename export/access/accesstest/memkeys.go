package accesstest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// MemKeys is an [access.KeyStore] in memory, for tests. Its zero value is ready
// for use. It is safe for concurrent use.
type MemKeys struct{ keys credentials[access.Key] }

func keyColumns(k *access.Key) columns {
	return columns{&k.ID, &k.OrganizationID, &k.Hash, &k.CreatedAt, &k.LastUsedAt, []*time.Time{&k.ExpiresAt, &k.RevokedAt}}
}

// CreateKey implements [access.KeyStore].
func (s *MemKeys) CreateKey(ctx context.Context, key access.Key) error {
	return s.keys.create(ctx, key, keyColumns)
}

// KeyByID implements [access.KeyFinder].
func (s *MemKeys) KeyByID(ctx context.Context, id string) (access.Key, error) {
	s.keys.mu.Lock()
	defer s.keys.mu.Unlock()
	if ctx.Err() != nil {
		return access.Key{}, context.Cause(ctx)
	}
	key, ok := s.keys.byID[id]
	if !ok {
		return access.Key{}, fmt.Errorf("%w: no such id", access.ErrNotFound)
	}
	return key, nil
}

// KeyByHash implements [access.KeyStore].
func (s *MemKeys) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	return s.keys.byHash(ctx, hash, keyColumns)
}

// TouchKey implements [access.KeyStore].
func (s *MemKeys) TouchKey(ctx context.Context, id string, at time.Time) error {
	return s.keys.move(ctx, id, at, keyColumns)
}

// RevokeKey implements [access.KeyStore].
func (s *MemKeys) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.keys.change(ctx, id, func(k *access.Key) {
		if k.RevokedAt.IsZero() {
			k.RevokedAt = kittest.Instant(at)
		}
	})
}

// Keys implements [access.KeyStore].
func (s *MemKeys) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	return s.keys.list(ctx, organizationID, keyColumns)
}
