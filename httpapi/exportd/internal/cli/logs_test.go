//go:build unix

package cli_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// Whatever happens, and however much is logged, what is secret and what customers
// have stored is not.
func TestLogsTellNoSecrets(t *testing.T) {
	t.Parallel()
	p := newProvider(t, freeAddress(t))
	p.start(t)
	address := pgtest.Database(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	d := jobsDatabase{driver: "pgx", source: address, env: "ORGEXPORT_JOBS_DATABASE=" + address, secret: password}
	const planted = "planted-in-a-row"
	for statement := range strings.SplitAfterSeq(schema, ";\n") {
		d.exec(t, statement)
	}
	d.exec(t, "UPDATE members SET name = '"+planted+"-name', email = '"+planted+"-email'")
	d.exec(t, "UPDATE products SET name = '"+planted+"-product', tags = '["+planted+"'")
	d.exec(t, "UPDATE assets SET file = 'images/"+planted+".png'")
	dir := shop(t, organizationSection, productsSection, `  - key: cast
    records:
      - {file: cast.csv, sql: "SELECT CAST(name AS integer) FROM members WHERE organization_id = :organization_id"}
  - key: named
    records:
      - {file: "{{.name}}/{{.email}}.yaml", each: row, sql: "SELECT name || '/' AS name, email FROM members WHERE organization_id = :organization_id"}
  - key: cast_to_table
    records:
      - {file: cast.csv, sql: "SELECT name::regclass FROM members WHERE organization_id = :organization_id"}
  - key: late
    records:
      - {file: "{{.id}}.yaml", each: row, sql: "SELECT id, name, CASE id WHEN 2 THEN CAST(name AS integer) END AS n FROM members WHERE organization_id = :organization_id ORDER BY id"}
`)
	configure(t, dir, fmt.Sprintf("oidc: {issuer: '%s', audience: '%s', scope: 'exports:write'}\n", p.issuer, audience))
	s := d.serve(t, dir, "ORGEXPORT_SOURCE_DATABASE="+address)
	key, session, token := d.newKey(t, dir, "--organization", acme), d.newSession(t, dir, robot), p.token(t, audience, "exports:write")
	d.members(t, dir, "add", "--user", robot).want(t, 0)
	d.members(t, dir, "add", "--user", robot, "--issuer", p.issuer).want(t, 0)
	good := []string{"X-API-Key: " + key, "Cookie: sessionid=" + session, "Authorization: Bearer " + token}
	secrets := []string{key, key[4:36], session, token, token[strings.LastIndex(token, ".")+1:], password, planted, robotPassword}
	for _, credential := range good {
		link := s.exported(t, credential)
		secrets = append(secrets, signature(t, link))
		get(t, strings.Replace(link, "signature=", "signature=A", 1), http.StatusForbidden)
	}
	secrets = append(secrets, secretsOf(t, dir)...)
	wrong := p.token(t, "https://other.example.com", "exports:write")
	text := d.newSession(t, dir, robot)
	s.wantCodes(t, "bad", 401, "Authorization: Bearer "+wrong, "X-API-Key: "+key[:len(key)-1]+"x", "Cookie: sessionid="+text[1:]+"A")
	secrets = append(secrets, wrong, key[:40], text[1:])

	// From here on the database fails.
	for _, table := range []string{"windows", "keys", "sessions", "members"} {
		d.exec(t, "ALTER TABLE orgexport_"+table+" RENAME TO gone_"+table)
	}
	for _, credential := range good {
		r := s.send(t, http.MethodGet, exportsOfAcme, credential, "X-Request-Id: planted-id")
		if r.code != http.StatusServiceUnavailable || r.header.Get("X-Request-Id") != "planted-id" {
			t.Errorf("%.10s: status %d, %v", credential, r.code, r.header)
		}
	}
	s.stop(t, secrets...)
	for line := range strings.Lines(s.log.String()) {
		ofProcess := strings.Contains(line, " msg=started ") || strings.Contains(line, " msg=stopping ") || strings.Contains(line, " msg=stopped ")
		ofJob := strings.Contains(line, " job=") && strings.Contains(line, " organization="+acme)
		if !ofProcess && !ofJob && !strings.Contains(line, " request_id=") {
			t.Errorf("whose line is it? %s", line)
		}
	}
	for _, text := range []string{
		" msg=\"job requested\" job=", " msg=\"job started\" job=", " msg=\"job ended\" job=", " msg=\"section failed\" job=", " msg=\"bearer token refused\" request_id=", " request_id=planted-id ",
		"(SQLSTATE 22P02)", "(SQLSTATE 42P01)", ` msg="items skipped" job=`, `"openat: no such file or directory (`, `"export: a name has a slash (`,
	} {
		if !strings.Contains(s.log.String(), text) {
			t.Errorf("%q is not in the log", text)
		}
	}
}

// Neither has what run logs a value of a SQLite file, however many rows are hostile; and that
// is not much. What was wrong is told all the same.
func TestRunLogsNoValuesOfSQLite(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), `source: {database: 'sqlite:shop #1.db'}
organization: {sql: "SELECT :organization_id AS id, 'a' AS slug, 'a' AS name"}
sections:
  - {key: names, records: [{file: "{{.n}}.yaml", each: row, shared: true, sql: "`+hostileRows+` SELECT 'jane.doe@example.com/..' || printf('%.*c', 100000, 'x') AS n FROM rows"}]}
  - {key: files, assets: [{from: "dir:.", source: "{{.n}}", file: "{{.n}}", shared: true, sql: "`+hostileRows+` SELECT 'jane.doe@example.com' || i AS n FROM rows"}]}
  - {key: out, assets: [{from: "dir:.", source: "{{.n}}", file: "{{.n}}", shared: true, sql: "`+hostileRows+` SELECT 'jane.doe@example.com/../..' AS n FROM rows"}]}
  - {key: paths, records: [{file: t.csv, shared: true, sql: "`+hostileRows+` SELECT json_extract('{}', 'jane.doe@example.com') FROM rows"}]}
  - {key: mistake, records: [{file: t.csv, shared: true, sql: "SELECT * FROM no_such_table"}]}
`)
	o := run(t, dir, "--out", "out/a.zip", "--log-level", "debug")
	if strings.Contains(o.stderr, "jane") || len(o.stderr) > 32<<10 {
		t.Errorf("%d bytes: %.3000s", len(o.stderr), o.stderr)
	}
	for _, text := range []string{
		`section=names count=300 listed=_skipped.ndjson reasons="export: a name has a slash (300)"`,
		`section=files count=300 listed=_skipped.ndjson reasons="openat: no such file or directory (300)"`,
		`section=out count=300 listed=_skipped.ndjson reasons="export: a name has a slash (300)"`,
		`section=paths error="sections: t.csv: sections: query: sqlite: SQL logic error (1)"`,
		`section=mistake error="sections: t.csv: sections: query: sqlite: no such table: no_such_table (1)"`,
	} {
		if !strings.Contains(o.stderr, text) {
			t.Errorf("it does not say %s:\n%.5000s", text, o.stderr)
		}
	}
}

// hostileRows begins a query of 300 rows.
const hostileRows = "WITH RECURSIVE rows (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM rows WHERE i < 300)"

// Neither has what run logs a value of PostgreSQL.
func TestRunLogsNoValues(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), "source: {database: '"+pgtest.Database(t)+`'}
organization: {sql: "SELECT :organization_id::text AS id, 'a' AS slug, 'a' AS name"}
sections: [{key: t, records: [{file: t.csv, shared: true, sql: "SELECT ('sesame' || n)::int FROM generate_series(1, 2) n"}]}]
`)
	o := run(t, dir, "--out", "out/a.zip")
	o.want(t, 3, "section failed", "(SQLSTATE 22P02)")
	if strings.Contains(o.stderr, "sesame") {
		t.Errorf("it says %s", o.stderr)
	}
}
