package access

import (
	"context"
	"errors"
)

// Role says what a principal may do in an organization.
type Role string

// The roles of keys and members. Owners and managers may export.
const (
	Owner    Role = "owner"
	Manager  Role = "manager"
	Billing  Role = "billing"
	Editor   Role = "editor"
	ReadOnly Role = "readonly"
)

// Roles returns all roles, those that may most first.
func Roles() []Role { return []Role{Owner, Manager, Editor, Billing, ReadOnly} }

// MayExport reports whether the role allows exports of the organization.
func (r Role) MayExport() bool { return r == Owner || r == Manager }

// Principal is the one who makes a request: a key, a session or a user. The zero value
// is nobody and may do nothing.
type Principal struct {
	// Name identifies the principal in audit entries and limits, such as "key:ID". It
	// never changes and is no secret.
	Name string

	// OrganizationID is the only organization that the principal acts in, with Role.
	// If it is empty, the principal acts in the organizations that Subject is a
	// member of.
	OrganizationID string
	Role           Role
	Subject        string

	// Limits limit the requests of the principal.
	Limits Limits
}

// Limits say how many requests a principal may make. Zero means the default of the
// server.
type Limits struct {
	PerMinute int
	PerDay    int
}

// MayExport reports whether p may export an organization. It is false if there is no
// such organization. It asks members only for a principal with a Subject.
func MayExport(ctx context.Context, p Principal, organizationID string, members MemberStore) (bool, error) {
	switch {
	case p.OrganizationID != "":
		return p.OrganizationID == organizationID && p.Role.MayExport(), nil
	case p.Subject == "" || members == nil:
		return false, nil
	}
	m, err := members.Member(ctx, organizationID, p.Subject)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && m.Role.MayExport(), err
}
