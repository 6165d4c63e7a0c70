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

// CreateKey is the method of [access.KeyStore].
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
	created, err := changed(s.db.NewInsert().Model(row).ModelTableExpr("?", s.table("keys")).On("CONFLICT DO NOTHING").Exec(ctx))
	if err == nil && !created {
		err = access.ErrExists
	}
	return wrap("create key", err)
}

// KeyByHash is the method of [access.KeyStore].
func (s *Store) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return access.Key{}, wrap("key by hash", err)
	}
	defer leave()
	row := new(keyRow)
	err = s.db.NewSelect().Model(row).ModelTableExpr("? AS key", s.table("keys")).Where("hash = ?", hash[:]).Scan(ctx)
	if err != nil {
		return access.Key{}, wrap("key by hash", notFound(err))
	}
	key, err := row.key()
	return key, wrap("key by hash", err)
}

// TouchKey is the method of [access.KeyStore].
func (s *Store) TouchKey(ctx context.Context, id string, at time.Time) error {
	if !storable(id) || at.IsZero() {
		return nil
	}
	_, err := s.db.NewUpdate().Table(s.prefix+"keys").Set("last_used_at = ?", millis(at)).
		Where("id = ?", id).Where("last_used_at IS NULL OR last_used_at < ?", millis(at)).Exec(ctx)
	return wrap("touch key", err)
}

// RevokeKey is the method of [access.KeyStore].
func (s *Store) RevokeKey(ctx context.Context, id string, at time.Time) error {
	if !storable(id) {
		return wrap("revoke key", access.ErrNotFound)
	}
	if at.IsZero() {
		return wrap("revoke key", errors.New("the instant is zero, which would not revoke it"))
	}
	found, err := changed(s.db.NewUpdate().Table(s.prefix+"keys").
		Set("revoked_at = coalesce(revoked_at, ?)", millis(at)).Where("id = ?", id).Exec(ctx))
	if err == nil && !found {
		err = access.ErrNotFound
	}
	return wrap("revoke key", err)
}

// Keys is the method of [access.KeyStore].
func (s *Store) Keys(ctx context.Context, organizationID string) ([]access.Key, error) {
	if !storable(organizationID) {
		return nil, nil
	}
	var rows []keyRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr("? AS key", s.table("keys")).
		Where("organization_id = ?", organizationID).OrderExpr("created_at, id").Scan(ctx)
	if err != nil {
		return nil, wrap("keys", err)
	}
	keys := make([]access.Key, len(rows))
	for i := range rows {
		if keys[i], err = rows[i].key(); err != nil {
			return nil, wrap("keys", err)
		}
	}
	return keys, nil
}

// memberRow is a row of the table of members.
type memberRow struct {
	bun.BaseModel `bun:"table:members,alias:member"`

	OrganizationID string `bun:"organization_id,pk"`
	Subject        string `bun:"subject,pk"`
	Role           string `bun:"role"`
}

func (r *memberRow) member() access.Member {
	return access.Member{OrganizationID: r.OrganizationID, Subject: r.Subject, Role: access.Role(r.Role)}
}

// PutMember is the method of [access.MemberStore].
func (s *Store) PutMember(ctx context.Context, m access.Member) error {
	err := checkText("organization", m.OrganizationID, "subject", m.Subject, "role", string(m.Role))
	if err != nil {
		return wrap("put member", err)
	}
	row := &memberRow{OrganizationID: m.OrganizationID, Subject: m.Subject, Role: string(m.Role)}
	_, err = s.db.NewInsert().Model(row).ModelTableExpr("?", s.table("members")).
		On("CONFLICT (organization_id, subject) DO UPDATE").Set("role = EXCLUDED.role").Exec(ctx)
	return wrap("put member", err)
}

// Member is the method of [access.MemberStore].
func (s *Store) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	if !storable(organizationID) || !storable(subject) {
		return access.Member{}, wrap("member", access.ErrNotFound)
	}
	leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return access.Member{}, wrap("member", err)
	}
	defer leave()
	row := new(memberRow)
	err = s.db.NewSelect().Model(row).ModelTableExpr("? AS member", s.table("members")).
		Where("organization_id = ?", organizationID).Where("subject = ?", subject).Scan(ctx)
	if err != nil {
		return access.Member{}, wrap("member", notFound(err))
	}
	return row.member(), nil
}

// Members is the method of [access.MemberStore].
func (s *Store) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	if !storable(organizationID) {
		return nil, nil
	}
	var rows []memberRow
	err := s.db.NewSelect().Model(&rows).ModelTableExpr("? AS member", s.table("members")).
		Where("organization_id = ?", organizationID).OrderExpr("subject").Scan(ctx)
	if err != nil {
		return nil, wrap("members", err)
	}
	members := make([]access.Member, len(rows))
	for i := range rows {
		members[i] = rows[i].member()
	}
	return members, nil
}

// RemoveMember is the method of [access.MemberStore].
func (s *Store) RemoveMember(ctx context.Context, organizationID, subject string) error {
	if !storable(organizationID) || !storable(subject) {
		return nil
	}
	_, err := s.db.NewDelete().Table(s.prefix+"members").
		Where("organization_id = ?", organizationID).Where("subject = ?", subject).Exec(ctx)
	return wrap("remove member", err)
}

// notFound maps the driver's error for no row.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return access.ErrNotFound
	}
	return err
}
