package bunstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/access"
)

// keyRow is a row of the table of API keys.
type keyRow struct {
	bun.BaseModel `bun:"table:keys,alias:key"`

	ID             string          `bun:"id,pk"`
	Hash           []byte          `bun:"hash"`
	Kind           string          `bun:"kind"`
	OrganizationID string          `bun:"organization_id"`
	Role           string          `bun:"role"`
	UserID         string          `bun:"user_id"`
	LimitPerMinute int             `bun:"limit_per_minute"`
	LimitPerDay    int             `bun:"limit_per_day"`
	Name           string          `bun:"name"`
	CreatedAt      int64           `bun:"created_at"` // never NULL, which databases sort differently
	ExpiresAt      sql.Null[int64] `bun:"expires_at"`
	RevokedAt      sql.Null[int64] `bun:"revoked_at"`
	LastUsedAt     sql.Null[int64] `bun:"last_used_at"`
}

// key returns the key that the row stores.
func (r *keyRow) key() (access.Key, error) {
	if len(r.Hash) != sha256.Size {
		return access.Key{}, fmt.Errorf("key %s: hash of %d bytes", r.ID, len(r.Hash))
	}
	return access.Key{
		ID:             r.ID,
		Kind:           access.Kind(r.Kind),
		Hash:           [sha256.Size]byte(r.Hash),
		OrganizationID: r.OrganizationID,
		Role:           access.Role(r.Role),
		UserID:         r.UserID,
		Limits:         access.Limits{PerMinute: r.LimitPerMinute, PerDay: r.LimitPerDay},
		Name:           r.Name,
		CreatedAt:      time.UnixMilli(r.CreatedAt).UTC(),
		ExpiresAt:      instant(r.ExpiresAt),
		RevokedAt:      instant(r.RevokedAt),
		LastUsedAt:     instant(r.LastUsedAt),
	}, nil
}

// CreateKey implements [access.KeyStore].
func (s *Store) CreateKey(ctx context.Context, key access.Key) error {
	err := checkText("id", key.ID, "kind", string(key.Kind), "organization", key.OrganizationID,
		"role", string(key.Role), "user", key.UserID, "name", key.Name)
	if err != nil {
		return wrap("create key", err)
	}
	row := &keyRow{
		ID:             key.ID,
		Hash:           key.Hash[:],
		Kind:           string(key.Kind),
		OrganizationID: key.OrganizationID,
		Role:           string(key.Role),
		UserID:         key.UserID,
		LimitPerMinute: key.Limits.PerMinute,
		LimitPerDay:    key.Limits.PerDay,
		Name:           key.Name,
		CreatedAt:      key.CreatedAt.UnixMilli(),
		ExpiresAt:      millis(key.ExpiresAt),
		RevokedAt:      millis(key.RevokedAt),
		LastUsedAt:     millis(key.LastUsedAt),
	}
	return wrap("create key", execute(ctx, s.into(s.db, "keys", row).On("CONFLICT DO NOTHING"), access.ErrExists))
}

// KeyByHash implements [access.KeyStore].
func (s *Store) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	key, err := lookUp(ctx, s.keysByHash, rowKey{string(hash[:])}, (*keyRow).key, access.ErrNotFound)
	return key, wrap("key by hash", err)
}

// KeyByID implements [access.KeyFinder].
func (s *Store) KeyByID(ctx context.Context, id string) (access.Key, error) {
	if !storable(id) {
		return access.Key{}, wrap("key by id", access.ErrNotFound)
	}
	key, err := lookUp(ctx, s.keysByID, rowKey{id}, (*keyRow).key, access.ErrNotFound)
	return key, wrap("key by id", err)
}

// TouchKey implements [access.KeyStore].
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	if !storable(id) || at.IsZero() {
		return nil
	}
	_, err := s.db.NewUpdate().Table(s.prefix+"keys").Set("last_used_at = ?", millis(at)).
		Where("id = ?", id).Where("last_used_at IS NULL OR last_used_at < ?", millis(at)).Exec(ctx)
	return wrap("touch key", err)
}

// RevokeKey implements [access.KeyStore].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) error {
	if !storable(id) {
		return wrap("revoke key", access.ErrNotFound)
	}
	if at.IsZero() {
		return wrap("revoke key", errors.New("the instant is zero, which would not revoke it"))
	}
	update := s.db.NewUpdate().Table(s.prefix+"keys").Set("revoked_at = coalesce(revoked_at, ?)", millis(at)).Where("id = ?", id)
	return wrap("revoke key", execute(ctx, update, access.ErrNotFound))
}

// Keys implements [access.KeyStore].
func (s *Store) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	if !storable(organizationID) {
		return nil, nil
	}
	query := s.from(s.db, "keys").Where("organization_id = ?", organizationID).OrderExpr("created_at, id")
	keys, err := list(ctx, query, (*keyRow).key)
	return keys, wrap("keys", err)
}
