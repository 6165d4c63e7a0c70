package httpapi_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/export/jobs/jobstest"
	"github.com/orgexport/orgexport/httpapi"
)

func TestConfigProblems(t *testing.T) {
	_, err := httpapi.New(httpapi.Config{
		SessionTTL: time.Second, Limits: access.Limits{PerDay: -1}, AddressLimits: access.Limits{PerMinute: -1},
		TrustedOrigins: []string{"https://good.example", "bad.example"},
		DownloadsPath:  "downloads", PublicURL: "example.com", ErrorBase: "/errors/", ReadyTimeout: -1, Ready: []httpapi.Check{{}},
	})
	if err == nil {
		t.Fatal("New takes a configuration without anything")
	}
	for _, want := range []string{"Service", "Keys, Bearer, Sessions and Authenticate", "SessionTTL", "Limits", "AddressLimits",
		"TrustedOrigins", "DownloadsPath", "PublicURL", "ErrorBase", "ReadyTimeout", "Ready[0]"} {
		if !strings.Contains(err.Error(), "httpapi: Config."+want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	w := newWorld(t, nil)
	for path, good := range map[string]bool{
		"/downloads/": true, "/a/b/": true, "/healthzz/": true, "/dashboard/files/": true,
		"/": false, "/downloads": false, "/a//b/": false, "/../": false, "/{x}/": false, "/docs/": false, "/docs/x/": false,
		"/dashboard/": false, "/dashboard/api/v1/data-export/": false, "/healthz/": false,
	} {
		c := w.config
		c.DownloadsPath = path
		if _, err := httpapi.New(c); (err == nil) != good {
			t.Errorf("DownloadsPath %q gives %v", path, err)
		}
	}
}

// TestMoreFormats: what a service offers beyond the contract is documented.
func TestMoreFormats(t *testing.T) {
	w := newWorld(t, func(w *world) {
		engine, err := export.New(export.Config{Sections: []export.Section{section("products")}, Scratch: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		w.service, err = jobs.New(jobs.Config{
			Engine: engine, Store: w.store, Dispatcher: w.dispatcher, Destination: w.destination, Signer: new(jobstest.MemSigner),
			Organizations: jobstest.MemOrganizations{}, Formats: []archive.Format{archive.TarGz(), xz.TarXz()},
		})
		if err != nil {
			t.Fatal(err)
		}
		w.config.Service = w.service
	})
	document := w.send("GET", "/openapi.json").json
	enum := at(t, document, "components", "schemas", "OrgExportArchiveFormatEnum", "enum")
	if got, want := asText(t, enum), `["zip","tar.gz","tar.xz"]`; got != want {
		t.Errorf("the formats are %s, want %s", got, want)
	}
	params := at(t, document, "paths", exports+"{organization_id}", "post", "parameters").([]any)
	if got, want := asText(t, at(t, params[1], "schema")), `{"default":"tar.gz","enum":["tar.gz","tar.xz"],"title":"Archive Format","type":"string"}`; got != want {
		t.Errorf("the parameter is %s, want %s", got, want)
	}
	if r := w.send("POST", exports+ourOrg); r.text("archive_format") != "tar.gz" {
		t.Errorf("the default is %s", r.body)
	}
	wantFault(t, w.send("POST", exports+ourOrg+"?archive_format=zip"), "query", "archive_format", "enum")
}

// TestNameProblems: all that is wrong with a name is said at once, by field.
func TestNameProblems(t *testing.T) {
	_, err := httpapi.New(httpapi.Config{
		Info:     httpapi.Info{Version: "1\n", Description: "a\x00", Terms: "/terms", Documentation: "ftp://docs.example"},
		BasePath: "exports", ErrorBase: "https://example.com/errors", KeyPrefixes: access.KeyPrefixes{Business: "a_b", User: "cpk"},
	})
	got := make(map[string]int)
	for line := range strings.SplitSeq(err.Error(), "\n") {
		field, _, _ := strings.Cut(strings.TrimPrefix(line, "httpapi: Config."), ": ")
		got[field]++
	}
	if want := map[string]int{
		"Service": 1, "Keys, Bearer, Sessions and Authenticate": 1, "Info.Title": 1, "Info.Version": 1, "Info.Description": 1,
		"Info.Terms": 1, "Info.Documentation": 1, "BasePath": 1, "ErrorBase": 1, "KeyPrefixes": 2,
	}; !maps.Equal(got, want) {
		t.Errorf("the problems are %v, want %v:\n%v", got, want, err)
	}
	var field *httpapi.FieldError
	if !errors.As(err, &field) || field.Field != "Service" {
		t.Errorf("the first problem is %+v", field)
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t, nil)
	titled := func(i httpapi.Info) func(*httpapi.Config) {
		i.Title = "Acme"
		return func(c *httpapi.Config) { c.Info = i }
	}
	base := func(p string) func(*httpapi.Config) { return func(c *httpapi.Config) { c.BasePath = p } }
	errorBase := func(u string) func(*httpapi.Config) { return func(c *httpapi.Config) { c.ErrorBase = u } }
	for name, test := range map[string]struct {
		change func(*httpapi.Config)
		good   bool
	}{
		"title":                    {titled(httpapi.Info{}), true},
		"odd title":                {func(c *httpapi.Config) { c.Info.Title = `Käse & "Co" <b>` }, true},
		"no title":                 {func(c *httpapi.Config) { c.Info.Terms = "https://example.com" }, false},
		"title of two lines":       {func(c *httpapi.Config) { c.Info.Title = "a\nb" }, false},
		"title that is not UTF-8":  {func(c *httpapi.Config) { c.Info.Title = "a\xff" }, false},
		"lines":                    {titled(httpapi.Info{Description: "a\n\n\t* b\n"}), true},
		"escape":                   {titled(httpapi.Info{Description: "\x1b[2J"}), false},
		"carriage return":          {titled(httpapi.Info{Description: "a\r\n"}), false},
		"C1":                       {titled(httpapi.Info{Version: "1\u0085"}), false},
		"terms":                    {titled(httpapi.Info{Terms: "http://example.com/a?b=c#d"}), true},
		"terms of a script":        {titled(httpapi.Info{Terms: "javascript:alert(1)"}), false},
		"terms without a host":     {titled(httpapi.Info{Terms: "https:///terms"}), false},
		"terms with a space":       {titled(httpapi.Info{Terms: "https://example.com/a b"}), false},
		"terms with a line end":    {titled(httpapi.Info{Terms: "https://example.com/\n"}), false},
		"relative documentation":   {titled(httpapi.Info{Documentation: "docs"}), false},
		"base":                     {base("/exports"), true},
		"deep base":                {base("/api/v1/Data_export.x/~me-1"), true},
		"base like another path":   {base("/downloads-of/healthzz/docs"), true},
		"base /":                   {base("/"), false},
		"base without a slash":     {base("exports"), false},
		"base that ends in a one":  {base("/exports/"), false},
		"empty element":            {base("/a//b"), false},
		"dot":                      {base("/a/./b"), false},
		"dots":                     {base("/a/.."), false},
		"three dots":               {base("/..."), true},
		"wildcard":                 {base("/{tenant}/exports"), false},
		"wildcard at the end":      {base("/a/{b...}"), false},
		"escaped":                  {base("/a%2Fb"), false},
		"query":                    {base("/a?b"), false},
		"fragment":                 {base("/a#b"), false},
		"host":                     {base("https://example.com/a"), false},
		"method":                   {base("GET /a"), false},
		"letter":                   {base("/é"), false},
		"line end":                 {base("/a\n"), false},
		"backslash":                {base(`/a\b`), false},
		"health":                   {base("/healthz"), false},
		"below the documentation":  {base("/docs/api"), false},
		"document":                 {base("/openapi"), false},
		"downloads":                {base("/downloads"), false},
		"below downloads":          {base("/downloads/x"), false},
		"above downloads":          {func(c *httpapi.Config) { c.BasePath, c.DownloadsPath = "/a", "/a/files/" }, false},
		"beside downloads":         {func(c *httpapi.Config) { c.BasePath, c.DownloadsPath = "/a/exports", "/a/files/" }, true},
		"downloads as by default":  {func(c *httpapi.Config) { c.BasePath, c.DownloadsPath = "/a", "/dashboard/" }, true},
		"errors by fragment":       {errorBase("https://example.com/errors#"), true},
		"errors by query":          {errorBase("https://example.com/errors?code="), true},
		"errors without an end":    {errorBase("https://example.com/errors"), false},
		"errors of another scheme": {errorBase("urn:errors/"), false},
		"a prefix":                 {func(c *httpapi.Config) { c.KeyPrefixes.User = "acme" }, true},
		"prefixes that are alike":  {func(c *httpapi.Config) { c.KeyPrefixes.User = "csb" }, false},
		"relative public URL":      {func(c *httpapi.Config) { c.Info.Title, c.PublicURL = "Acme", "/" }, false},
	} {
		c := w.config
		test.change(&c)
		if _, err := httpapi.New(c); (err == nil) != test.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}
