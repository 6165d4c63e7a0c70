package httpapi_test

import (
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
