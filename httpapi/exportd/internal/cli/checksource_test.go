//go:build unix

package cli_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// checkSchema has a table for each mistake.
const checkSchema = `
CREATE TABLE organizations (id uuid PRIMARY KEY, slug text, name text);
CREATE TABLE members (id bigint, organization_id uuid, name text, settings jsonb);
CREATE TABLE salaries (organization_id uuid);
`

const checkConfig = `source: {database: "postgres://in.the.environment/x"}
organization:
  sql: SELECT id, slug, name FROM organizations WHERE id = :organization_uuid
sections:
  - key: members
    records:
      - file: members.csv
        sql: SELECT id, name FROM members WHERE organization_id = :organization_uuid
      - file: settings.ndjson
        json: [settings]
        sql: SELECT settings FROM members WHERE organization_id = :organization_uuid
  - key: salaries
    records:
      - file: salaries.csv
        sql: SELECT * FROM members WHERE organization_id = :organization_uuid
  - key: split
    shards: 4
    shard_key: id
    records:
      - file: members.ndjson
        sql: SELECT id, name, settings FROM members WHERE organization_id = :organization_uuid
      - {file: names.csv, shard_key: name, sql: "SELECT name FROM members WHERE organization_id = :organization_uuid;"}
`

// checkWith checks a configuration with the database at an address.
func checkWith(t *testing.T, text, address string) outcome {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "exportd.yaml"), text)
	c := command(t, dir, "check", "--config", "exportd.yaml")
	c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
	return finish(t, c)
}

// TestCheckPostgres: PostgreSQL tells more than SQLite, such as types and rights.
func TestCheckPostgres(t *testing.T) {
	t.Parallel()
	const password = "checking-password"
	server := pgtest.NewServer(t).URL()
	statements(t, server, checkSchema, "CREATE ROLE checking LOGIN PASSWORD '"+password+"'", "GRANT SELECT ON organizations, members TO checking")
	address := changed(t, server, "checking", password, "")
	for _, c := range []struct{ name, old, text, want string }{
		{"nothing", "", "", ""},
		{"bad SQL", "SELECT id, name FROM", "SELECT id, name FORM", `exportd.yaml:8: sql: ERROR: syntax error at or near "`},
		{"missing table", "SELECT id, name FROM members", "SELECT id, name FROM memebrs", `exportd.yaml:8: sql: ERROR: relation "memebrs" does not exist (SQLSTATE 42P01)`},
		{"missing column", "SELECT id, name FROM", "SELECT id, naem FROM",
			`exportd.yaml:8: sql: ERROR: column "naem" does not exist (SQLSTATE 42703); Perhaps you meant to reference the column "members.name".`},
		{"wrong json", "json: [settings]", "json: [setting]", `exportd.yaml:10: json: the query returns no column "setting"; it returns settings`},
		{"no right", "SELECT * FROM members", "SELECT * FROM salaries", "exportd.yaml:15: sql: ERROR: permission denied for table salaries (SQLSTATE 42501)"},
		{"another form of the id", "SELECT * FROM members WHERE organization_id = :organization_uuid", "SELECT * FROM members WHERE organization_id = :organization_id",
			"exportd.yaml:15: sql: a parameter is compared with another type (:organization_id is a text of 22 characters; a uuid wants :organization_uuid, a number " +
				`:organization_number): ERROR: invalid input syntax for type uuid: "`},
		{"missing shard key", "SELECT id, name, settings FROM", "SELECT name, settings FROM", `exportd.yaml:21: shard_key: the query returns no column "id"; it returns name, settings`},
		{"missing shard key of its own", "shard_key: name", "shard_key: naem", `exportd.yaml:22: shard_key: the query returns no column "naem"; it returns name`},
		{"shard key without an order", "SELECT id, name, settings FROM", "SELECT settings::json AS id FROM", `exportd.yaml:21: shard_key: ERROR: operator does not exist: json >= unknown (SQLSTATE 42883)`},
		{"no organization's name", "id, slug, name FROM organizations", "id, slug FROM organizations", `exportd.yaml:3: sql: the query returns no column "name"; it returns id, slug`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(checkConfig, c.old, c.text, 1)
			if c.old != "" && text == checkConfig {
				t.Fatalf("%q is not in the configuration", c.old)
			}
			o := checkWith(t, text, address)
			if c.want == "" {
				o.want(t, 0)
			} else if o.status != 1 || !strings.HasPrefix(o.stderr, "exportd: "+c.want) || strings.Count(o.stderr, "\n") != 1 || o.stdout != "" {
				t.Errorf("status %d\n%s%s\nwant\n%s", o.status, o.stdout, o.stderr, c.want)
			}
		})
	}
}

// TestCheckConsistency: a pool of one connection keeps no moment for others to read, which is
// a mistake if that is required.
func TestCheckConsistency(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	statements(t, address, checkSchema)
	const one = "one connection keeps the moment that others read, so that max_connections has to be 2 or more"
	const warning = "warning: $ORGEXPORT_SOURCE_DATABASE: sections cannot read one moment of the database: a snapshot keeps a connection, and those who read it need another one"
	for _, c := range []struct {
		keys, parameter string
		status          int
		says, not       string
	}{
		{"consistency: required", "", 0, "", "moment"},
		{"consistency: required, max_connections: 2", "", 0, "", "moment"},
		{"consistency: required, max_connections: 1", "", 2, "exportd.yaml:1: consistency: " + one, ""},
		{"consistency: required", "&pool_max_conns=1", 2, "exportd.yaml:1: consistency: " + one, ""},
		{"max_connections: 1", "", 0, warning, ""},
		{"consistency: off, max_connections: 1", "", 0, "", "moment"},
		{"consistency: always", "", 2, `"always" must be required, best or off`, ""},
	} {
		o := checkWith(t, strings.Replace(checkConfig, "source: {", "source: {"+c.keys+", ", 1), address+c.parameter)
		if o.status != c.status || !strings.Contains(o.stderr, c.says) || c.not != "" && strings.Contains(o.stderr, c.not) {
			t.Errorf("%s%s: status %d\n%s\nwant %d: %s", c.keys, c.parameter, o.status, o.stderr, c.status, c.says)
		}
	}
}

// TestCheckSilence: a database that does not answer is one problem, and does not take for ever.
func TestCheckSilence(t *testing.T) {
	t.Parallel()
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // it takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for name, where := range map[string]string{"down": freeAddress(t), "mute": mute.Addr().String()} {
		u := url.URL{Scheme: "postgres", User: url.UserPassword("me", "silent-password"), Host: where, Path: "shop", RawQuery: "sslmode=disable&connect_timeout=1"}
		o := checkWith(t, checkConfig+"jobs: {database: '"+u.String()+"'}\n", u.String())
		o.want(t, 1, "exportd: $ORGEXPORT_SOURCE_DATABASE: the database does not answer: ", "exportd: exportd.yaml:23: the database of jobs does not answer: ")
		if strings.Count(o.stderr, "\n") != 2 || strings.Contains(o.stderr, "silent-password") {
			t.Errorf("%s: it says\n%s", name, o.stderr)
		}
	}
}

// TestServeDroppedTable: a table that is gone fails its section alone. It is logged once
// and counted, and with --strict nothing starts.
func TestServeDroppedTable(t *testing.T) {
	t.Parallel()
	d, dir := inSQLite(t), shop(t, organizationSection, productsSection, brokenSection)
	metrics := freeAddress(t)
	configure(t, dir, fmt.Sprintf("metrics: {listen: '%s'}\n", metrics))
	execute(t, dir, "DROP TABLE assets")
	strict := finish(t, d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0", "--strict"))
	const gone, broken = "exportd.yaml:16: sql: no such table: assets (1)", "exportd.yaml:19: sql: no such column: sekret (1)"
	if want := "exportd: " + gone + "\nexportd: " + broken + "\n"; strict.status != 1 || strict.stderr != want || strict.stdout != "" {
		t.Errorf("strict: status %d\n%s%s\nwant\n%s", strict.status, strict.stdout, strict.stderr, want)
	}

	s := d.serve(t, dir)
	key := d.newKey(t, dir, "--organization", acme)
	scrape := func() string { return get(t, "http://"+metrics+"/metrics", http.StatusOK) }
	eventually(t, "asked", func() bool { return strings.Contains(scrape(), "orgexport_source_problems") })
	for line, want := range map[string]string{`{section=""}`: "0", `{section="organization"}`: "0", `{section="products"}`: "1", `{section="broken"}`: "1"} {
		if text := scrape(); !strings.Contains(text, "\norgexport_source_problems"+line+" "+want+"\n") {
			t.Errorf("%s is not %s in\n%s", line, want, text)
		}
	}
	done := s.until(t, key, s.request(t, key), "ended", ended)
	if files := s.download(t, done); files["products/members.csv"] == "" || files["organization/organization.yaml"] == "" {
		t.Errorf("the archive has %d files", len(files))
	}
	for _, problem := range []string{gone, broken} {
		if log := s.log.String(); strings.Count(log, fmt.Sprintf("problem=%q", problem)) != 1 {
			t.Errorf("%s is not logged once:\n%s", problem, log)
		}
	}
	s.stop(t, append(secretsOf(t, dir, done.Download), key)...)
}

// TestServeDatabaseDown: a server starts while the database that it exports is down, and
// says so.
func TestServeDatabaseDown(t *testing.T) {
	t.Parallel()
	d, dir := inPostgres(t), t.TempDir()
	down := url.URL{Scheme: "postgres", User: url.UserPassword("me", "silent-password"), Host: freeAddress(t), Path: "shop", RawQuery: "sslmode=disable"}
	write(t, filepath.Join(dir, "exportd.yaml"), checkConfig)
	with := func(c *exec.Cmd) *exec.Cmd {
		c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+down.String())
		return c
	}
	for _, args := range []string{"serve --listen 127.0.0.1:0", "worker"} {
		o := finish(t, with(d.command(t, dir, append(strings.Fields(args), "--config", "exportd.yaml", "--strict")...)))
		o.want(t, 1, "exportd: $ORGEXPORT_SOURCE_DATABASE: the database does not answer: ")
		if strings.Count(o.stderr, "\n") != 1 || o.stdout != "" || strings.Contains(o.stderr, "silent-password") {
			t.Errorf("%s says\n%s%s", args, o.stdout, o.stderr)
		}
	}
	w := &serving{cmd: with(d.command(t, dir, "worker", "--config", "exportd.yaml"))}
	w.start(t)
	eventually(t, "logged", func() bool { return strings.Contains(w.log.String(), "the source does not fit the configuration") })
	w.stop(t, d.secret, "silent-password")
}
