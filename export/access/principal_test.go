package access_test

import (
	"context"
	"errors"
	"testing"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/access/accesstest"
)

// deaf is a store of members that does not answer.
type deaf struct{ access.MemberStore }

var errDeaf = errors.New("no answer")

func (deaf) Member(context.Context, string, string) (access.Member, error) {
	return access.Member{}, errDeaf
}

func TestMayExport(t *testing.T) {
	const ours, theirs = "H9cNmGXLEc8NWcZzSThA9S", "H9cNmGXLEc8NWcZzSThA9T"
	members := new(accesstest.MemMembers)
	for subject, role := range map[string]access.Role{"ada": access.Owner, "bob": access.Billing} {
		if err := members.PutMember(t.Context(), access.Member{OrganizationID: ours, Subject: subject, Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	key := func(k access.Key) access.Principal { return k.Principal() }
	for _, c := range []struct {
		name string
		p    access.Principal
		org  string
		want bool
	}{
		{"nobody", access.Principal{}, ours, false},
		{"owner's key", key(access.Key{Kind: access.Business, OrganizationID: ours, Role: access.Owner}), ours, true},
		{"manager's key", key(access.Key{Kind: access.Business, OrganizationID: ours, Role: access.Manager}), ours, true},
		{"editor's key", key(access.Key{Kind: access.Business, OrganizationID: ours, Role: access.Editor}), ours, false},
		{"read-only key", key(access.Key{Kind: access.Business, OrganizationID: ours, Role: access.ReadOnly}), ours, false},
		{"key without a role", key(access.Key{Kind: access.Business, OrganizationID: ours}), ours, false},
		{"key of another organization", key(access.Key{Kind: access.Business, OrganizationID: theirs, Role: access.Owner}), ours, false},
		{"publishable key", key(access.Key{Kind: access.Publishable, OrganizationID: ours, Role: access.Owner}), ours, false},
		{"key of an owner", key(access.Key{Kind: access.User, UserID: "ada"}), ours, true},
		{"key of an owner elsewhere", key(access.Key{Kind: access.User, UserID: "ada"}), theirs, false},
		{"key of an accountant", key(access.Key{Kind: access.User, UserID: "bob"}), ours, false},
		{"key of a stranger", key(access.Key{Kind: access.User, UserID: "eve"}), ours, false},
		{"key of a user with a role on the key", key(access.Key{Kind: access.User, UserID: "eve", OrganizationID: ours, Role: access.Owner}), ours, false},
		{"session of an owner", access.Session{Subject: "ada"}.Principal(), ours, true},
		{"no organization", key(access.Key{Kind: access.Business, Role: access.Owner}), "", false},
	} {
		if got, err := access.MayExport(t.Context(), c.p, c.org, members); err != nil || got != c.want {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
	if ok, err := access.MayExport(t.Context(), access.Principal{Subject: "ada"}, ours, deaf{}); ok || !errors.Is(err, errDeaf) {
		t.Errorf("a store that does not answer: %v, %v", ok, err)
	}
	if ok, err := access.MayExport(t.Context(), access.Principal{Subject: "ada"}, ours, nil); ok || err != nil {
		t.Errorf("no store: %v, %v", ok, err)
	}
}
