package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

const ownExports = "/v1/exports/"

// ownName is all that an embedder can name.
func ownName() httpapi.Config {
	return httpapi.Config{
		Info: httpapi.Info{
			Title: "Acme Export API", Version: "3.1.4", Description: "Exports of *Acme*.",
			Terms: "https://acme.example/terms", Documentation: "https://docs.acme.example",
		},
		BasePath:    "/v1/exports",
		ErrorBase:   "https://acme.example/errors/",
		KeyPrefixes: access.KeyPrefixes{Business: "acme", User: "acmu", Publishable: "acmp"},
		PublicURL:   "https://api.acme.example",
	}
}

// withOwnName turns all on that is optional, under a name of its own.
func withOwnName(w *world) {
	withEverything(w)
	w.rename(ownName())
}

// rename takes what c names over, and makes a key as that says.
func (w *world) rename(c httpapi.Config) {
	w.t.Helper()
	w.config.Info, w.config.BasePath, w.config.ErrorBase = c.Info, c.BasePath, c.ErrorBase
	w.config.KeyPrefixes, w.config.PublicURL = c.KeyPrefixes, c.PublicURL
	w.key = w.newKey(access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Manager})
	w.credentials = withKey(w.key)
}

// nothingElse fails the test if anything tells of another name.
func nothingElse(t *testing.T, r reply) {
	t.Helper()
	text := strings.ToLower(string(r.body))
	for _, name := range []string{"closient", "dashboard", "csb", "csu", "cpk", "data_export"} {
		if strings.Contains(text, name) {
			t.Errorf("%s %s: %q is in %s", r.Request.Method, r.Request.URL, name, text)
		}
	}
}

// TestOwnName goes through all operations.
func TestOwnName(t *testing.T) {
	w := newWorld(t, withOwnName)
	send := func(status int, method, path string, options ...option) reply {
		t.Helper()
		r := w.send(method, path, options...)
		r.want(status)
		nothingElse(t, r)
		return r
	}
	id := send(200, "POST", ownExports+ourOrg).text("job_id")
	send(200, "GET", ownExports+ourOrg+"/"+id)
	w.work()
	send(200, "GET", ownExports+ourOrg)
	if r := send(200, "GET", ownExports+ourOrg+"/"+id+"/events"); !strings.Contains(string(r.body), `"status":"completed"`) {
		t.Errorf("the events are %s", r.body)
	}
	send(204, "DELETE", ownExports+ourOrg+"/"+id)
	session := w.newSession("ann", time.Hour)
	send(204, "DELETE", "/v1/session", withSession(session)).wantHeader("Cache-Control", "no-store")
	send(401, "DELETE", "/v1/session", withSession(session))

	for _, c := range []struct {
		status       int
		code, method string
		path         string
		options      []option
	}{
		{404, "not_found", "GET", exports + ourOrg, nil},
		{404, "not_found", "DELETE", sessionPath, nil},
		{404, "not_found", "GET", ownExports + ourOrg + "/" + noJob, nil},
		{405, "method_not_allowed", "PUT", ownExports + ourOrg, nil},
		{406, "not_acceptable", "GET", ownExports + ourOrg + "/" + id + "/events", []option{withHeader("Accept", "application/json")}},
		{401, "unauthorized", "GET", ownExports + ourOrg, []option{withoutKey}},
		{422, "validation_error", "GET", ownExports + "x", nil},
		{403, "forbidden", "GET", ownExports + theirOrg, nil},
		{403, "forbidden", "GET", "/downloads/x", nil},
	} {
		r := send(c.status, c.method, c.path, c.options...)
		if got := r.text("type"); got != "https://acme.example/errors/"+c.code {
			t.Errorf("%s %s: the type is %s", c.method, c.path, got)
		}
	}
	send(405, "PUT", ownExports+ourOrg).wantHeader("Allow", "GET, HEAD, POST")
	send(200, "GET", "/docs/")
	_, pattern := w.handler.(interface {
		Handler(r *http.Request) (http.Handler, string)
	}).Handler(httptest.NewRequestWithContext(t.Context(), http.MethodGet, ownExports+ourOrg, http.NoBody))
	if want := "GET /v1/exports/{organization_id}"; pattern != want {
		t.Errorf("metrics call it %q, want %q", pattern, want)
	}
}

// TestOwnDocument looks at all that the document says of the API as a whole.
func TestOwnDocument(t *testing.T) {
	w := newWorld(t, withOwnName)
	r := w.send("GET", "/openapi.json", withoutKey)
	nothingElse(t, r)
	nothingElse(t, w.send("GET", "/openapi.yaml", withoutKey))
	for field, want := range map[string]string{
		"info":         `{"description":"Exports of *Acme*.","termsOfService":"https://acme.example/terms","title":"Acme Export API","version":"3.1.4"}`,
		"servers":      `[{"url":"https://api.acme.example"}]`,
		"externalDocs": `{"description":"Documentation","url":"https://docs.acme.example"}`,
	} {
		if got := asText(t, at(t, r.json, field)); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	var paths []string
	for path := range at(t, r.json, "paths").(map[string]any) {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	if want := []string{
		"/downloads/{organization_id}/{job_id}/{object}/{filename}", "/healthz", "/readyz", "/v1/exports/{organization_id}",
		"/v1/exports/{organization_id}/{job_id}", "/v1/exports/{organization_id}/{job_id}/events", "/v1/session",
	}; !slices.Equal(paths, want) {
		t.Errorf("the paths are %q, want %q", paths, want)
	}
	about := at(t, r.json, "components", "securitySchemes", "APIKeyHeaderAuth", "description").(string)
	if !strings.Contains(about, "`acme_`, `acmu_` or `acmp_`") {
		t.Errorf("keys are described by %q", about)
	}
}

// TestTitleAlone: nothing of the contract is left then either.
func TestTitleAlone(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.rename(httpapi.Config{
			Info: httpapi.Info{Title: "Acme"}, BasePath: "/exports", ErrorBase: "https://acme.example/errors#", KeyPrefixes: ownName().KeyPrefixes,
		})
	})
	r := w.send("GET", "/openapi.json", withoutKey)
	nothingElse(t, r)
	info := at(t, r.json, "info").(map[string]any)
	if info["title"] != "Acme" || info["version"] != "1.0.0" || info["termsOfService"] != nil || r.json["externalDocs"] != nil {
		t.Errorf("the document says %v, %v", info, r.json["externalDocs"])
	}
	for _, text := range []string{"X-API-Key: acme_<body>_<checksum>", `"type": "https://acme.example/errors#not_found"`} {
		if !strings.Contains(info["description"].(string), text) {
			t.Errorf("%q is not in %s", text, info["description"])
		}
	}
	if got := asText(t, r.json["servers"]); got != `[{"url":"/"}]` {
		t.Errorf("the servers are %s", got)
	}
	w.send("DELETE", "/session").want(http.StatusNoContent)
}

// TestContractWithOwnParts: the contract's text, too, says how keys and errors look.
func TestContractWithOwnParts(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.rename(httpapi.Config{ErrorBase: "https://acme.example/errors/", KeyPrefixes: access.KeyPrefixes{Business: "acme"}})
	})
	document := w.send("GET", "/openapi.json", withoutKey).json
	want := at(t, asJSON(t, contract()), "info").(map[string]any)
	want["description"] = strings.NewReplacer("csb_", "acme_", "https://closient.com/docs/errors/", "https://acme.example/errors/").
		Replace(want["description"].(string))
	if got := asText(t, at(t, document, "info")); got != asText(t, want) {
		t.Errorf("the document says\n%s, want\n%s", got, asText(t, want))
	}
	w.send("POST", exports+ourOrg).want(http.StatusOK)
}

// TestKeysOfOtherPrefixes are not looked up, even if there are such keys.
func TestKeysOfOtherPrefixes(t *testing.T) {
	old := ""
	w := newWorld(t, func(w *world) {
		old = w.key
		w.rename(ownName())
	})
	w.send("GET", ownExports+ourOrg).want(http.StatusOK)
	w.closed.Store(true)
	r := w.send("GET", ownExports+ourOrg, withKey(old))
	if r.want(http.StatusUnauthorized); r.text("detail") != badKey {
		t.Errorf("the detail is %s", r.body)
	}
	r.wantHeader("WWW-Authenticate", challenge)
	w = newWorld(t, func(v *world) { v.keys, v.config.Keys = w.keys, w.keys })
	w.send("GET", exports+ourOrg, withKey(old)).want(http.StatusOK)
}

// TestNamesDoNotMix has handlers of different names in one process, asked at once.
func TestNamesDoNotMix(t *testing.T) {
	type named struct {
		*world
		base, title, errors string
	}
	other := httpapi.Config{
		Info: httpapi.Info{Title: "Other"}, BasePath: "/other", ErrorBase: "https://other.example/errors/",
		KeyPrefixes: access.KeyPrefixes{Business: "other"},
	}
	all := []named{
		{newWorld(t, withEverything), exports, "Brand Dashboard API (Internal)", "https://closient.com/docs/errors/"},
		{newWorld(t, withOwnName), ownExports, "Acme Export API", "https://acme.example/errors/"},
		{newWorld(t, func(w *world) { w.rename(other) }), "/other/", "Other", "https://other.example/errors/"},
	}
	var running sync.WaitGroup
	for range 5 {
		for _, w := range all {
			running.Go(func() {
				if title := at(t, w.send("GET", "/openapi.json").json, "info", "title"); title != w.title {
					t.Errorf("%s is called %q", w.title, title)
				}
				for _, o := range all {
					r := w.send("GET", o.base+ourOrg, withKey(o.key))
					if good := r.StatusCode == http.StatusOK; good != (o.title == w.title) {
						t.Errorf("%s answers %s of %s by %d", w.title, o.base, o.title, r.StatusCode)
					}
					if r.StatusCode != http.StatusOK && r.text("type") != w.errors+"not_found" {
						t.Errorf("%s: the error is %s", w.title, r.body)
					}
				}
			})
		}
	}
	running.Wait()
}
