//go:build unix

package cli_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// bearerShop is a shop whose server takes tokens of a provider.
func bearerShop(t *testing.T, p *provider) (dir string) {
	t.Helper()
	dir = shop(t, organizationSection)
	configure(t, dir, fmt.Sprintf("oidc: {issuer: '%s', audience: '%s', scope: 'exports:write'}\n", p.issuer, audience))
	return dir
}

// Users of an OpenID provider export once they are members, and as long.
func TestBearer(t *testing.T) {
	t.Parallel()
	p := newProvider(t, freeAddress(t))
	p.start(t)
	d, dir := inSQLite(t), bearerShop(t, p)
	s := d.serve(t, dir)
	token := p.token(t, audience, "exports:write")
	bearer := "Authorization: Bearer " + token
	s.wantCodes(t, "no member", 403, bearer)
	d.members(t, dir, "add", "--user", robot, "--role", "manager").want(t, 0) // somebody else
	s.wantCodes(t, "a member of the same name", 403, bearer)
	d.members(t, dir, "add", "--issuer", p.issuer, "--user", robot).want(t, 0)
	s.wantCodes(t, "a member", 200, bearer, "Authorization: bearer  "+token)
	link := s.exported(t, bearer)

	other, less := p.token(t, "https://other.example.com", "exports:write"), p.token(t, audience, "exports:read")
	header, rest, _ := strings.Cut(token, ".")
	claims, signature, _ := strings.Cut(rest, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + claims + "."
	s.wantCodes(t, "bad", 401, "Authorization: Bearer "+other, "Authorization: Bearer "+less, "Authorization: Bearer "+none,
		"Authorization: Bearer", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte("robot:"+robotPassword)),
		"Authorization: Bearer "+header+"."+claims+"."+signature[:len(signature)-8]+"AAAAAAAA")
	challenge := s.send(t, http.MethodGet, exportsOfAcme, "Authorization: Bearer "+other)
	if !strings.Contains(challenge.header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("the challenge is %v", challenge.header)
	}

	d.members(t, dir, "add", "--issuer", p.issuer, "--user", robot, "--role", "billing").want(t, 0)
	s.wantCodes(t, "of another role", 403, bearer)
	d.members(t, dir, "remove", "--issuer", p.issuer, "--user", robot).want(t, 0)
	s.wantCodes(t, "removed", 403, bearer)
	d.audited(t, 2, "member.put", acme, p.issuer+"#"+robot)
	d.audited(t, 1, "member.removed", acme, p.issuer+"#"+robot)
	var requested int
	d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'export.requested' AND actor LIKE 'oidc:%' AND actor NOT LIKE '%robot%'", &requested)
	if requested != 1 {
		t.Errorf("%d exports were requested by the token, as the audit trail has it", requested)
	}
	s.stop(t, append(secretsOf(t, dir, link), token, claims, signature, other, less, robotPassword, robot)...)
}

// A server starts while the provider is down. Until that is back only bearer
// tokens cannot be checked.
func TestBearerProviderDown(t *testing.T) {
	t.Parallel()
	p := newProvider(t, freeAddress(t))
	stop := p.start(t)
	token := p.token(t, audience, "exports:write")
	stop()
	d, dir := inSQLite(t), bearerShop(t, p)
	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	d.members(t, dir, "add", "--issuer", p.issuer, "--user", robot).want(t, 0)
	d.members(t, dir, "add", "--user", "zoe").want(t, 0)
	session := d.newSession(t, dir, "zoe")
	s.wantCodes(t, "while the provider is down", 503, "Authorization: Bearer "+token)
	s.wantCodes(t, "while the provider is down", 200, "X-API-Key: "+key, "Cookie: sessionid="+session)
	if a := s.send(t, http.MethodGet, "/readyz"); a.code != http.StatusOK {
		t.Errorf("it is not ready: %d %s", a.code, a.text)
	}
	s.wantCodes(t, "nonsense", 401, "Authorization: Bearer nonsense")
	p.start(t)
	eventually(t, "checked again", func() bool {
		a := s.send(t, http.MethodGet, exportsOfAcme, "Authorization: Bearer "+token)
		if a.code != http.StatusOK && a.code != http.StatusServiceUnavailable {
			t.Fatalf("status %d\n%s", a.code, a.text)
		}
		return a.code == http.StatusOK
	})
	if !strings.Contains(s.log.String(), `msg="bearer tokens cannot be checked"`) {
		t.Errorf("the log does not tell why:\n%s", s.log.String())
	}
	s.stop(t, token, key, session)
}

// Without a provider in the configuration a bearer token is no credential.
func TestBearerNotConfigured(t *testing.T) {
	t.Parallel()
	s := inSQLite(t).serve(t, shop(t, organizationSection))
	a := s.send(t, http.MethodGet, exportsOfAcme, "Authorization: Bearer a.b.c")
	if a.code != http.StatusUnauthorized || !strings.Contains(a.text, "Credentials are required") {
		t.Errorf("status %d\n%s", a.code, a.text)
	}
	s.stop(t)
}

// What is wrong with the provider is told with its line of the file.
func TestBearerWrongConfiguration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"issuer: 'http://login.example.com', audience: a":                      `"http://login.example.com" is neither https nor http to a loopback host`,
		"issuer: 'https://login.example.com', audience: a, scope: 'two words'": `Config.Scope is "two words", want a single one`,
	} {
		dir := shop(t, organizationSection)
		configure(t, dir, "oidc: {"+text+"}\n")
		o := refuse(t, dir)
		if o.want(t, 2, "exportd: exportd.yaml:1: ", want+"\n"); strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("it says\n%s", o.stderr)
		}
	}
}
