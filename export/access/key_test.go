package access_test

import (
	"testing"

	"github.com/orgexport/orgexport/export/access"
)

func TestKeyPrincipal(t *testing.T) {
	for _, c := range []struct {
		kind        access.Kind
		given, want access.Limits
	}{
		{access.Business, access.Limits{}, access.Limits{}},
		{access.User, access.Limits{}, access.Limits{}},
		{access.Publishable, access.Limits{}, access.Limits{PerMinute: 100}},
		{access.Publishable, access.Limits{PerDay: 5}, access.Limits{PerMinute: 100, PerDay: 5}},
		{access.Publishable, access.Limits{PerMinute: 7}, access.Limits{PerMinute: 7}},
		{access.Publishable, access.Limits{PerMinute: 500, PerDay: 5}, access.Limits{PerMinute: 500, PerDay: 5}},
		{access.Business, access.Limits{PerMinute: 7, PerDay: 5}, access.Limits{PerMinute: 7, PerDay: 5}},
		{access.User, access.Limits{PerMinute: 7, PerDay: 5}, access.Limits{PerMinute: 7, PerDay: 5}},
	} {
		key := access.Key{ID: "id", Kind: c.kind, OrganizationID: "org", Role: access.Manager, UserID: "ann", Limits: c.given}
		want := access.Principal{Name: "key:id", Limits: c.want}
		switch c.kind {
		case access.Business:
			want.OrganizationID, want.Role = "org", access.Manager
		case access.User:
			want.Subject = "ann"
		case access.Publishable: // which has no role, whatever is stored
			want.OrganizationID = "org"
		}
		if got := key.Principal(); got != want {
			t.Errorf("a key %s with %+v is of %+v, want %+v", c.kind, c.given, got, want)
		}
		if key.Limits != c.given {
			t.Errorf("the key's limits are %+v now", key.Limits)
		}
	}
}
