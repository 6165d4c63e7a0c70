package jobstest

import (
	"errors"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// RunOrganizations checks a [jobs.Organizations] against its documentation.
// newOrganizations returns, for each subtest, one with exactly the organizations
// have.
func RunOrganizations(t *testing.T, newOrganizations func(t *testing.T, have ...export.Organization) jobs.Organizations) {
	t.Helper()
	kittest.Run(t, organizationsPromises, func(t *testing.T) jobs.Organizations { return newOrganizations(t, knownOrganizations...) })
}

var knownOrganizations = []export.Organization{
	{ID: kittest.OurOrg, Slug: "acme-foods", Name: "Acme Foods & Söhne, “Ltd”"},
	{ID: kittest.TheirOrg, Slug: "globex", Name: "Globex"},
}

var organizationsPromises = []kittest.Promise[jobs.Organizations]{
	{"Gets", organizationsGets},
	{"NotFound", organizationsNotFound},
}

func organizationsGets(t testing.TB, o jobs.Organizations) {
	for _, want := range knownOrganizations {
		if got, err := o.Get(t.Context(), want.ID); err != nil || got != want {
			t.Errorf("Get(%q) gives %v, %v, want %v", want.ID, got, err, want)
		}
	}
}

func organizationsNotFound(t testing.TB, o jobs.Organizations) {
	for _, id := range []string{kittest.ShortID(1), "", "acme-foods", kittest.OurOrg + " ", kittest.OurOrg[1:], "%", "' OR ''='"} {
		if got, err := o.Get(t.Context(), id); !errors.Is(err, export.ErrNotFound) {
			t.Errorf("Get(%q) gives %v, %v, want ErrNotFound", id, got, err)
		}
	}
}
