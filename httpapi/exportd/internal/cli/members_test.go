//go:build unix

package cli_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// members runs exportd members for acme.
func (d jobsDatabase) members(t *testing.T, dir, verb string, flags ...string) outcome {
	t.Helper()
	return finish(t, d.command(t, dir, append([]string{"members", verb, "--config", "exportd.yaml", "--organization", acme}, flags...)...))
}

// newSession makes a session and returns the text of its cookie.
func (d jobsDatabase) newSession(t *testing.T, dir, user string, flags ...string) string {
	t.Helper()
	o := finish(t, d.command(t, dir, append([]string{"sessions", "create", "--config", "exportd.yaml", "--user", user}, flags...)...))
	o.want(t, 0)
	text := strings.TrimSuffix(o.stdout, "\n")
	if len(text) < 32 || strings.ContainsAny(text, "\n ;,=") {
		t.Fatalf("sessions create prints %q", o.stdout)
	}
	return text
}

// audited fails the test unless the trail has n entries of what the operator did
// to an object.
func (d jobsDatabase) audited(t *testing.T, n int, action, organization, object string) {
	t.Helper()
	var got int
	d.row(t, "SELECT count(*) FROM orgexport_audit WHERE actor LIKE 'operator%' AND action = '"+action+"' AND organization_id = '"+organization+
		"' AND (object = '"+object+"' OR '"+object+"' = 'any' AND object <> '')", &got)
	if got != n {
		t.Errorf("%d entries of %s of %q to %q, want %d", got, action, organization, object, n)
	}
}

// Users are members, or not, from the next request on, whatever they sign in
// with, at a server that runs.
func TestMembers(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection)
		s := d.serve(t, dir)
		key, session := d.newKey(t, dir, "--kind", "csu", "--user", "zoe"), d.newSession(t, dir, "zoe")
		byKey, bySession := "X-API-Key: "+key, "Cookie: sessionid="+session
		s.wantCodes(t, "before", 403, byKey, bySession)
		d.members(t, dir, "add", "--user", "zoe").want(t, 0)
		s.wantCodes(t, "as a manager", 200, byKey, bySession)
		for _, role := range []string{"billing", "editor", "owner"} {
			d.members(t, dir, "add", "--user", "zoe", "--role", role).want(t, 0)
			code := map[bool]int{true: 200, false: 403}[role == "owner"]
			s.wantCodes(t, "as "+role, code, byKey, bySession)
		}
		link := s.exported(t, bySession)
		again := s.exported(t, byKey)

		d.members(t, dir, "add", "--user", "a\x1b[2J\tb", "--role", "billing").want(t, 0)
		const table = "ROLE     USER\nbilling  \"a\\x1b[2J\\tb\"\nowner    zoe\n"
		if o := d.members(t, dir, "list"); o.status != 0 || o.stderr != "" || o.stdout != table {
			t.Errorf("members are %+v", o)
		}
		d.members(t, dir, "remove", "--user", "a\x1b[2J\tb").want(t, 0)
		d.members(t, dir, "remove", "--user", "zoe").want(t, 0)
		s.wantCodes(t, "removed", 403, byKey, bySession)
		if a := s.send(t, http.MethodPost, exportsOfAcme+"?archive_format=zip", bySession); a.code != 403 {
			t.Errorf("who was removed may request an export: %d", a.code)
		}
		if o := d.members(t, dir, "list", "--json"); o.status != 0 || o.stdout != "[]\n" {
			t.Errorf("members are %+v", o)
		}
		d.members(t, dir, "add", "--user", "zoe").want(t, 0)
		s.wantCodes(t, "back again", 200, byKey, bySession)
		if o := d.members(t, dir, "list", "--json"); o.stdout != "[\n  {\n    \"user\": \"zoe\",\n    \"role\": \"manager\"\n  }\n]\n" {
			t.Errorf("members are %+v", o)
		}
		d.audited(t, 5, "member.put", acme, "zoe")
		d.audited(t, 1, "member.removed", acme, "zoe")
		s.stop(t, append(secretsOf(t, dir, link, again), key, session, d.secret)...)
	})
}

// The members of an OpenID provider are others than those of the same name.
func TestMembersOfIssuer(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	d.members(t, dir, "add", "--user", "zoe", "--issuer", "https://login.example.com").want(t, 0)
	d.members(t, dir, "remove", "--user", "zoe").want(t, 0)
	if o := d.members(t, dir, "list"); o.stdout != "ROLE     USER\nmanager  https://login.example.com#zoe\n" {
		t.Errorf("members are %+v", o)
	}
	d.members(t, dir, "remove", "--user", "zoe", "--issuer", "https://login.example.com").want(t, 0)
	if o := d.members(t, dir, "list"); o.stdout != "ROLE  USER\n" {
		t.Errorf("members are %+v", o)
	}
}

// Sessions end when they are revoked, when their user logs out, and by
// themselves.
func TestSessions(t *testing.T) {
	t.Parallel()
	eachJobs(t, func(t *testing.T, d jobsDatabase) {
		dir := shop(t, organizationSection)
		s := d.serve(t, dir)
		d.members(t, dir, "add", "--user", "zoe").want(t, 0)
		d.members(t, dir, "add", "--user", "yan").want(t, 0)
		one, two, three := d.newSession(t, dir, "zoe"), d.newSession(t, dir, "zoe"), d.newSession(t, dir, "zoe")
		short, other := d.newSession(t, dir, "yan", "--expires", "1s"), d.newSession(t, dir, "yan", "--expires", "1h")
		texts := []string{one, two, three, short, other}
		listSessions(t, d, dir, texts)
		cookie := func(text string) string { return "Cookie: sessionid=" + text }
		s.wantCodes(t, "new", 200, cookie(one), cookie(two), cookie(three), cookie(other))
		if a := s.send(t, http.MethodDelete, logOut, cookie(one)); a.code != 204 || !strings.Contains(a.header.Get("Set-Cookie"), "sessionid=;") {
			t.Errorf("log-out has the status %d, %v", a.code, a.header)
		}
		s.wantCodes(t, "logged out", 401, cookie(one))
		s.wantCodes(t, "not logged out", 200, cookie(two), cookie(three))
		for _, n := range []string{"2", "0"} {
			o := finish(t, d.command(t, dir, "sessions", "revoke", "--config", "exportd.yaml", "--user", "zoe"))
			if o.want(t, 0); o.stdout != "sessions ended: "+n+"\n" {
				t.Errorf("it says %q", o.stdout)
			}
		}
		s.wantCodes(t, "revoked", 401, cookie(two), cookie(three))
		s.wantCodes(t, "of another user", 200, cookie(other))
		// It has not been used: that would have renewed it.
		var expires int64
		d.row(t, "SELECT min(expires_at) FROM orgexport_sessions", &expires)
		eventually(t, "expired", func() bool { return time.Now().UnixMilli() > expires })
		s.wantCodes(t, "expired", 401, cookie(short))
		d.audited(t, 5, "session.created", "", "any")
		d.audited(t, 2, "session.ended", "", "any")
		var ended int
		d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'session.ended' AND actor NOT LIKE 'operator%' AND object <> ''", &ended)
		if ended != 1 {
			t.Errorf("%d log-outs were noted", ended)
		}
		s.stop(t, append(texts, d.secret)...)
		if d.driver == "sqlite" {
			for _, text := range texts {
				if strings.Contains(read(t, d.source), text) {
					t.Error("the text of a session is in the database")
				}
			}
		}
	})
}

// listSessions lists the sessions of zoe, who has three, and of yan, of whose two one is about to
// expire.
func listSessions(t *testing.T, d jobsDatabase, dir string, texts []string) {
	t.Helper()
	list := func(user string, flags ...string) string {
		o := d.operator(t, dir, "sessions", "list", append(flags, "--user", user)...)
		o.want(t, 0)
		for _, text := range texts {
			if hash := sha256.Sum256([]byte(text)); strings.Contains(o.stdout, text) || strings.Contains(o.stdout, hex.EncodeToString(hash[:])) {
				t.Errorf("the list has the text of a session, or its hash\n%s", o.stdout)
			}
		}
		return o.stdout
	}
	lines := strings.Split(list("zoe"), "\n")
	if len(lines) != 5 || strings.Join(strings.Fields(lines[0]), " ") != "ID CREATED EXPIRES ACTIVE" || !strings.HasSuffix(lines[1], "Z  yes") {
		t.Errorf("sessions are\n%s", strings.Join(lines, "\n"))
	}
	var sessions []struct {
		ID        string
		CreatedAt time.Time `json:"created_at"`
		ExpiresAt time.Time `json:"expires_at"`
		Active    bool
	}
	eventually(t, "expired", func() bool {
		if err := json.Unmarshal([]byte(list("yan", "--json")), &sessions); err != nil || len(sessions) != 2 {
			t.Fatalf("sessions are %+v, %v", sessions, err)
		}
		return !sessions[0].Active
	})
	if s := sessions[1]; !s.Active || len(s.ID) != 22 || s.ExpiresAt.Sub(s.CreatedAt) != time.Hour {
		t.Errorf("the session is %+v", s)
	}
	if out := list("nobody", "--json"); out != "[]\n" {
		t.Errorf("sessions of nobody are %s", out)
	}
}

// Pages of other sites cannot use a session to change something, unless the
// configuration trusts them.
func TestTrustedOrigins(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	configure(t, dir, "server: {trusted_origins: ['https://dashboard.example.com']}\n")
	s := d.serve(t, dir)
	d.members(t, dir, "add", "--user", "zoe").want(t, 0)
	session, key := d.newSession(t, dir, "zoe"), d.newKey(t, dir, "--kind", "csu", "--user", "zoe")
	const request = exportsOfAcme + "?archive_format=zip"
	for _, c := range []struct {
		method, path, credential, origin string
		code                             int
	}{
		{http.MethodPost, request, "Cookie: sessionid=" + session, "https://evil.example.com", 403},
		{http.MethodPost, request, "Cookie: sessionid=" + session, "https://dashboard.example.com", 200},
		{http.MethodGet, exportsOfAcme, "Cookie: sessionid=" + session, "https://evil.example.com", 200},
		{http.MethodPost, request, "X-API-Key: " + key, "https://evil.example.com", 200}, // no browser adds that by itself
		{http.MethodDelete, logOut, "Cookie: sessionid=" + session, "https://evil.example.com", 403},
		{http.MethodDelete, logOut, "Cookie: sessionid=" + session, "https://dashboard.example.com", 204},
	} {
		if a := s.send(t, c.method, c.path, c.credential, "Origin: "+c.origin, "Sec-Fetch-Site: cross-site"); a.code != c.code {
			t.Errorf("%s from %s has the status %d, want %d\n%s", c.method, c.origin, a.code, c.code, a.text)
		}
	}
	s.stop(t, session, key)
}

func TestMembersAndSessionsWrongUsage(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	const required = `required flag(s) "organization", "user" not set`
	for args, want := range map[string]string{
		"members":                          "say which: exportd members add, list or remove",
		"members invite":                   `unknown command "invite" for "exportd members"; exportd members --help lists them`,
		"members add":                      required,
		"members remove":                   required,
		"members list":                     `required flag(s) "organization" not set`,
		"members list --organization acme": `--organization "acme" is not an id of 22 characters, nor a UUID or a number`,
		"members add --organization acme --user zoe":                 `--organization "acme" is not an id of 22 characters, nor a UUID or a number`,
		"members remove --organization acme --user zoe":              `--organization "acme" is not an id of 22 characters, nor a UUID or a number`,
		"members add --organization ACME --user=":                    "--user is empty",
		"members add --organization ACME --user zoe more":            `"more" is an argument too many: exportd members add --organization ID --user SUBJECT [flags]`,
		"members add --organization ACME --user zoe --role boss":     `--role "boss" is none of owner, manager, editor, billing, readonly`,
		"members add --organization ACME --user zoe --role=":         `--role "" is none of owner, manager, editor, billing, readonly`,
		"members add --organization ACME --user zoe --issuer login":  `--issuer "login" is not the URL of an OpenID provider`,
		"members remove --organization ACME --user zoe --role owner": "unknown flag: --role",
		"members list --organization ACME --config none":             "open none: no such file or directory",
		"members list --organization ACME --config a --data b":       "if any flags in the group [config data] are set none of the others can be; [config data] were all set",
		"sessions":                                  "say which: exportd sessions create, list or revoke",
		"sessions list":                             `required flag(s) "user" not set`,
		"sessions list --user=":                     "--user is empty",
		"sessions create":                           `required flag(s) "user" not set`,
		"sessions revoke":                           `required flag(s) "user" not set`,
		"sessions create --user=":                   "--user is empty",
		"sessions revoke --user=":                   "--user is empty",
		"sessions create --user zoe --expires 10ms": "--expires is less than a second",
		"sessions create --user zoe --expires soon": `invalid argument "soon" for "--expires" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`,
		"sessions revoke --user zoe more":           `"more" is an argument too many: exportd sessions revoke --user SUBJECT [flags]`,
		"keys create --config exportd.yaml --organization ACME --per-minute -1": "--per-minute or --per-day is negative",
		"keys create --config exportd.yaml --organization ACME --per-day -1":    "--per-minute or --per-day is negative",
		"keys create --config exportd.yaml --organization ACME --per-day many":  `invalid argument "many" for "--per-day" flag: strconv.ParseInt: parsing "many": invalid syntax`,
	} {
		t.Run(args, func(t *testing.T) {
			o := finish(t, command(t, dir, strings.Fields(strings.ReplaceAll(args, "ACME", acme))...))
			if o.want(t, 2, "exportd: "+want+"\n"); o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
		})
	}
	nothingLeft(t, dir)
}
