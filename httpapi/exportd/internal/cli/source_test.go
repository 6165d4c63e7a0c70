//go:build unix

package cli_test

import (
	"database/sql"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// sourceSchema has a value for each setting that would change what it looks like.
const sourceSchema = `
CREATE TABLE organizations (id text PRIMARY KEY, slug text, name text);
INSERT INTO organizations VALUES ('` + acme + `', 'acme-foods', 'Acme Foods');
CREATE TABLE v (organization_id text, id int, f4 real, f8 float8, ts timestamp, tz timestamptz, d date, tt timetz, i interval, b bytea, m money, name text,
	x xml, times timestamptz[], r tstzrange);
INSERT INTO v SELECT '` + acme + `', n, 0.1, 0.1::float8 + 0.2::float8, '2024-02-03 04:05:06.789', '2024-02-03 04:05:06.789+02', '2024-02-03', '04:05+02',
	'1 year 2 mons 3 days 04:05:06.7', '\x00ff41', '1234.56', 'Müller Ã©', '<a>ü</a>', ARRAY['2024-02-03 04:05:06+02'::timestamptz],
	'[2024-02-03 04:05:06+02,2024-03-03 00:00+00)' FROM generate_series(1, 1000) n;
CREATE TABLE assets (organization_id text, file text);
INSERT INTO assets VALUES ('` + acme + `', 'images/tea.png');
`

const sourceSections = `
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
  - key: v
    records:
      - {file: v.ndjson, sql: "SELECT *, to_char(tz, 'TMMon HH24') AS said, 'a\\\\b' AS backslash FROM v WHERE organization_id = :organization_id ORDER BY id"}
      - {file: v.csv, sql: "SELECT * FROM v WHERE organization_id = :organization_id ORDER BY id"}
      - {file: "{{.id}}.yaml", each: row, sql: "SELECT *, b::text AS hex FROM v WHERE organization_id = :organization_id AND id < 9 ORDER BY id"}
    assets:
      - {from: "dir:files", source: "{{.file}}", file: "{{base .file}}", sql: "SELECT * FROM assets WHERE organization_id = :organization_id"}
`

// hostileSettings are those of a role that likes everything to look different.
var hostileSettings = []string{
	"timezone = '<+0530>-05:30'", "datestyle = 'German, DMY'", "intervalstyle = 'iso_8601'", "extra_float_digits = -4", "bytea_output = 'escape'",
	"client_encoding = 'LATIN1'", "standard_conforming_strings = off", "xmlbinary = 'hex'", "transform_null_equals = on",
}

// statements runs statements in a database, past our own code.
func statements(t *testing.T, address string, list ...string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range list {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// changed returns an address with another user, password and database; empty ones stay.
func changed(t *testing.T, address, user, password, database string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		u.User = url.UserPassword(user, password)
	}
	if database != "" {
		u.Path = "/" + database
	}
	return u.String()
}

// TestSourceSettings: no setting of a role, encoding of a database or pooler changes a
// byte.
func TestSourceSettings(t *testing.T) {
	t.Parallel()
	const password = "hostile-password"
	plain := pgtest.NewServer(t).URL()
	statements(t, plain, sourceSchema, "CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0",
		"CREATE ROLE hostile LOGIN PASSWORD '"+password+"'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO hostile", "GRANT CREATE ON SCHEMA public TO hostile")
	for _, s := range hostileSettings {
		statements(t, plain, "ALTER ROLE hostile SET "+s)
	}
	latin := changed(t, plain, "", "", "latin")
	statements(t, latin+"&client_encoding=UTF8", sourceSchema, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO hostile")
	hostile := changed(t, plain, "hostile", password, "")
	session, transaction := pgtest.Pooler(t, hostile, "session"), pgtest.Pooler(t, hostile, "transaction")

	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), "archive: {prefix: shop-export}\nsource: {database: 'postgres://in.the.environment/x'}"+sourceSections)
	export := func(address, out string) string {
		c := command(t, dir, runFlags("--out", filepath.Join("out", out))...)
		c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
		if o := finish(t, c); o.status != 0 || o.stderr != "" {
			t.Errorf("%s: status %d\n%s%s", out, o.status, o.stdout, o.stderr)
			return ""
		}
		return read(t, filepath.Join(dir, "out", out))
	}
	want := export(plain, "plain.zip")
	line, _, _ := strings.Cut(extract(t, "zip", want)[stem+"/v/v.ndjson"], "\n")
	for _, text := range []string{
		`"f4":0.1,"f8":0.30000000000000004,"ts":"2024-02-03T04:05:06.789","tz":"2024-02-03T02:05:06.789Z","d":"2024-02-03","tt":"04:05:00+02"`,
		`"i":"1 year 2 mons 3 days 04:05:06.7","b":"AP9B","m":"$1,234.56","name":"Müller Ã©","x":"<a>ü</a>"`, `"said":"Feb 02","backslash":"a\\\\b"`,
	} {
		if !strings.Contains(line, text) {
			t.Errorf("the first row is\n%s\nwant\n%s", line, text)
		}
	}
	var runs sync.WaitGroup
	for out, address := range map[string]string{
		"role.zip": hostile, "latin.zip": latin, "both.zip": changed(t, hostile, "", "", "latin"), "session.zip": session,
		"transaction.zip": transaction, "at-once.zip": transaction,
	} {
		runs.Go(func() {
			if got := export(address, out); got != "" && got != want {
				t.Errorf("%s has other bytes than the plain export", out)
			}
		})
	}
	runs.Wait()
	if got := export(transaction, "again.zip"); got != want {
		t.Error("a second export through the pooler has other bytes")
	}
}

// TestSourceIsNotWritten: a query cannot change what it exports, whatever its role may do. A
// statement that is no query is a mistake of the file.
func TestSourceIsNotWritten(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	statements(t, address, sourceSchema)
	dir := shop(t)
	configured := func(sql string) outcome {
		write(t, filepath.Join(dir, "exportd.yaml"), strings.Replace("archive: {prefix: shop-export}\nsource: {database: 'postgres://in.the.environment/x'}"+sourceSections,
			"SELECT * FROM assets WHERE organization_id = :organization_id", sql, 1))
		c := command(t, dir, runFlags()...)
		c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
		return finish(t, c)
	}
	const gone = "DELETE FROM assets WHERE organization_id = :organization_id RETURNING *"
	if o := configured("WITH gone AS (" + gone + ") SELECT * FROM gone"); !strings.Contains(o.stdout+o.stderr, "read-only transaction") {
		t.Errorf("status %d\n%s%s", o.status, o.stdout, o.stderr)
	}
	for sql, begin := range map[string]string{
		gone: "DELETE", "COPY assets TO PROGRAM 'true'": "COPY", "VACUUM": "VACUUM", "SET TimeZone = 'UTC'": "SET", "SELECT :organization_id; DROP TABLE assets": "",
	} {
		want := "exportd.yaml:11: sql: begins with " + begin + "; a statement that reads begins with SELECT, WITH, VALUES, TABLE or a bracket"
		if begin == "" {
			want = "exportd.yaml:11: sql: has more than one statement"
		}
		if o := configured(sql); o.status != 2 || !strings.Contains(o.stderr, want) || o.stdout != "" {
			t.Errorf("%s: status %d\n%s%s\nwant %s", sql, o.status, o.stdout, o.stderr, want)
		}
	}
	var n int
	jobsDatabase{driver: "pgx", source: address}.row(t, "SELECT count(*) FROM assets", &n)
	if n != 1 {
		t.Errorf("%d assets are left, want 1", n)
	}
}

// TestSourceTimeout: a query that takes longer than the database allows fails its section, once
// and with a text that says why. The rest is delivered.
func TestSourceTimeout(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	statements(t, address, sourceSchema, "CREATE TABLE late (organization_id text, id int)",
		"INSERT INTO late SELECT '"+acme+"', generate_series(1, 100000)",
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 5000', current_database()); END $$")
	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), "archive: {prefix: shop-export}\nsource: {database: 'postgres://in.the.environment/x'}"+sourceSections+`
  - key: immediate
    records: [{file: a.csv, sql: "SELECT pg_sleep(100)::text AS slept WHERE :organization_id <> ''"}]
  - key: late
    records:
      - {file: before.csv, sql: "SELECT id FROM late WHERE organization_id = :organization_id AND id < 9 ORDER BY id"}
      - {file: late.csv, sql: "SELECT id, CASE WHEN id > 99990 THEN pg_sleep(100)::text END AS slept FROM late WHERE organization_id = :organization_id"}
`)
	c := command(t, dir, runFlags("--out", "out/a.zip")...)
	c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
	o := finish(t, c)
	files := extract(t, "zip", read(t, filepath.Join(dir, "out", "a.zip")))
	if files[stem+"/v/v.csv"] == "" || !strings.HasPrefix(files[stem+"/late/before.csv"], "id\r\n1\r\n2\r\n") || !strings.Contains(files[stem+"/late/late.csv"], "\n99990,") {
		t.Errorf("of the %d files of the archive some are missing", len(files))
	}
	const text = "The data could not be read: the database stopped the query, as it does when one takes too long."
	if manifest := files[stem+"/manifest.yaml"]; strings.Count(manifest, text) != 2 || strings.Contains(manifest, "57014") {
		t.Errorf("the manifest is\n%s", manifest)
	}
	if n := strings.Count(o.stderr, "SQLSTATE 57014"); n != 2 {
		t.Errorf("%d queries were stopped, want one of each section\n%s", n, o.stderr)
	}
}

// TestJobsThroughPooler runs two processes whose jobs are behind PgBouncer. Behind one of
// transactions notifications do not come: that is said once by each, and a job that another
// process cancels ends all the same.
func TestJobsThroughPooler(t *testing.T) {
	t.Parallel()
	for mode, said := range map[string]int{"session": 0, "transaction": 1} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Pooler(t, pgtest.Database(t), mode)
			d := jobsDatabase{driver: "pgx", source: address, env: "ORGEXPORT_JOBS_DATABASE=" + address}
			dir := gatedShop(t)
			configure(t, dir, "jobs: {workers: 1}\n")
			api := &serving{cmd: d.command(t, dir, "serve", "--config", "exportd.yaml", "--listen", "127.0.0.1:0", "--no-worker")}
			api.listen(t)
			worker := &serving{cmd: d.command(t, dir, "worker", "--config", "exportd.yaml")}
			worker.start(t)
			key := d.newKey(t, dir, "--organization", acme)
			cancelled := api.request(t, key)
			api.until(t, key, cancelled, "taken", func(a answer) bool { return a.Status == "processing" })
			if a := api.ask(t, key, http.MethodDelete, acme, "/"+cancelled); a.code != http.StatusNoContent {
				t.Errorf("cancel: %d", a.code)
			}
			openGate(t, dir)
			api.exported(t, "X-API-Key: "+key)
			for name, s := range map[string]*serving{"serve": api, "worker": worker} {
				s.stop(t)
				want := said
				if name == "serve" { // which listens to nothing
					want = 0
				}
				if n := strings.Count(s.log.String(), "as behind a pooler of transactions"); n != want {
					t.Errorf("%s says %d times that it hears of nothing, want %d\n%s", name, n, want, s.log.String())
				}
			}
		})
	}
}
