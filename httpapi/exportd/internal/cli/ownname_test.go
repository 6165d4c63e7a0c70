//go:build unix

package cli_test

import (
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const ownName = `api:
  title: Acme Export API
  terms: https://acme.example/terms
  base_path: /v1/exports
  error_types: https://acme.example/errors/
  key_prefixes: {business: acme, user: acuser, publishable: acpub}
`

// TestOwnName serves an API with a name of its own. Keys that were made before it had
// one are good again without it.
func TestOwnName(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	old := d.newKey(t, dir, "--organization", acme)
	without := read(t, filepath.Join(dir, "exportd.yaml"))
	configure(t, dir, ownName)
	o := d.keys(t, dir, "create", "--organization", acme)
	if o.want(t, 0); !regexp.MustCompile(`^acme_[0-9A-Za-z]{32}_[0-9a-f]{8}\n$`).MatchString(o.stdout) {
		t.Fatalf("keys create prints %q", o.stdout)
	}
	key := "X-API-Key: " + strings.TrimSpace(o.stdout)
	if o = d.keys(t, dir, "create", "--kind", "csu", "--user", "zoe"); !strings.HasPrefix(o.stdout, "acuser_") {
		t.Errorf("keys create prints %q", o.stdout)
	}
	if k := d.listedKeys(t, dir, "--organization", acme); len(k) != 1 {
		t.Errorf("keys are %+v", k)
	}

	s := d.serve(t, dir)
	const exports = "/v1/exports/" + acme
	for _, c := range []struct {
		method, path, credential, code string
		status                         int
	}{
		{http.MethodPost, exports, key, "", http.StatusOK},
		{http.MethodGet, exports, key, "", http.StatusOK},
		{http.MethodGet, exports, "X-API-Key: " + old, "unauthorized", http.StatusUnauthorized},
		{http.MethodGet, exportsOfAcme, key, "not_found", http.StatusNotFound},
		{http.MethodDelete, "/v1/session", key, "", http.StatusNoContent},
	} {
		r := s.send(t, c.method, c.path, c.credential)
		if r.code != c.status || c.code != "" && !strings.Contains(r.text, `"type":"https://acme.example/errors/`+c.code+`"`) {
			t.Errorf("%s %s gives %d %s", c.method, c.path, r.code, r.text)
		}
	}
	document := s.send(t, http.MethodGet, "/openapi.json", key).text
	if !strings.Contains(document, `"title":"Acme Export API"`) || strings.Contains(strings.ToLower(document), "closient") {
		t.Errorf("the document is %s", document)
	}
	s.stop(t, old, key)

	write(t, filepath.Join(dir, "exportd.yaml"), without)
	s = d.serve(t, dir)
	s.wantCodes(t, "without the name", http.StatusOK, "X-API-Key: "+old)
	s.wantCodes(t, "without the name", http.StatusUnauthorized, key)
	s.stop(t, old, key)
}

// TestOwnNameProblems: the line is told.
func TestOwnNameProblems(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	configure(t, dir, strings.Replace(ownName, "acuser", "acmeuser", 1))
	if o := refuse(t, dir); o.status != 2 || !strings.HasPrefix(o.stderr, `exportd: exportd.yaml:6: key_prefixes: prefixes "acme" and "acmeuser" are`) {
		t.Errorf("it ends with %d: %s", o.status, o.stderr)
	}
}
