//go:build unix

package cli_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// keyedProduct is a product that knows its organizations by keys of its own.
type keyedProduct struct {
	name           string
	postgres       bool
	column, values string // of the key, and of those of two organizations
	parameter      string // in queries
	key, id        string // of the first organization
	nobody         string // a key that no organization has
}

var keyedProducts = []keyedProduct{
	{"UUIDs in PostgreSQL", true, "uuid", "'550e8400-e29b-41d4-a716-446655440000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'", ":organization_uuid",
		"550e8400-e29b-41d4-a716-446655440000", "H9cNmGXLEc8NWcZzSThA9S", "3b1f8b40-222c-4a6e-b77e-779d5a94e21c"},
	{"UUIDs as text in PostgreSQL", true, "text", "'550e8400-e29b-41d4-a716-446655440000', 'x'", ":organization_uuid",
		"550E8400-E29B-41D4-A716-446655440000", "H9cNmGXLEc8NWcZzSThA9S", "3b1f8b40-222c-4a6e-b77e-779d5a94e21c"},
	{"small numbers in PostgreSQL", true, "int", "42, 43", ":organization_number", "42", "MqFdnSYGNHaVgU8NhsurzX", "9223372036854775807"},
	{"numerics in PostgreSQL", true, "numeric", "42, 43", ":organization_number", "42", "MqFdnSYGNHaVgU8NhsurzX", "-1"},
	{"numbers in SQLite", false, "BIGINT", "9223372036854775807, 43", ":organization_number", "9223372036854775807", "MqFdnSYGNHbcNsfEbHgokE", "42"},
	{"UUIDs as text in SQLite", false, "TEXT", "'550e8400-e29b-41d4-a716-446655440000', 'x'", ":organization_uuid",
		"550e8400-e29b-41d4-a716-446655440000", "H9cNmGXLEc8NWcZzSThA9S", "3b1f8b40-222c-4a6e-b77e-779d5a94e21c"},
	{"UUIDs as blobs in SQLite", false, "BLOB", "x'550e8400e29b41d4a716446655440000', x'00'", "unhex(replace(:organization_uuid, '-', ''))",
		"550e8400-e29b-41d4-a716-446655440000", "H9cNmGXLEc8NWcZzSThA9S", "3b1f8b40-222c-4a6e-b77e-779d5a94e21c"},
}

// make makes the product in a folder, and returns what is to be in the environment.
func (p keyedProduct) make(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = shop(t)
	first, second, _ := strings.Cut(p.values, ", ")
	script := "CREATE TABLE keyed (id " + p.column + " PRIMARY KEY, slug text, name text); CREATE TABLE things (id int, org " + p.column + ", name text);" +
		"INSERT INTO keyed VALUES (" + first + ", 'acme-foods', 'Acme Foods'), (" + second + ", 'other', 'Other');" +
		"INSERT INTO things VALUES (1, " + first + ", 'tea'), (2, " + second + ", 'secret'), (3, " + first + ", 'milk')"
	database := "sqlite:shop #1.db"
	if p.postgres {
		address := pgtest.Database(t)
		statements(t, address, strings.Split(script, ";")...)
		database, env = "postgres://in.the.environment/x", []string{"ORGEXPORT_SOURCE_DATABASE=" + address}
	} else {
		execute(t, dir, script)
	}
	config := `archive: {prefix: shop-export}
source: {database: "DATABASE"}
organization: {sql: "SELECT id, slug, name FROM keyed WHERE id = KEY"}
sections:
  - key: things
    required: true
    records:
      - {file: things.csv, sql: "SELECT id, name FROM things WHERE org = KEY ORDER BY id"}
`
	write(t, filepath.Join(dir, "exportd.yaml"), strings.NewReplacer("DATABASE", database, "KEY", p.parameter).Replace(config))
	return dir, env
}

const things = "id,name\r\n1,tea\r\n3,milk\r\n"

// Products that know their organizations by UUIDs or numbers are exported by run, get keys
// and are served.
func TestOrganizationKeys(t *testing.T) {
	t.Parallel()
	for _, p := range keyedProducts {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			dir, env := p.make(t)
			d := inSQLite(t)
			exportd := func(args ...string) outcome {
				c := d.command(t, dir, args...)
				c.Env = append(c.Env, env...)
				return finish(t, c)
			}
			if o := exportd("id", p.key); !strings.HasPrefix(o.stdout, "id") || !strings.Contains(o.stdout, p.id) {
				t.Errorf("id says\n%s%s", o.stdout, o.stderr)
			}
			for i, key := range []string{p.key, p.id} {
				out := filepath.Join("out", string(rune('a'+i))+".zip")
				exportd("run", "--config", "exportd.yaml", "--organization", key, "--as-of", asOf, "--out", out).want(t, 0)
				if got := extract(t, "zip", read(t, filepath.Join(dir, out)))[stem+"/things/things.csv"]; got != things {
					t.Errorf("run of %s gives %q", key, got)
				}
			}
			if read(t, filepath.Join(dir, "out", "a.zip")) != read(t, filepath.Join(dir, "out", "b.zip")) {
				t.Error("another form of the key gives other bytes")
			}
			exportd("run", "--config", "exportd.yaml", "--organization", p.nobody).want(t, 1, `organization "`+p.nobody+`" not found`)
			exportd("keys", "create", "--config", "exportd.yaml", "--organization", p.nobody).want(t, 1, "not found")
			exportd("keys", "create", "--config", "exportd.yaml", "--organization", "zzzzzzzzzzzzzzzzzzzzzz").want(t, 1, `organization "zzzzzzzzzzzzzzzzzzzzzz" not found`)
			exportd("keys", "create", "--config", "exportd.yaml", "--organization", "acme").want(t, 2, "is not an id of 22 characters, nor a UUID or a number")
			exportd("members", "add", "--config", "exportd.yaml", "--organization", p.key, "--user", "zoe").want(t, 0)
			if o := exportd("members", "list", "--config", "exportd.yaml", "--organization", p.id); !strings.Contains(o.stdout, "zoe") {
				t.Errorf("the members are %s%s", o.stdout, o.stderr)
			}
			o := exportd("keys", "create", "--config", "exportd.yaml", "--organization", p.key)
			o.want(t, 0)
			key := strings.TrimSpace(o.stdout)

			s := d.serve(t, dir, env...)
			p.served(t, s, key)
			s.stop(t, key)
			if log := s.log.String(); strings.Contains(log, "SQLSTATE") || strings.Contains(log, "sqlite: ") {
				t.Errorf("a query has failed\n%s", log)
			}
		})
	}
}

// served requests exports by the id of the API.
func (p keyedProduct) served(t *testing.T, s *serving, key string) {
	t.Helper()
	a := s.ask(t, key, http.MethodPost, p.id, "")
	if a.code != http.StatusOK {
		t.Fatalf("status %d", a.code)
	}
	eventually(t, "ended", func() bool {
		a = s.ask(t, key, http.MethodGet, p.id, "/"+a.JobID)
		return ended(a)
	})
	if a.Status != "completed" {
		t.Fatalf("the job is %+v\n%s", a, s.log.String())
	}
	files := archivetest.Unpack(t, "zip", []byte(get(t, a.Download, http.StatusOK)))
	if got := files[strings.TrimSuffix(a.Filename, ".zip")+"/things/things.csv"]; got != things {
		t.Errorf("the archive has %q", got)
	}
	for id, want := range map[string]int{
		p.key:                    http.StatusUnprocessableEntity, // the API has ids only
		"short":                  http.StatusUnprocessableEntity,
		"zzzzzzzzzzzzzzzzzzzzzz": http.StatusForbidden, // the id of nothing
		"oZEq7ovRbLq6UnGMPwc8B5": http.StatusForbidden, // that of somebody else
	} {
		if a := s.ask(t, key, http.MethodPost, id, ""); a.code != want {
			t.Errorf("%s gives %d, want %d", id, a.code, want)
		}
	}
}

// Whoever is a member of an organization that does not exist learns no more than that it
// cannot be read, whatever is wrong with the id.
func TestOrganizationOfNothing(t *testing.T) {
	t.Parallel()
	p := keyedProducts[4]
	dir, _ := p.make(t)
	d := inSQLite(t)
	key := d.newKey(t, dir, "--kind", "csu", "--user", "zoe")
	s := d.serve(t, dir)
	ids := []string{"zzzzzzzzzzzzzzzzzzzzzz", "H9cNmGXLEc8NWcZzSThA9S", "MqFdnSYGNHaVgU8NhsurzX"}
	for _, id := range ids {
		finish(t, d.command(t, dir, "members", "add", "--config", "exportd.yaml", "--organization", id, "--user", "zoe")).want(t, 0)
		a := s.ask(t, key, http.MethodPost, id, "")
		eventually(t, "ended", func() bool {
			a = s.ask(t, key, http.MethodGet, id, "/"+a.JobID)
			return ended(a)
		})
		if a.Status != "failed" || a.Error != "The organization could not be read." {
			t.Errorf("the job of %s is %+v", id, a)
		}
	}
	s.stop(t, key)
	log := s.log.String()
	for _, id := range ids {
		if !strings.Contains(log, id+`\" not found`) {
			t.Errorf("the log does not say that %s was not found\n%s", id, log)
		}
	}
	if strings.Contains(log, "sqlite: ") {
		t.Errorf("the log has an error of SQLite\n%s", log)
	}
}

func TestID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const number = "id      MqFdnSYGNHaVgU8NhsurzX\nuuid    6f726765-7870-8000-8000-00000000002a\nnumber  42\n"
	for value, want := range map[string]string{
		"42": number, "MqFdnSYGNHaVgU8NhsurzX": number, "6F726765-7870-8000-8000-00000000002a": number,
		"-1":                     "id      MqFdnSYGNHdQHYLCzv8XBA\nuuid    6f726765-7870-8003-bfff-ffffffffffff\nnumber  -1\n",
		"CXc85b4rqinB7s5J52TRYb": "id    CXc85b4rqinB7s5J52TRYb\nuuid  3b1f8b40-222c-4a6e-b77e-779d5a94e21c\n",
	} {
		if o := finish(t, command(t, dir, "id", "--", value)); o.stdout != want || o.status != 0 {
			t.Errorf("id %s says %q, %q", value, o.stdout, o.stderr)
		}
	}
	for _, value := range []string{"", "o1", "9223372036854775808", "1.5", "zzzzzzzzzzzzzzzzzzzzzz", "550e8400e29b41d4a716446655440000"} {
		finish(t, command(t, dir, "id", "--", value)).want(t, 2, "no")
	}
}
