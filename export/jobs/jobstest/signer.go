package jobstest

import (
	"net/url"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// RunSigner checks a [jobs.Signer] against its documentation. newSigner returns one
// for each subtest. Its clock must be that of the test. Keys have the form that
// a service gives them: ORGANIZATION/JOB/ATTEMPT.EXTENSION.
func RunSigner(t *testing.T, newSigner func(t *testing.T) jobs.Signer) {
	t.Helper()
	kittest.Run(t, signerPromises, newSigner)
}

var signerPromises = []kittest.Promise[jobs.Signer]{
	{"AbsoluteURL", signerAbsolute},
	{"EndsInTime", signerEnds},
	{"OneLinkForOneFile", signerApart},
	{"AnyFileName", signerNames},
}

var signedKey = kittest.OurOrg + "/" + kittest.ShortID(1) + "/1.zip"

func sign(t testing.TB, s jobs.Signer, key, filename string, ttl time.Duration) jobs.Link {
	t.Helper()
	link, err := s.Sign(t.Context(), key, filename, ttl)
	if err != nil {
		t.Fatalf("Sign(%q, %q, %v): %v", key, filename, ttl, err)
	}
	return link
}

func signerAbsolute(t testing.TB, s jobs.Signer) {
	link := sign(t, s, signedKey, "export.zip", time.Hour)
	u, err := url.Parse(link.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		t.Errorf("Sign gives %q, want an absolute URL", link.URL)
	}
}

func signerEnds(t testing.TB, s jobs.Signer) {
	for _, ttl := range []time.Duration{time.Second, time.Minute, 90*time.Minute + 7*time.Millisecond, 6 * 24 * time.Hour} {
		before := time.Now()
		link := sign(t, s, signedKey, "export.zip", ttl)
		after := time.Now()
		if link.ExpiresAt.After(after.Add(ttl)) || !link.ExpiresAt.After(before.Add(-time.Second)) {
			t.Errorf("a link for %v ends %v from now", ttl, link.ExpiresAt.Sub(after))
		}
		if link.ExpiresAt.Location() != time.UTC {
			t.Errorf("ExpiresAt is in %v, want UTC", link.ExpiresAt.Location())
		}
	}
}

func signerApart(t testing.TB, s jobs.Signer) {
	seen := make(map[string]string)
	for _, c := range []struct{ key, filename string }{
		{signedKey, "export.zip"},
		{signedKey, "other.zip"},
		{kittest.OurOrg + "/" + kittest.ShortID(1) + "/2.zip", "export.zip"},
		{kittest.OurOrg + "/" + kittest.ShortID(2) + "/1.zip", "export.zip"},
		{kittest.TheirOrg + "/" + kittest.ShortID(1) + "/1.zip", "export.zip"},
	} {
		link := sign(t, s, c.key, c.filename, time.Hour)
		what := c.key + " as " + c.filename
		if other, ok := seen[link.URL]; ok {
			t.Errorf("%s has the link of %s", what, other)
		}
		seen[link.URL] = what
	}
}

func signerNames(t testing.TB, s jobs.Signer) {
	for _, name := range []string{"export-acme-foods-20260626-210000.tar.gz", "Zoë's 100% export (1).zip", "a+b&c=d;e#f?.zip", "李雷.zip"} {
		link := sign(t, s, signedKey, name, time.Hour)
		if u, err := url.Parse(link.URL); err != nil || u.Fragment != "" {
			t.Errorf("the file name %q makes the link %q", name, link.URL)
		}
	}
}
