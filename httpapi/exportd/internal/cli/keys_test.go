//go:build unix

package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	showcase "github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
)

// listed is a key as keys list --json shows it.
type listed struct {
	ID, Kind, Role, User, Name string

	Organization string     `json:"organization_id"`
	CreatedAt    time.Time  `json:"created_at"`
	ExpiresAt    *time.Time `json:"expires_at"`
	RevokedAt    *time.Time `json:"revoked_at"`
	LastUsedAt   *time.Time `json:"last_used_at"`
}

// keys runs exportd keys.
func (d jobsDatabase) keys(t *testing.T, dir string, args ...string) outcome {
	t.Helper()
	return finish(t, d.command(t, dir, append([]string{"keys", args[0], "--config", "exportd.yaml"}, args[1:]...)...))
}

// listedKeys are the keys of an organization, by name.
func (d jobsDatabase) listedKeys(t *testing.T, dir string, flags ...string) map[string]listed {
	t.Helper()
	o := d.keys(t, dir, append([]string{"list", "--json"}, flags...)...)
	o.want(t, 0)
	var all []listed
	if err := json.Unmarshal([]byte(o.stdout), &all); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
	keys := make(map[string]listed)
	for _, key := range all {
		keys[key.Name] = key
	}
	return keys
}

// Keys are made and revoked while the server runs, and that holds at once.
func TestKeys(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	s := d.serve(t, dir)
	var texts []string
	for _, c := range []struct {
		flags string
		code  int
	}{
		{"--name default --organization " + acme, 200},
		{"--name owner --role owner --kind csb --organization " + acme, 200},
		{"--name later --expires 720h --organization " + acme, 200},
		{"--name editor --role editor --organization " + acme, 403},
		{"--name readonly --role readonly --organization " + acme, 403},
		{"--name public --kind cpk --organization " + acme, 403},
		{"--name user --kind csu --user zoe", 403}, // until she is a member
		{"--name expired --expires 1ms --organization " + acme, 401},
		{"--name other --organization " + empty, 403},
	} {
		text := d.newKey(t, dir, strings.Fields(c.flags)...)
		texts = append(texts, text)
		if a := s.ask(t, text, http.MethodGet, acme, ""); a.code != c.code {
			t.Errorf("%s: status %d, want %d", c.flags, a.code, c.code)
		}
	}
	d.exec(t, "INSERT INTO orgexport_members (organization_id, subject, role) VALUES ('"+acme+"', 'zoe', 'manager')")
	if a := s.ask(t, texts[6], http.MethodGet, acme, ""); a.code != http.StatusOK {
		t.Errorf("as a manager the user gets status %d", a.code)
	}
	listKeys(t, d, dir, texts)
	revokeKey(t, d, dir, s, texts[0])
	s.stop(t, texts...)
	var created, revoked int
	d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'key.created' AND actor LIKE 'operator%' AND organization_id = '"+acme+"'", &created)
	d.row(t, "SELECT count(*) FROM orgexport_audit WHERE action = 'key.revoked' AND actor LIKE 'operator%'", &revoked)
	if created != 7 || revoked != 2 {
		t.Errorf("%d keys were made and %d revoked by the audit trail", created, revoked)
	}
}

func listKeys(t *testing.T, d jobsDatabase, dir string, texts []string) {
	t.Helper()
	keys := d.listedKeys(t, dir, "--organization", acme)
	if len(keys) != 7 {
		t.Fatalf("keys are %+v", keys)
	}
	k := keys["default"]
	if k.Kind != "csb" || k.Role != "manager" || k.Organization != acme || time.Since(k.CreatedAt) > time.Hour || k.LastUsedAt == nil ||
		k.ExpiresAt != nil || k.RevokedAt != nil || len(k.ID) != 22 {
		t.Errorf("the key is listed as %+v", k)
	}
	if k := keys["later"]; k.ExpiresAt == nil || k.ExpiresAt.Sub(k.CreatedAt).Round(time.Minute) != 720*time.Hour {
		t.Errorf("the key that expires is listed as %+v", k)
	}
	if k := keys["public"]; k.Kind != "cpk" || k.Role != "" {
		t.Errorf("the public key is listed as %+v", k)
	}
	users := d.listedKeys(t, dir)
	if k := users["user"]; len(users) != 1 || k.Kind != "csu" || k.User != "zoe" || k.Organization != "" || k.Role != "" {
		t.Errorf("keys of users are %+v", users)
	}
	o := d.keys(t, dir, "list", "--organization", acme)
	o.want(t, 0)
	lines := strings.Split(o.stdout, "\n")
	if len(lines) != 9 || strings.Join(strings.Fields(lines[0]), " ") != "ID KIND ROLE USER CREATED EXPIRES LAST USED REVOKED NAME" ||
		!strings.HasPrefix(lines[1], k.ID+"  csb   manager   -     20") || !strings.HasSuffix(lines[1], "Z  -        default") {
		t.Errorf("keys are\n%s", o.stdout)
	}
	for _, text := range texts {
		if strings.Contains(o.stdout, text) || strings.Contains(o.stdout, text[4:36]) {
			t.Errorf("the list has a key\n%s", o.stdout)
		}
	}
	if o := d.keys(t, dir, "list", "--organization", "nobody"); o.status != 2 || !strings.Contains(o.stderr, "is not an id") {
		t.Errorf("keys of no id are %+v", o)
	}
	if o := d.keys(t, dir, "list", "--organization", "2222222222222222222222", "--json"); o.status != 0 || o.stdout != "[]\n" {
		t.Errorf("keys of nobody are %+v", o)
	}
}

func revokeKey(t *testing.T, d jobsDatabase, dir string, s *serving, text string) {
	t.Helper()
	id := d.listedKeys(t, dir, "--organization", acme)["default"].ID
	d.keys(t, dir, "revoke", id).want(t, 0)
	if a := s.ask(t, text, http.MethodGet, acme, ""); a.code != http.StatusUnauthorized {
		t.Errorf("after it was revoked the key gets status %d", a.code)
	}
	revoked := d.listedKeys(t, dir, "--organization", acme)["default"].RevokedAt
	d.keys(t, dir, "revoke", id).want(t, 0)
	if again := d.listedKeys(t, dir, "--organization", acme)["default"].RevokedAt; revoked == nil || again == nil || !revoked.Equal(*again) {
		t.Errorf("revoked at %v, after doing so again at %v", revoked, again)
	}
	d.keys(t, dir, "revoke", acme).want(t, 1, `exportd: there is no key with the id "`+acme+`"`+"\n")
	d.keys(t, dir, "revoke", "").want(t, 1, `exportd: there is no key with the id ""`+"\n")
}

// Names are shown in a way that moves nothing on a terminal.
func TestKeysOddName(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection)
	d.newKey(t, dir, "--organization", acme, "--name", "a\tb\x1b[2J")
	if o := d.keys(t, dir, "list", "--organization", acme); o.status != 0 || !strings.HasSuffix(o.stdout, `"a\tb\x1b[2J"`+"\n") {
		t.Errorf("keys are %+v", o)
	}
}

func TestKeysWrongUsage(t *testing.T) {
	t.Parallel()
	dir := shop(t, organizationSection)
	const create = "create --config exportd.yaml "
	for args, want := range map[string]string{
		"":                             "say which: exportd keys create, list or revoke",
		"make":                         `unknown command "make" for "exportd keys"; exportd keys --help lists them`,
		create:                         "--organization is missing",
		create + "more":                `"more" is an argument too many: exportd keys create --organization ID [flags]`,
		"revoke":                       "ID is missing: exportd keys revoke ID [flags]",
		"revoke a b":                   `"b" is an argument too many: exportd keys revoke ID [flags]`,
		"list more":                    `"more" is an argument too many: exportd keys list [--organization ID] [flags]`,
		"list --config none":           "open none: no such file or directory",
		"list --config a --data b":     "if any flags in the group [config data] are set none of the others can be; [config data] were all set",
		create + "--organization acme": `--organization "acme" is not an id of 22 characters, nor a UUID or a number`,
		create + "--organization ACME --role boss":             `--role "boss" is none of owner, manager, editor, billing, readonly`,
		create + "--organization ACME --role=":                 `--role "" is none of owner, manager, editor, billing, readonly`,
		create + "--organization ACME --kind csx":              `--kind "csx" is none of csb, csu, cpk`,
		create + "--organization ACME --user zoe":              "--user is for keys of the kind csu",
		create + "--organization ACME --expires -1h":           "--expires is negative",
		create + "--organization ACME --expires soon":          `invalid argument "soon" for "--expires" flag: want a duration such as 90s, 15m, 1h30m, 7d or 2w`,
		create + "--kind csu":                                  "a key of the kind csu takes --user and no --organization",
		create + "--kind csu --organization ACME":              "a key of the kind csu takes --user and no --organization",
		create + "--kind csu --user zoe --role owner":          "--role is for keys of the kind csb",
		create + "--kind csu --user zoe --organization ACME":   "a key of the kind csu takes --user and no --organization",
		create + "--kind cpk":                                  "--organization is missing",
		create + "--kind cpk --organization ACME --role owner": "--role is for keys of the kind csb",
		create + "--kind cpk --organization ACME --user zoe":   "--user is for keys of the kind csu",
	} {
		t.Run(args, func(t *testing.T) {
			o := finish(t, command(t, dir, append([]string{"keys"}, strings.Fields(strings.ReplaceAll(args, "ACME", acme))...)...))
			if o.want(t, 2, "exportd: "+want+"\n"); o.stdout != "" || strings.Count(o.stderr, "\n") != 1 {
				t.Errorf("it says\n%s%s", o.stdout, o.stderr)
			}
		})
	}
	nothingLeft(t, dir)
}

// Without a configuration the keys are those of the demo.
func TestKeysOfDemo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	finish(t, command(t, dir, "keys", "create", "--data", "d", "--organization", acme)).want(t, 1, `organization "`+acme+`" not found`)
	o := finish(t, command(t, dir, "keys", "create", "--data", "d", "--organization", showcase.OrganizationID()))
	if o.want(t, 0); !strings.HasPrefix(o.stdout, "csb_") {
		t.Errorf("it prints %q", o.stdout)
	}
	o = finish(t, command(t, dir, "keys", "list", "--data", "d", "--organization", showcase.OrganizationID()))
	if o.want(t, 0); strings.Count(o.stdout, "\n") != 2 {
		t.Errorf("keys are\n%s", o.stdout)
	}
}
