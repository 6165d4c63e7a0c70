package accesstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenMembers is a MemMembers of which some methods are others.
type brokenMembers struct {
	*MemMembers
	put    func(ctx context.Context, m access.Member) error
	member func(ctx context.Context, organizationID, subject string) (access.Member, error)
	all    func(ctx context.Context, organizationID string) ([]access.Member, error)
	remove func(ctx context.Context, organizationID, subject string) error
}

func breakMembers(spoil func(inner *MemMembers, s *brokenMembers)) access.MemberStore {
	m := new(MemMembers)
	s := &brokenMembers{MemMembers: m, put: m.PutMember, member: m.Member, all: m.Members, remove: m.RemoveMember}
	spoil(m, s)
	return s
}

func (s *brokenMembers) PutMember(ctx context.Context, m access.Member) error { return s.put(ctx, m) }

func (s *brokenMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	return s.member(ctx, organizationID, subject)
}

func (s *brokenMembers) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	return s.all(ctx, organizationID)
}

func (s *brokenMembers) RemoveMember(ctx context.Context, organizationID, subject string) error {
	return s.remove(ctx, organizationID, subject)
}

// manglingMembers is a store whose members are changed when they come out.
func manglingMembers(mangle func(*access.Member)) access.MemberStore {
	return breakMembers(func(m *MemMembers, s *brokenMembers) {
		s.member = func(ctx context.Context, organizationID, subject string) (access.Member, error) {
			member, err := m.Member(ctx, organizationID, subject)
			mangle(&member)
			return member, err
		}
	})
}

// placing is a store that takes some places for one.
func placing(at func(organizationID, subject string) (string, string)) access.MemberStore {
	return breakMembers(func(m *MemMembers, s *brokenMembers) {
		s.put = func(ctx context.Context, member access.Member) error {
			member.OrganizationID, member.Subject = at(member.OrganizationID, member.Subject)
			return m.PutMember(ctx, member)
		}
		s.member = func(ctx context.Context, organizationID, subject string) (access.Member, error) {
			organizationID, subject = at(organizationID, subject)
			return m.Member(ctx, organizationID, subject)
		}
	})
}

func TestForgetfulMemberStores(t *testing.T) {
	kittest.TestForgotten(t, memberPromises, manglingMembers)
}

func TestBrokenMemberStores(t *testing.T) {
	background := context.Background
	kittest.TestDefects(t, memberPromises, []kittest.Defect[access.MemberStore]{
		{"forgets", "EveryFieldSurvives", "Role is", manglingMembers(func(m *access.Member) { m.Role = "" })},
		{"subjects without case", "NotFound", "Member(", placing(func(o, s string) (string, string) { return o, strings.ToLower(s) })},
		{"organizations without case", "NotFound", "Member(", placing(func(o, s string) (string, string) { return strings.ToLower(o), s })},
		{"subjects trimmed", "NotFound", "\"ann \"", placing(func(o, s string) (string, string) { return o, strings.TrimSpace(s) })},
		{"own error", "NotFound", "want nothing and ErrNotFound", breakMembers(func(_ *MemMembers, s *brokenMembers) {
			s.member = func(context.Context, string, string) (access.Member, error) {
				return access.Member{}, errors.New("no rows")
			}
		})},
		{"adds only", "ChangesTheRole", "Role is", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.put = func(ctx context.Context, member access.Member) error {
				if _, err := m.Member(ctx, member.OrganizationID, member.Subject); err == nil {
					return nil
				}
				return m.PutMember(ctx, member)
			}
		})},
		{"refuses whom it has", "ChangesTheRole", "PutMember: ", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.put = func(ctx context.Context, member access.Member) error {
				if _, err := m.Member(ctx, member.OrganizationID, member.Subject); err == nil {
					return access.ErrExists
				}
				return m.PutMember(ctx, member)
			}
		})},
		{"backwards", "ListsBySubject", "Members(", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.all = func(ctx context.Context, organizationID string) ([]access.Member, error) {
				all, err := m.Members(ctx, organizationID)
				slices.Reverse(all)
				return all, err
			}
		})},
		{"everybody", "ListsBySubject", "Members(", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.all = func(context.Context, string) ([]access.Member, error) {
				var all []access.Member
				for _, member := range m.members {
					all = append(all, member)
				}
				slices.SortFunc(all, func(a, b access.Member) int { return strings.Compare(a.Subject, b.Subject) })
				return all, nil
			}
		})},
		{"removes nobody", "Removes", "want nothing and ErrNotFound", breakMembers(func(_ *MemMembers, s *brokenMembers) {
			s.remove = func(context.Context, string, string) error { return nil }
		})},
		{"removes everywhere", "Removes", "Member: ", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.remove = func(ctx context.Context, o, subject string) error {
				return errors.Join(m.RemoveMember(ctx, o, subject), m.RemoveMember(ctx, kittest.TheirOrg, subject))
			}
		})},
		{"removes once", "Removes", "no such member", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.remove = func(ctx context.Context, o, subject string) error {
				if _, err := m.Member(ctx, o, subject); err != nil {
					return errors.New("no such member")
				}
				return m.RemoveMember(ctx, o, subject)
			}
		})},
		{"deaf PutMember", "CancelledContext", "PutMember", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.put = func(_ context.Context, member access.Member) error { return m.PutMember(background(), member) }
		})},
		{"deaf Member", "CancelledContext", "Member with", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.member = func(_ context.Context, o, subject string) (access.Member, error) {
				return m.Member(background(), o, subject)
			}
		})},
		{"deaf Members", "CancelledContext", "Members with", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.all = func(_ context.Context, o string) ([]access.Member, error) { return m.Members(background(), o) }
		})},
		{"deaf RemoveMember", "CancelledContext", "RemoveMember", breakMembers(func(m *MemMembers, s *brokenMembers) {
			s.remove = func(_ context.Context, o, subject string) error { return m.RemoveMember(background(), o, subject) }
		})},
		{"insert fails", "Concurrent", "duplicate", breakMembers(func(m *MemMembers, s *brokenMembers) {
			p := kittest.NewPair()
			s.put = func(ctx context.Context, member access.Member) error {
				if member.Subject != "shared" {
					return m.PutMember(ctx, member)
				}
				_, before := m.Member(ctx, member.OrganizationID, member.Subject)
				p.Arrive()
				if _, now := m.Member(ctx, member.OrganizationID, member.Subject); before != nil && now == nil {
					return errors.New("duplicate key")
				}
				return m.PutMember(ctx, member)
			}
		})},
	})
}
