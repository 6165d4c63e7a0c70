package exporttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

// MemMembers is an [access.MemberStore] in memory, for tests. Its zero value is
// ready for use. It is safe for concurrent use.
type MemMembers struct {
	mu      sync.Mutex
	members map[place]access.Member
}

type place struct{ organizationID, subject string }

// PutMember implements [access.MemberStore].
func (s *MemMembers) PutMember(ctx context.Context, m access.Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.members == nil {
		s.members = make(map[place]access.Member)
	}
	s.members[place{m.OrganizationID, m.Subject}] = m
	return nil
}

// Member implements [access.MemberStore].
func (s *MemMembers) Member(ctx context.Context, organizationID, subject string) (access.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return access.Member{}, context.Cause(ctx)
	}
	m, ok := s.members[place{organizationID, subject}]
	if !ok {
		return access.Member{}, fmt.Errorf("%w: member", access.ErrNotFound)
	}
	return m, nil
}

// Members implements [access.MemberStore].
func (s *MemMembers) Members(ctx context.Context, organizationID string) ([]access.Member, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var members []access.Member
	for _, m := range s.members {
		if m.OrganizationID == organizationID {
			members = append(members, m)
		}
	}
	slices.SortFunc(members, func(a, b access.Member) int { return strings.Compare(a.Subject, b.Subject) })
	return members, nil
}

// RemoveMember implements [access.MemberStore].
func (s *MemMembers) RemoveMember(ctx context.Context, organizationID, subject string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	delete(s.members, place{organizationID, subject})
	return nil
}

// RunMemberStore checks an [access.MemberStore] against its documentation.
// newStore returns an empty one for each subtest.
func RunMemberStore(t *testing.T, newStore func(t *testing.T) access.MemberStore) {
	t.Helper()
	run(t, memberPromises, newStore)
}

var memberPromises = []promise[access.MemberStore]{
	{"EveryFieldSurvives", memberFields},
	{"NotFound", memberNotFound},
	{"ChangesTheRole", memberRole},
	{"ListsBySubject", memberList},
	{"Removes", memberRemoves},
	{"CancelledContext", memberCancelled},
	{"Concurrent", memberConcurrent},
}

func putMember(t testing.TB, s access.MemberStore, organization, subject string, role access.Role) access.Member {
	t.Helper()
	m := access.Member{OrganizationID: organization, Subject: subject, Role: role}
	if err := s.PutMember(t.Context(), m); err != nil {
		t.Fatalf("PutMember: %v", err)
	}
	return m
}

func wantMember(t testing.TB, s access.MemberStore, want access.Member) {
	t.Helper()
	got, err := s.Member(t.Context(), want.OrganizationID, want.Subject)
	if err != nil {
		t.Fatalf("Member: %v", err)
	}
	wantSame(t, "Member", got, want)
}

func wantNoMember(t testing.TB, s access.MemberStore, organization, subject string) {
	t.Helper()
	got, err := s.Member(t.Context(), organization, subject)
	if !errors.Is(err, access.ErrNotFound) || got != (access.Member{}) {
		t.Errorf("Member(%q, %q) gives %v, %v, want nothing and ErrNotFound", organization, subject, got, err)
	}
}

func wantMembers(t testing.TB, s access.MemberStore, organization string, want ...access.Member) {
	t.Helper()
	got, err := s.Members(t.Context(), organization)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Members(%q) gives %v, %v, want %v", organization, got, err, want)
	}
}

func memberFields(t testing.TB, s access.MemberStore) {
	m := filled[access.Member](t, new(filler))
	if err := s.PutMember(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	wantMember(t, s, m)
	wantMembers(t, s, m.OrganizationID, m)
}

// memberNotFound asks for places that only look like the one there is.
func memberNotFound(t testing.TB, s access.MemberStore) {
	wantNoMember(t, s, ourOrg, "ann")
	wantMembers(t, s, ourOrg)
	ann := putMember(t, s, ourOrg, "ann", access.Owner)
	for _, c := range []place{
		{theirOrg, "ann"},
		{ourOrg, "Ann"},
		{ourOrg, "ann "},
		{ourOrg, "an"},
		{ourOrg, "a_n"},
		{ourOrg, "%"},
		{ourOrg, ""},
		{"", "ann"},
		{"ann", ourOrg},
	} {
		wantNoMember(t, s, c.organizationID, c.subject)
	}
	wantMember(t, s, ann)
	wantMembers(t, s, theirOrg)
}

func memberRole(t testing.TB, s access.MemberStore) {
	theirs := putMember(t, s, theirOrg, "ann", access.Owner)
	for _, role := range []access.Role{access.Owner, access.Billing, access.Billing, access.Editor, access.Manager} {
		m := putMember(t, s, ourOrg, "ann", role)
		wantMember(t, s, m)
		wantMembers(t, s, ourOrg, m)
	}
	wantMember(t, s, theirs)
}

func memberList(t testing.TB, s access.MemberStore) {
	made := make(map[string]access.Member)
	for _, subject := range []string{"https://id.example|c", "https://id.example|a", "https://id.example|d", "https://id.example|b"} {
		made[subject] = putMember(t, s, ourOrg, subject, access.Editor)
	}
	theirs := putMember(t, s, theirOrg, "https://id.example|a", access.Owner)
	wantMembers(t, s, ourOrg, made["https://id.example|a"], made["https://id.example|b"],
		made["https://id.example|c"], made["https://id.example|d"])
	wantMembers(t, s, theirOrg, theirs)
}

func memberRemoves(t testing.TB, s access.MemberStore) {
	putMember(t, s, ourOrg, "ann", access.Owner)
	bob := putMember(t, s, ourOrg, "bob", access.Manager)
	theirs := putMember(t, s, theirOrg, "ann", access.Owner)
	for range 2 { // removing who is not there is no error
		if err := s.RemoveMember(t.Context(), ourOrg, "ann"); err != nil {
			t.Fatal(err)
		}
		wantNoMember(t, s, ourOrg, "ann")
	}
	wantMembers(t, s, ourOrg, bob)
	wantMember(t, s, theirs)
	wantMember(t, s, putMember(t, s, ourOrg, "ann", access.Editor))
}

func memberCancelled(t testing.TB, s access.MemberStore) {
	ctx := cancelled(t)
	ann := putMember(t, s, ourOrg, "ann", access.Owner)
	wantCancelled(t, "PutMember", s.PutMember(ctx, access.Member{OrganizationID: ourOrg, Subject: "bob", Role: access.Owner}))
	_, err := s.Member(ctx, ourOrg, "ann")
	wantCancelled(t, "Member", err)
	_, err = s.Members(ctx, ourOrg)
	wantCancelled(t, "Members", err)
	wantCancelled(t, "RemoveMember", s.RemoveMember(ctx, ourOrg, "ann"))
	wantMembers(t, s, ourOrg, ann)
}

// memberConcurrent puts one member and many.
func memberConcurrent(t testing.TB, s access.MemberStore) {
	together(func(n int) {
		own := access.Member{OrganizationID: ourOrg, Subject: fmt.Sprintf("subject-%03d", n), Role: access.Editor}
		shared := access.Member{OrganizationID: ourOrg, Subject: "shared", Role: access.Manager}
		err := errors.Join(s.PutMember(t.Context(), own), s.PutMember(t.Context(), shared))
		got, err2 := s.Member(t.Context(), ourOrg, own.Subject)
		if err = errors.Join(err, err2); err != nil || got != own {
			t.Errorf("Member gives %v, %v, want %v", got, err, own)
		}
		if n%2 == 0 {
			if err := s.RemoveMember(t.Context(), ourOrg, own.Subject); err != nil {
				t.Error(err)
			}
		}
	})
	if got, err := s.Members(t.Context(), ourOrg); err != nil || len(got) != atOnce/2+1 {
		t.Errorf("Members gives %d, %v, want %d", len(got), err, atOnce/2+1)
	}
}
