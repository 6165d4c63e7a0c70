package access

import (
	"context"
	"errors"
)

// Role is what somebody may in an organization.
type Role string

// The roles. Owners and managers may export.
const (
	Owner    Role = "owner"
	Manager  Role = "manager"
	Billing  Role = "billing" // of members only
	Editor   Role = "editor"
	ReadOnly Role = "readonly" // of keys only
)

// MayExport tells whether the role lets somebody export the organization.
func (r Role) MayExport() bool { return r == Owner || r == Manager }

// Principal is who makes a request. Its zero value is nobody and may nothing.
type Principal struct {
	// Name is what audit entries and limits know them by, such as "key:ID". It is
	// stable and no secret.
	Name string

	// OrganizationID is the one organization that they act in, with Role. If it
	// is empty they act in those that Subject is a member of.
	OrganizationID string
	Role           Role
	Subject        string

	// Limits are those of their requests.
	Limits Limits
}

// Limits are how many requests somebody may make. Zero means the default of the
// server.
type Limits struct {
	PerMinute int
	PerDay    int
}

// MayExport tells whether p may export an organization. For an organization that
// does not exist the answer is no. members is asked only about a principal with
// a Subject.
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
