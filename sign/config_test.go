package sign_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/sign"
)

var (
	_ jobs.Signer  = (*sign.Links)(nil)
	_ http.Handler = (*sign.Links)(nil)
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*sign.Config)
		want   []string
	}{
		{"nothing", func(c *sign.Config) { *c = sign.Config{} }, []string{
			"Config.Keys is missing", "Config.URL is missing", "Config.Jobs is missing", "Config.Destination is missing", "Config.Audit is missing",
		}},
		{"empty keyring", func(c *sign.Config) { c.Keys = &sign.Keyring{} }, []string{"Config.Keys is missing"}},
		{"relative", func(c *sign.Config) { c.URL = "/downloads" }, []string{"Config.URL is not an absolute URL"}},
		{"other scheme", func(c *sign.Config) { c.URL = "ftp://a/b" }, []string{"Config.URL is not an absolute URL"}},
		{"no host", func(c *sign.Config) { c.URL = "https://:80/b" }, []string{"Config.URL is not an absolute URL"}},
		{"user", func(c *sign.Config) { c.URL = "https://u:hunter2@a/b" }, []string{"Config.URL has a user"}},
		{"query", func(c *sign.Config) { c.URL = "https://a/b?" }, []string{"Config.URL has a user, a query or a fragment"}},
		{"no URL", func(c *sign.Config) { c.URL = "https://hunter2:%zz" }, []string{"Config.URL is not a URL"}},
		{"path of the URL", func(c *sign.Config) { c.URL = "https://a/hunter2%20b" }, []string{"Config.URL has a path that is not like /downloads, and Path is missing"}},
		{"dots in the URL", func(c *sign.Config) { c.URL = "https://a/b/../downloads" }, []string{"Config.URL is not written as clients write it"}},
		{"two slashes in the URL", func(c *sign.Config) { c.URL = "https://a//downloads" }, []string{"Config.URL is not written as clients write it"}},
		{"space in the URL", func(c *sign.Config) { c.URL, c.Path = "https://a/b c", "/downloads" }, []string{"Config.URL is not written as clients write it"}},
		{"dots in the path", func(c *sign.Config) { c.Path = "/../downloads" }, []string{`Config.Path "/../downloads" is not like /downloads`}},
		{"two slashes in the path", func(c *sign.Config) { c.Path = "//" }, []string{`Config.Path "//" is not like /downloads`}},
		{"relative path", func(c *sign.Config) { c.Path = "downloads/" }, []string{`Config.Path "downloads/" is not like /downloads`}},
		{"escape in the path", func(c *sign.Config) { c.Path = "/a%2Fb" }, []string{`Config.Path "/a%2Fb" is not like /downloads`}},
		{"all at once", func(c *sign.Config) { c.URL, c.IdleTimeout, c.Formats = "", -1, []archive.Format{nil} },
			[]string{"Config.URL is missing", "Config.IdleTimeout -1ns is negative", "Config.Formats has a nil format"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := newWorld(t).config
			c.change(&config)
			_, err := sign.New(config)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to contain %q", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(c.want) {
				t.Errorf("got %d problems, want %d: %v", lines, len(c.want), err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q has a password", err)
			}
		})
	}
}

// TestWhereRequestsArrive says the URL once, and the path again only where a proxy
// changes it.
func TestWhereRequestsArrive(t *testing.T) {
	for _, c := range []struct{ url, path, link, arrives string }{
		{"https://example.com/downloads", "", "https://example.com/downloads/", "/downloads/"},
		{"https://example.com/a/downloads/", "", "https://example.com/a/downloads/", "/a/downloads/"},
		{"https://example.com", "", "https://example.com/", "/"},
		{"https://example.com/", "", "https://example.com/", "/"},
		{"https://example.com/a/downloads", "/downloads", "https://example.com/a/downloads/", "/downloads/"},
		{"https://example.com/a/downloads", "/downloads/", "https://example.com/a/downloads/", "/downloads/"},
		{"https://example.com/downloads", "/", "https://example.com/downloads/", "/"},
		{"https://example.com/a%20b/downloads", "/downloads", "https://example.com/a%20b/downloads/", "/downloads/"},
	} {
		w := newWorld(t, func(config *sign.Config) { config.URL, config.Path = c.url, c.path })
		l, err := newLinks(t, w.config).Sign(t.Context(), objectKey, filename, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		rest, ok := strings.CutPrefix(l.URL, c.link)
		if !ok {
			t.Errorf("%s: the link is %s", c.url, l.URL)
		}
		if rec := w.do(t, "GET", c.arrives+rest); rec.Code != http.StatusOK {
			t.Errorf("%s, %s: a request that arrives at %s is answered with %d", c.url, c.path, c.arrives, rec.Code)
		}
		if rec := w.do(t, "GET", "/elsewhere"+c.arrives+rest); rec.Code != http.StatusForbidden {
			t.Errorf("%s, %s: a request that arrives elsewhere is answered with %d", c.url, c.path, rec.Code)
		}
	}
}
