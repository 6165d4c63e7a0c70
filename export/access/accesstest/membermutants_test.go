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

// brokenMembers is a MemMembers with a defect, which sets some of the fields.
type brokenMembers struct {
	MemMembers
	deaf  kittest.Deaf
	place func(organizationID, subject string) (string, string) // takes some for one
	out   func(*access.Member)
	err   func(error) error
	all   func([]access.Member) []access.Member
	keeps bool // changes nobody who is there, and removes nobody
}

func breakMembers(breaks func(*brokenMembers)) access.MemberStore {
	s := &brokenMembers{
		place: func(organizationID, subject string) (string, string) { return organizationID, subject },
		out:   func(*access.Member) {},
		err:   func(err error) error { return err },
		all:   func(all []access.Member) []access.Member { return all },
	}
	breaks(s)
	return s
}

func (s *brokenMembers) PutMember(ctx context.Context, m access.Member) error {
	m.OrganizationID, m.Subject = s.place(m.OrganizationID, m.Subject)
	if _, err := s.MemMembers.Member(ctx, m.OrganizationID, m.Subject); err == nil && s.keeps {
		return nil
	}
	return s.MemMembers.PutMember(s.deaf.Hears(ctx), m)
}

func (s *brokenMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	organizationID, subject = s.place(organizationID, subject)
	m, err := s.MemMembers.Member(s.deaf.Hears(ctx), organizationID, subject)
	s.out(&m)
	return m, s.err(err)
}

func (s *brokenMembers) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	all, err := s.MemMembers.Members(s.deaf.Hears(ctx), organizationID)
	return s.all(all), err
}

func (s *brokenMembers) RemoveMember(ctx context.Context, organizationID, subject string) error {
	if s.keeps {
		return nil
	}
	return s.MemMembers.RemoveMember(s.deaf.Hears(ctx), organizationID, subject)
}

func TestMemberMutants(t *testing.T) {
	type M = *brokenMembers
	kittest.TestForgotten(t, memberPromises, func(forget func(*access.Member)) access.MemberStore {
		return breakMembers(func(s M) { s.out = forget })
	})
	keeps := func(s M) { s.keeps = true }
	kittest.TestMutants(t, memberPromises, breakMembers, []kittest.Mutant[M]{
		{"EveryFieldSurvives", func(s M) { s.out = func(m *access.Member) { m.Role = "" } }, "Role is"},
		{"NotFound", func(s M) { s.place = func(o, u string) (string, string) { return o, strings.ToLower(u) } }, `"Ann"`},
		{"NotFound", func(s M) { s.place = func(o, u string) (string, string) { return strings.ToLower(o), u } }, "Member("},
		{"NotFound", func(s M) { s.err = func(error) error { return errors.New("no rows") } }, "want nothing and ErrNotFound"},
		{"ChangesTheRole", keeps, "Role is"},
		{"ListsBySubject", func(s M) {
			s.all = func(all []access.Member) []access.Member { slices.Reverse(all); return all }
		}, "Members("},
		{"ListsBySubject", func(s M) {
			s.all = func(all []access.Member) []access.Member { return append(all, all...) }
		}, "Members("},
		{"Removes", keeps, "want nothing and ErrNotFound"},
		{"CancelledContext", func(s M) { s.deaf = true }, "PutMember with & Member with & Members with & RemoveMember with"},
		{"Concurrent", keeps, "Members gives"},
	})
}
