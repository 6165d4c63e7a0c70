//go:build unix

package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/internal/pgtest"
)

// oddValues are those of public bug reports, each in the middle of good ones.
const oddValues = `
CREATE TABLE a AS SELECT '` + acme + `' organization_id, * FROM (SELECT 1 id, 1.0 x UNION ALL SELECT 2, 9e999 UNION ALL SELECT 3, 3.0 UNION ALL SELECT 4, -9e999);
CREATE TABLE bad (organization_id TEXT, id INT, v TEXT);
INSERT INTO bad VALUES ('` + acme + `', 1, 'one'), ('` + acme + `', 2, CAST(x'4de97265' AS TEXT)), ('` + acme + `', 3, ''), ('` + acme + `', 4, NULL);
CREATE TABLE js (organization_id TEXT, id INT, j JSON);
INSERT INTO js VALUES ('` + acme + `', 1, '{"a":1}'), ('` + acme + `', 2, '{"a":1,"a":2}'), ('` + acme + `', 3, '{"s":"\ud83d"}'), ('` + acme + `', 4, '{"n":NaN}'),
	('` + acme + `', 5, '{"ok":true}');
`

// Odd values in SQLite end no file, and each has its form in every encoding.
func TestOddValues(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	execute(t, dir, oddValues)
	write(t, filepath.Join(dir, "exportd.yaml"), source+`  - key: odd
    required: true
    records:
      - {file: a.csv, sql: "SELECT id, x FROM a WHERE organization_id = :organization_id ORDER BY id"}
      - {file: a.yaml, sql: "SELECT id, x FROM a WHERE organization_id = :organization_id ORDER BY id"}
      - {file: bad.csv, sql: "SELECT v FROM bad WHERE organization_id = :organization_id ORDER BY id"}
      - {file: bad.json, sql: "SELECT v FROM bad WHERE organization_id = :organization_id ORDER BY id"}
      - {file: j.ndjson, sql: "SELECT j FROM js WHERE organization_id = :organization_id ORDER BY id"}
      - {file: "j/{{.id}}.yaml", each: row, sql: "SELECT id, j FROM js WHERE organization_id = :organization_id ORDER BY id"}
`)
	run(t, dir, "--out", "out/a.zip").want(t, 0)
	files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
	for name, want := range map[string]string{
		"a.csv":    "id,x\r\n1,1.0\r\n2,Infinity\r\n3,3.0\r\n4,-Infinity\r\n",
		"a.yaml":   "---\nid: 1\nx: 1.0\n---\nid: 2\nx: .inf\n---\nid: 3\nx: 3.0\n---\nid: 4\nx: -.inf\n",
		"bad.csv":  "v\r\none\r\nTelyZQ==\r\n\"\"\r\n\r\n",
		"bad.json": "[\n{\"v\":\"one\"},\n{\"v\":\"TelyZQ==\"},\n{\"v\":\"\"},\n{\"v\":null}\n]\n",
		"j.ndjson": `{"j":{"a":1}}` + "\n" + `{"j":{"a":1,"a":2}}` + "\n" + `{"j":{"s":"\ud83d"}}` + "\n" + `{"j":"{\"n\":NaN}"}` + "\n" + `{"j":{"ok":true}}` + "\n",
		"j/2.yaml": "id: 2\nj: \"{\\\"a\\\":1,\\\"a\\\":2}\"\n",
		"j/3.yaml": "id: 3\nj: \"{\\\"s\\\":\\\"\\\\ud83d\\\"}\"\n",
		"j/5.yaml": "id: 5\nj:\n  ok: true\n",
	} {
		if got := files[stem+"/odd/"+name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

// An odd value in a required section of PostgreSQL loses no organization its export.
func TestOddValueInRequiredSection(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	statements(t, address, `
		CREATE TABLE organizations (id text PRIMARY KEY, slug text, name text, rating float8, until timestamptz);
		INSERT INTO organizations VALUES ('`+acme+`', 'acme-foods', 'Acme', 'NaN', '9999-12-31 23:59:59-08');
		CREATE TABLE p (organization_id text, id int, meta json);
		INSERT INTO p SELECT '`+acme+`', i, CASE i WHEN 2 THEN '{"color":"red","color":"blue"}'::json WHEN 3 THEN '{"t":"cut \ud83d"}'::json ELSE '{"ok":1}'::json END
		FROM generate_series(1, 5) i`)
	dir := shop(t)
	write(t, filepath.Join(dir, "exportd.yaml"), `archive: {prefix: shop-export}
source: {database: "postgres://in.the.environment/x"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
  - key: organization
    required: true
    records:
      - {file: organization.yaml, sql: "SELECT * FROM organizations WHERE id = :organization_id"}
      - {file: "{{.id}}.yaml", each: row, sql: "SELECT id, meta FROM p WHERE organization_id = :organization_id ORDER BY id"}
`)
	c := command(t, dir, runFlags("--out", "out/a.zip")...)
	c.Env = append(c.Env, "ORGEXPORT_SOURCE_DATABASE="+address)
	finish(t, c).want(t, 0)
	files := extract(t, "zip", read(t, filepath.Join(dir, "out/a.zip")))
	if got, want := files[stem+"/organization/organization.yaml"], "rating: .nan\nuntil: \"10000-01-01T07:59:59Z\"\n"; !strings.HasSuffix(got, want) {
		t.Errorf("the organization is %q, want %q at its end", got, want)
	}
	for name, want := range map[string]string{"2.yaml": "id: 2\nmeta: \"{\\\"color\\\":\\\"red\\\",\\\"color\\\":\\\"blue\\\"}\"\n", "5.yaml": "id: 5\nmeta:\n  ok: 1\n"} {
		if got := files[stem+"/organization/"+name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
