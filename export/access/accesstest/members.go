package accesstest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// RunMemberStore checks an [access.MemberStore] against its documentation.
// newStore returns an empty one for each subtest.
func RunMemberStore(t *testing.T, newStore func(t *testing.T) access.MemberStore) {
	t.Helper()
	kittest.Run(t, memberPromises, newStore)
}

var memberPromises = []kittest.Promise[access.MemberStore]{
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
	kittest.WantSame(t, "Member", got, want)
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
	m := kittest.Filled[access.Member](t, new(kittest.Filler))
	if err := s.PutMember(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	wantMember(t, s, m)
	wantMembers(t, s, m.OrganizationID, m)
}

// memberNotFound asks for organizations and subjects that look like those of a
// member.
func memberNotFound(t testing.TB, s access.MemberStore) {
	wantNoMember(t, s, kittest.OurOrg, "ann")
	wantMembers(t, s, kittest.OurOrg)
	ann := putMember(t, s, kittest.OurOrg, "ann", access.Owner)
	for _, c := range []place{
		{kittest.TheirOrg, "ann"},
		{kittest.OurOrg, "Ann"},
		{kittest.OurOrg, "ann "},
		{kittest.OurOrg, "an"},
		{kittest.OurOrg, "a_n"},
		{kittest.OurOrg, "%"},
		{kittest.OurOrg, ""},
		{"", "ann"},
		{"ann", kittest.OurOrg},
	} {
		wantNoMember(t, s, c.organizationID, c.subject)
	}
	wantMember(t, s, ann)
	wantMembers(t, s, kittest.TheirOrg)
}

func memberRole(t testing.TB, s access.MemberStore) {
	theirs := putMember(t, s, kittest.TheirOrg, "ann", access.Owner)
	for _, role := range []access.Role{access.Owner, access.Billing, access.Billing, access.Editor, access.Manager} {
		m := putMember(t, s, kittest.OurOrg, "ann", role)
		wantMember(t, s, m)
		wantMembers(t, s, kittest.OurOrg, m)
	}
	wantMember(t, s, theirs)
}

func memberList(t testing.TB, s access.MemberStore) {
	made := make(map[string]access.Member)
	for _, subject := range []string{"https://id.example|c", "https://id.example|a", "https://id.example|d", "https://id.example|b"} {
		made[subject] = putMember(t, s, kittest.OurOrg, subject, access.Editor)
	}
	theirs := putMember(t, s, kittest.TheirOrg, "https://id.example|a", access.Owner)
	wantMembers(t, s, kittest.OurOrg, made["https://id.example|a"], made["https://id.example|b"],
		made["https://id.example|c"], made["https://id.example|d"])
	wantMembers(t, s, kittest.TheirOrg, theirs)
}

func memberRemoves(t testing.TB, s access.MemberStore) {
	putMember(t, s, kittest.OurOrg, "ann", access.Owner)
	bob := putMember(t, s, kittest.OurOrg, "bob", access.Manager)
	theirs := putMember(t, s, kittest.TheirOrg, "ann", access.Owner)
	for range 2 { // removing who is not there is no error
		if err := s.RemoveMember(t.Context(), kittest.OurOrg, "ann"); err != nil {
			t.Fatal(err)
		}
		wantNoMember(t, s, kittest.OurOrg, "ann")
	}
	wantMembers(t, s, kittest.OurOrg, bob)
	wantMember(t, s, theirs)
	wantMember(t, s, putMember(t, s, kittest.OurOrg, "ann", access.Editor))
}

func memberCancelled(t testing.TB, s access.MemberStore) {
	ctx := kittest.Cancelled(t)
	ann := putMember(t, s, kittest.OurOrg, "ann", access.Owner)
	kittest.WantCancelled(t, "PutMember", s.PutMember(ctx, access.Member{OrganizationID: kittest.OurOrg, Subject: "bob", Role: access.Owner}))
	_, err := s.Member(ctx, kittest.OurOrg, "ann")
	kittest.WantCancelled(t, "Member", err)
	_, err = s.Members(ctx, kittest.OurOrg)
	kittest.WantCancelled(t, "Members", err)
	kittest.WantCancelled(t, "RemoveMember", s.RemoveMember(ctx, kittest.OurOrg, "ann"))
	wantMembers(t, s, kittest.OurOrg, ann)
}

// memberConcurrent puts one member from all goroutines, and one from each.
func memberConcurrent(t testing.TB, s access.MemberStore) {
	kittest.Together(func(n int) {
		own := access.Member{OrganizationID: kittest.OurOrg, Subject: fmt.Sprintf("subject-%03d", n), Role: access.Editor}
		shared := access.Member{OrganizationID: kittest.OurOrg, Subject: "shared", Role: access.Manager}
		err := errors.Join(s.PutMember(t.Context(), own), s.PutMember(t.Context(), shared))
		got, err2 := s.Member(t.Context(), kittest.OurOrg, own.Subject)
		if err = errors.Join(err, err2); err != nil || got != own {
			t.Errorf("Member gives %v, %v, want %v", got, err, own)
		}
		if n%2 == 0 {
			if err := s.RemoveMember(t.Context(), kittest.OurOrg, own.Subject); err != nil {
				t.Error(err)
			}
		}
	})
	if got, err := s.Members(t.Context(), kittest.OurOrg); err != nil || len(got) != kittest.AtOnce/2+1 {
		t.Errorf("Members gives %d, %v, want %d", len(got), err, kittest.AtOnce/2+1)
	}
}
