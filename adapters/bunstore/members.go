package bunstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export/access"
)

// memberRow is a row of the table of members.
type memberRow struct {
	bun.BaseModel `bun:"table:members,alias:member"`

	OrganizationID string `bun:"organization_id,pk"`
	Subject        string `bun:"subject,pk"`
	Role           string `bun:"role"`
}

// member returns the member that the row stores. The error is nil: see values.
func (r *memberRow) member() (access.Member, error) {
	return access.Member{OrganizationID: r.OrganizationID, Subject: r.Subject, Role: access.Role(r.Role)}, nil
}

// PutMember implements [access.MemberStore].
func (s *Store) PutMember(ctx context.Context, m access.Member) error {
	err := checkText("organization", m.OrganizationID, "subject", m.Subject, "role", string(m.Role))
	if err != nil {
		return wrap("put member", err)
	}
	row := &memberRow{OrganizationID: m.OrganizationID, Subject: m.Subject, Role: string(m.Role)}
	_, err = s.into(s.db, "members", row).
		On("CONFLICT (organization_id, subject) DO UPDATE").Set("role = EXCLUDED.role").Exec(ctx)
	return wrap("put member", err)
}

// Member implements [access.MemberStore].
func (s *Store) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	if !storable(organizationID) || !storable(subject) {
		return access.Member{}, wrap("member", access.ErrNotFound)
	}
	m, err := lookUp(ctx, s.members, rowKey{organizationID, subject}, (*memberRow).member, access.ErrNotFound)
	return m, wrap("member", err)
}

// Members implements [access.MemberStore].
func (s *Store) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	if !storable(organizationID) {
		return nil, nil
	}
	query := s.from(s.db, "members").Where("organization_id = ?", organizationID).OrderExpr("subject")
	members, err := list(ctx, query, (*memberRow).member)
	return members, wrap("members", err)
}

// RemoveMember implements [access.MemberStore].
func (s *Store) RemoveMember(ctx context.Context, organizationID, subject string) error {
	if !storable(organizationID) || !storable(subject) {
		return nil
	}
	_, err := s.db.NewDelete().Table(s.prefix+"members").
		Where("organization_id = ?", organizationID).Where("subject = ?", subject).Exec(ctx)
	return wrap("remove member", err)
}
