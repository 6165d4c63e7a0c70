package sign_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/sign"
)

func TestSignRefuses(t *testing.T) {
	s := newWorld(t).links(t, "https://example.com/d/")
	for _, key := range []string{
		"", "a", "a/b", "a/b/1", "a/b/1.", "a/b/.zip", "a/b/0.zip", "a/b/01.zip", "a/b/+1.zip", "a/b/-1.zip", "a/b/x.zip",
		"a/b/1.zip/c", "/a/b/1.zip", "a//1.zip", "../b/1.zip", "./b/1.zip", "a b/c/1.zip", "é/b/1.zip", "a/b/1.z%p",
		"a/b/99999999999999999999.zip",
	} {
		if l, err := s.Sign(t.Context(), key, filename, time.Hour); err == nil {
			t.Errorf("key %q: got %s", key, l.URL)
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, "a\nb", "a\x00", "a\u0085", "\xff", strings.Repeat("x", 256)} {
		if l, err := s.Sign(t.Context(), objectKey, name, time.Hour); err == nil {
			t.Errorf("file name %q: got %s", name, l.URL)
		}
	}
	for _, ttl := range []time.Duration{-time.Hour, 0, time.Second - 1} {
		if l, err := s.Sign(t.Context(), objectKey, filename, ttl); err == nil {
			t.Errorf("ttl %v: got %s", ttl, l.URL)
		}
	}
}

func TestLinkLivesAsPromised(t *testing.T) {
	w := newWorld(t)
	w.now = start.In(time.FixedZone("", 3600))
	s := w.links(t, "https://example.com/d/")
	for _, c := range []struct{ ttl, want time.Duration }{
		{time.Second, time.Second},
		{time.Hour, time.Hour},
		{sign.MaxTTL, sign.MaxTTL},
		{365 * 24 * time.Hour, sign.MaxTTL},
		{1<<63 - 1, sign.MaxTTL},
	} {
		l, err := s.Sign(t.Context(), objectKey, filename, c.ttl)
		if err != nil {
			t.Fatal(err)
		}
		// By whole seconds, and never longer than asked for.
		if want := start.Truncate(time.Second).Add(c.want); !l.ExpiresAt.Equal(want) || l.ExpiresAt.Location() != time.UTC {
			t.Errorf("ttl %v: expires at %v, want %v", c.ttl, l.ExpiresAt, want)
		}
		if !strings.HasPrefix(l.URL, "https://example.com/d/"+objectKey+"/"+filename+"?expires=") {
			t.Errorf("the link is %s", l.URL)
		}
	}
}

func TestSignerKit(t *testing.T) {
	jobstest.RunSigner(t, func(t *testing.T) jobs.Signer {
		w := newWorld(t, func(c *sign.Config) { c.Now = nil })
		return w.links(t, "https://example.com/downloads")
	})
}
