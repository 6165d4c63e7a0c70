package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/sections"
)

// load loads the text as exportd.yaml of a new folder.
func load(t *testing.T, text string) (*config.Config, string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "exportd.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file)
	return c, dir, err
}

const head = `source: {database: "sqlite:catalog.db"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
`

// The configuration of the README.
const catalogue = `archive: {prefix: closient-export}
source: {database: "sqlite:catalog.db"}
organization: {sql: "SELECT id, slug, name FROM organizations WHERE id = :organization_id"}
sections:
  - key: organization
    required: true            # also: timeout, max_section_bytes per section; concurrency at the top
    records:
      - {file: organization.yaml, sql: "SELECT * FROM organizations WHERE id = :organization_id"}
  - key: products
    records:
      - {file: "{{.id}}/product.yaml", each: row, json: [tags, attributes], sql: "SELECT * FROM products WHERE organization_id = :organization_id ORDER BY id"}
      - {file: offers.ndjson, sql: "SELECT * FROM offers WHERE organization_id = :organization_id ORDER BY id"}
    assets:
      - {from: "dir:.", source: "{{.file}}", file: "{{.product_id}}/{{.id}}-{{base .file}}", sql: "SELECT id, product_id, file FROM assets WHERE organization_id = :organization_id ORDER BY id"}
`

func TestLoad(t *testing.T) {
	got, dir, err := load(t, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		File:         filepath.Join(dir, "exportd.yaml"),
		Prefix:       config.Text{Value: "closient-export", Line: 1},
		Database:     config.Database{Dialect: sections.SQLite, Address: filepath.Join(dir, "catalog.db"), Line: 2},
		Organization: config.Text{Value: "SELECT id, slug, name FROM organizations WHERE id = :organization_id", Line: 3},
		Sections: []config.Section{{
			Key:      config.Text{Value: "organization", Line: 5},
			Required: true,
			Records: []config.Records{{
				File: config.Text{Value: "organization.yaml", Line: 8},
				SQL:  config.Text{Value: "SELECT * FROM organizations WHERE id = :organization_id", Line: 8},
			}},
			Line: 5,
		}, {
			Key: config.Text{Value: "products", Line: 9},
			Records: []config.Records{{
				File: config.Text{Value: "{{.id}}/product.yaml", Line: 11},
				Each: true,
				SQL:  config.Text{Value: "SELECT * FROM products WHERE organization_id = :organization_id ORDER BY id", Line: 11},
				JSON: []config.Text{{Value: "tags", Line: 11}, {Value: "attributes", Line: 11}},
			}, {
				File: config.Text{Value: "offers.ndjson", Line: 12},
				SQL:  config.Text{Value: "SELECT * FROM offers WHERE organization_id = :organization_id ORDER BY id", Line: 12},
			}},
			Assets: []config.Assets{{
				Folder: config.Text{Value: dir, Line: 14},
				Source: config.Text{Value: "{{.file}}", Line: 14},
				File:   config.Text{Value: "{{.product_id}}/{{.id}}-{{base .file}}", Line: 14},
				SQL:    config.Text{Value: "SELECT id, product_id, file FROM assets WHERE organization_id = :organization_id ORDER BY id", Line: 14},
			}},
			Line: 9,
		}},
		Server:   config.Server{Listen: config.Text{Value: "127.0.0.1:8080"}, Drain: time.Second},
		Jobs:     config.Jobs{Database: config.Database{Dialect: sections.SQLite, Address: filepath.Join(dir, "exportd-data", "jobs.db")}},
		Archives: config.Archives{Folder: config.Text{Value: filepath.Join(dir, "exportd-data")}},
		Audit:    config.Audit{Retention: 400 * 24 * time.Hour},
		Limits:   config.Limits{InFlight: 10, Daily: 100},
		Signing:  config.Signing{KeyFile: config.Text{Value: filepath.Join(dir, "exportd-data", "signing.keys")}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config is\n%+v\nwant\n%+v", got, want)
	}
}

// The reference is printed for users: it must be right, and complete.
func TestReference(t *testing.T) {
	c, dir, err := load(t, config.Reference())
	if err != nil {
		t.Fatal(err)
	}
	if c.Scratch.Value != "/tmp" || c.Sections[1].Assets[0].Folder.Value != filepath.Join(dir, "files") {
		t.Errorf("paths are %q and %q", c.Scratch.Value, c.Sections[1].Assets[0].Folder.Value)
	}
	filled(t, "Config", reflect.ValueOf(*c), "Links", "Demo")
	filled(t, "Server", reflect.ValueOf(c.Server))
	filled(t, "API", reflect.ValueOf(c.API))
	filled(t, "KeyPrefixes", reflect.ValueOf(c.API.KeyPrefixes))
	filled(t, "Jobs", reflect.ValueOf(c.Jobs))
	filled(t, "Archives", reflect.ValueOf(c.Archives), "Bucket")
	filled(t, "Signing", reflect.ValueOf(c.Signing), "Keys")
	filled(t, "Limits", reflect.ValueOf(c.Limits))
	filled(t, "OIDC", reflect.ValueOf(c.OIDC))
	filled(t, "Metrics", reflect.ValueOf(c.Metrics))
	filled(t, "Tracing", reflect.ValueOf(c.Tracing))
	filled(t, "Log", reflect.ValueOf(c.Log))
	filled(t, "Section", reflect.ValueOf(c.Sections[0]), "Assets", "Shards", "ShardKey")
	filled(t, "Section", reflect.ValueOf(c.Sections[1]), "Required", "Rename", "Timeout", "MaxBytes")
	filled(t, "Records", reflect.ValueOf(c.Sections[0].Records[1]), "Each", "JSON", "ShardKey", "Whole")
	filled(t, "Records", reflect.ValueOf(c.Sections[1].Records[0]), "Shared", "ShardKey", "Whole")
	if own, whole := c.Sections[1].Records[1], c.Sections[1].Records[2]; own.ShardKey.Value != "number" || !whole.Whole {
		t.Errorf("keys of records are %+v and %+v", own, whole)
	}
	filled(t, "Assets", reflect.ValueOf(c.Sections[1].Assets[0]), "Shared", "Bucket", "URLs", "All", "ShardKey", "Whole")
	if a := c.Sections[1].Assets[1]; !a.URLs || a.Folder.Line == 0 {
		t.Errorf("assets by URLs are %+v", a)
	}
	filled(t, "Fetch", reflect.ValueOf(c.Fetch.Config), "RetryDelay", "RootCAs", "Resolver", "Dial")
}

// filled finds fields that are zero.
func filled(t *testing.T, what string, v reflect.Value, but ...string) {
	t.Helper()
	but = append(but, "RawCSV") // false is the default that the reference shows
	for field, value := range v.Fields() {
		if value.IsZero() && !strings.Contains(strings.Join(but, " "), field.Name) {
			t.Errorf("%s.%s is not in the reference", what, field.Name)
		}
	}
}

func TestValues(t *testing.T) {
	c, dir, err := load(t, `
concurrency: 3
section_timeout: 1h30m
max_section_bytes: 64MiB
min_free_bytes: none
csv: {formula_guard: false}
scratch: tmp
archive: {level: 9, max_bytes: 10 GB}
jobs: {fan_out: 1GiB}
source: {database: "postgres://me@localhost/shop"}
organization: &sql {sql: SELECT 'é' WHERE '1' = :organization_id}
sections:
- key: a
  timeout: 1w2d
  max_section_bytes: 123
  records: [{file: a.csv, shared: true, sql: "SELECT '[1]'::jsonb"}]
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ got, want any }{
		{c.Concurrency, 3},
		{c.SectionTimeout, 90 * time.Minute},
		{c.MaxSectionBytes, int64(64 << 20)},
		{c.MinFreeBytes, int64(-1)},
		{c.RawCSV, true},
		{c.Scratch.Value, filepath.Join(dir, "tmp")},
		{c.Level, 9},
		{c.MaxArchiveBytes, int64(10e9)},
		{c.Jobs.FanOut, true},
		{c.Jobs.FanOutFrom, int64(1 << 30)},
		{c.Database, config.Database{Dialect: sections.Postgres, Address: "postgres://me@localhost/shop", Line: 10}},
		{c.Sections[0].Timeout, 9 * 24 * time.Hour},
		{c.Sections[0].MaxBytes, int64(123)},
		{c.Sections[0].Records[0].Shared, true},
	} {
		if v.got != v.want {
			t.Errorf("got %v, want %v", v.got, v.want)
		}
	}
}

// TestName: what the file says goes to the API, and what it does not say is left to
// that.
func TestName(t *testing.T) {
	c, _, err := load(t, catalogue+`api:
  title: Acme
  version: "2"
  description: |
    Exports
    of Acme.
  terms: https://acme.example/terms
  documentation: https://docs.acme.example
  base_path: /v1/exports
  error_types: https://acme.example/errors/
  key_prefixes: {business: acme, publishable: acpub}
`)
	if err != nil {
		t.Fatal(err)
	}
	got := httpapi.Config{DownloadsPath: "/get/"}
	c.API.Name(&got)
	if want := (httpapi.Config{
		DownloadsPath: "/get/",
		Info: httpapi.Info{
			Title: "Acme", Version: "2", Description: "Exports\nof Acme.\n", Terms: "https://acme.example/terms", Documentation: "https://docs.acme.example",
		},
		BasePath: "/v1/exports", ErrorBase: "https://acme.example/errors/", KeyPrefixes: access.KeyPrefixes{Business: "acme", Publishable: "acpub"},
	}); !reflect.DeepEqual(got, want) {
		t.Errorf("the API is\n%+v, want\n%+v", got, want)
	}
	if got, want := c.API.ExportsURL("http://a", "b"), "http://a/v1/exports/b"; got != want {
		t.Errorf("exports are at %s, want %s", got, want)
	}
	if c, _, err = load(t, catalogue); err != nil {
		t.Fatal(err)
	}
	got = httpapi.Config{}
	if c.API.Name(&got); !reflect.DeepEqual(got, httpapi.Config{}) {
		t.Errorf("without a name the API is %+v", got)
	}
	if got, want := c.API.ExportsURL("http://a", "b"), "http://a/dashboard/api/v1/data-export/b"; got != want {
		t.Errorf("exports are at %s, want %s", got, want)
	}
}

func TestProblems(t *testing.T) {
	records := func(entry string) string { return head + "sections:\n- key: a\n  records:\n  - {" + entry + "}\n" }
	assets := func(entry string) string { return head + "sections:\n- key: a\n  assets:\n  - {" + entry + "}\n" }
	section := func(lines string) string {
		return head + "sections:\n- " + lines + "\n  records:\n  - {file: a.csv, sql: 'SELECT :organization_id'}\n"
	}
	top := func(lines string) string { return section("key: a") + lines }
	source := func(database string) string {
		return strings.Replace(section("key: a"), `"sqlite:catalog.db"`, database, 1)
	}
	const query = `sql: "SELECT :organization_id AS id"`
	for _, c := range []struct {
		name, text string
		want       []string // a line and a part of each problem
	}{
		{"empty", "", []string{": the file is empty"}},
		{"only a comment", "# nothing\n", []string{": the file is empty"}},
		{"no mapping", "- a\n", []string{":1: value is a list, must be a mapping"}},
		{"syntax", "a: b\nc: [d\ne: f\n", []string{":2: a bracket or a comma is missing"}},
		{"syntax in the first line", "a: [}\n", []string{":1: a bracket or a comma is missing"}},
		{"syntax of the scanner", "a: b\nc: d: e\n", []string{":2: text with a colon and a space in it needs quotes: quote it (YAML: mapping values are not allowed"}},
		{"tab", "a:\n\tb: c\n", []string{":2: there is a tab in the indentation"}},
		{"indentation", "a:\n  b: c\n d: e\n", []string{":3: the indentation does not fit"}},
		{"indentation far below", head + "sections:\n- key: a\n  required: true\n  records:\n  - file: a.csv\n    shared: true\n   sql: SELECT 1\n- key: b\n", []string{":9: the indentation does not fit"}},
		{"syntax without a line", "a: *b\n", []string{":1: a text that begins with * needs quotes (YAML: unknown anchor 'b'"}},
		{"text behind a quote", records(`file: "{{.id}}"/a.yaml, each: row, ` + query), []string{":6: the text goes on behind its closing quote"}},
		{"two documents", section("key: a") + "---\na: b\n", []string{":7: there is more than one"}},
		{"nothing required", "concurrency: 2\n", []string{`:1: key "source" is missing`, `:1: key "organization" is missing`, `:1: key "sections" is missing`}},

		{"unknown key", top("colour: red"), []string{`:7: unknown key "colour"; known are api, archive, archives, audit, concurrency, csv,`}},
		{"unknown key in a section", section("key: a\n  requierd: true"), []string{`:5: unknown key "requierd"; did you mean "required"?`}},
		{"key like another, and a mistake below it", head + "sections:\n- key: a\n  recrods:\n  - {fiel: a.csv, sql: SELECT 1}\n",
			[]string{`:5: unknown key "recrods"; did you mean "records"?`, `:6: unknown key "fiel"; did you mean "file"?`, ":6: sql: does not use"}},
		{"key like no other, and what is missing for it", head + "sections:\n- key: a\n  rows:\n  - {file: a.csv, sql: SELECT 1}\n",
			[]string{`:5: unknown key "rows"; known are assets,`, ":4: the section has neither"}},
		{"key of another level", head + "sections:\n- key: a\n  records:\n  - file: a.csv\n  sql: SELECT 1\n",
			[]string{`:7: unknown key "sql"; known are assets, key, max_section_bytes, names, records, required, shard_key, shards, timeout; it is a key of organization, records and assets: is it indented`, `:6: key "sql" is missing`}},
		{"comma in a text", records("file: a.csv, sql: SELECT a, b FROM c WHERE d = :organization_id"), []string{`:6: "b FROM c WHERE d = :organization_id" is no key: within {…} a text`, ":6: sql: does not use"}},
		{"unknown key in records", records("file: a.csv, sqll: x, " + query), []string{`:6: unknown key "sqll"`}},
		{"unknown key in assets", assets("from: 'dir:.', source: a, file: b, each: row, " + query), []string{`:6: unknown key "each"`}},
		{"unknown key in archive", top("archive: {name: a}"), []string{`:7: unknown key "name"; known are level, max_bytes, prefix`}},
		{"merge key", top("<<: {concurrency: 2}"), []string{`:7: unknown key "<<"`}},
		{"duplicate key", top("concurrency: 2\nconcurrency: 2"), []string{`:8: key "concurrency" is already in line 7`}},
		{"duplicate section key", section("key: a") + "- key: a\n  records:\n  - {file: a.csv, " + query + "}\n", []string{`:7: section key "a" is already in line 4`}},

		{"no key", section("required: true"), []string{`:4: key "key" is missing`}},
		{"no file", records(query), []string{`:6: key "file" is missing`}},
		{"no sql", records("file: a.csv"), []string{`:6: key "sql" is missing`}},
		{"no source", assets("from: 'dir:.', file: a, " + query), []string{`:6: key "source" is missing`}},
		{"no from", assets("source: a, file: b, " + query), []string{`:6: key "from" is missing`}},
		{"no records", head + "sections:\n- key: a\n- key: b\n  records: []\n", []string{":6: the list is empty", ":4: the section has neither"}},
		{"no sections", head + "sections: []\n", []string{":3: the list is empty"}},

		{"number for text", section("key: 7"), []string{`:4: "7" must be text`}},
		{"mapping for text", records("file: {{.id}}, " + query), []string{":6: text that begins with {{ needs quotes"}},
		{"empty text", records("file: ' ', " + query), []string{":6: text is empty"}},
		{"nothing", section("key:"), []string{":4: value is empty, must be text"}},
		{"text for boolean", section("key: a\n  required: yes"), []string{`:5: "yes" must be true or false`}},
		{"list for boolean", section("key: a\n  required: [true]"), []string{":5: value is a list, must be true or false"}},
		{"text for number", top("concurrency: many"), []string{`:7: "many" must be a whole number from 1`}},
		{"too small", top("concurrency: 0"), []string{`:7: "0" must be a whole number from 1`}},
		{"too large", top("archive:\n  level: 10"), []string{`:8: "10" must be a whole number from 1 to 9`}},
		{"fraction", top("concurrency: 1.5"), []string{`:7: "1.5" must be a whole number`}},
		{"duration without unit", top("section_timeout: 90"), []string{`:7: "90" must be a duration such as`}},
		{"negative duration", section("key: a\n  timeout: -1s"), []string{`:5: "-1s" must be a duration`}},
		{"list for duration", section("key: a\n  timeout: [1s]"), []string{":5: value is a list, must be a duration"}},
		{"no shards", section("key: a\n  shards: 0\n  shard_key: id"), []string{`:5: "0" must be a whole number from 1 to 64`}},
		{"too many shards", section("key: a\n  shards: 65\n  shard_key: id"), []string{`:5: "65" must be a whole number from 1 to 64`}},
		{"shards without a key", head + "sections:\n- key: a\n  shards: 2\n  records:\n  - file: a.csv\n    " + query + "\n", []string{`:8: shard_key: is empty, and the section has shards`}},
		{"shard key of what is whole", records("file: a.csv, whole: true, shard_key: id, " + query), []string{`:6: shard_key: is set, but the first shard has all rows`}},
		{"shard key in the wrong place", top("shard_key: id"), []string{`:7: unknown key "shard_key"; known are`}},
		{"bad size", top("max_section_bytes: 64 megs"), []string{`:7: "64 megs" must be a size such as`}},
		{"negative size", top("min_free_bytes: -1"), []string{`:7: "-1" must be a size`}},
		{"fraction of a size", top("min_free_bytes: 1.5GiB"), []string{`:7: "1.5GiB" must be a size`}},
		{"huge size", top("min_free_bytes: 9000000TiB"), []string{`:7: "9000000TiB" must be a size`}},
		{"mapping for list", head + "sections: {key: a}\n", []string{":3: value is a mapping, must be a list"}},
		{"text for mapping", head + "sections: [a]\n", []string{`:3: "a" must be a mapping with the keys assets, key,`}},

		{"bad section key", section("key: My-Products"), []string{`:4: section key "My-Products"`}},
		{"reserved section key", section("key: con"), []string{":4: name \"con\" has an element that Windows reserves"}},
		{"bad prefix", top("archive: {prefix: a/b}"), []string{`:7: prefix "a/b" may have`}},
		{"each row in one file", records(`file: a.yaml, each: row, ` + query), []string{":6: file: is the same for each row"}},
		{"bad each", records(`file: "{{.id}}.yaml", each: rows, ` + query), []string{`:6: "rows" must be "row"`}},

		{"query without the parameter", records("file: a.csv, sql: SELECT 1"), []string{":6: sql: does not use :organization_id"}},
		{"parameter in a string", records(`file: a.csv, sql: "SELECT ':organization_id'"`), []string{":6: sql: does not use :organization_id"}},
		{"unknown parameter", records(`file: a.csv, sql: "SELECT :org"`), []string{":6: sql: has the unknown parameter :org;"}},
		{"two statements", records(`file: a.csv, sql: "SELECT :organization_id; DELETE FROM a"`), []string{":6: sql: has more than one statement"}},
		{"asset query without the parameter", assets("from: 'dir:.', source: a, file: b, sql: SELECT 1"), []string{":6: sql: does not use :organization_id"}},
		{"organization query without the parameter", "organization: {sql: SELECT 1}\nsource: {database: 'sqlite:a'}\nsections:\n- key: a\n  records:\n  - {file: a.csv, " + query + "}\n",
			[]string{":1: sql: does not use :organization_id"}},
		{"bad template", records(`file: "{{.id}.yaml", each: row, ` + query), []string{":6: file: is not a template"}},
		{"unknown function", assets("from: 'dir:.', source: '{{upper .id}}', file: b, " + query), []string{":6: source: is not a template"}},
		{"bad template of an asset", assets("from: 'dir:.', source: a, file: '{{', " + query), []string{":6: file: is not a template"}},
		{"template without each", records(`file: "{{.id}}.yaml", ` + query), []string{":6: file: is a template, but"}},
		{"unknown encoding", records("file: a.xlsx, " + query), []string{":6: file: name \"a.xlsx\" does not end in .yaml, .json, .ndjson or .csv"}},
		{"unknown encoding of a template", records(`file: "{{.id}}/a.txt", each: row, ` + query), []string{`:6: file: name "{{.id}}/a.txt" does not end in`}},
		{"bad name of no encoding", records("file: ../a, " + query), []string{":6: file: name \"../a\" is not a plain", ":6: file: name \"../a\" does not end in"}},
		{"bad name", records("file: ../a.csv, " + query), []string{":6: file: name \"../a.csv\" is not a plain relative path"}},
		{"file twice", head + "sections:\n- key: a\n  records:\n  - {file: a.csv, " + query + "}\n  - {file: A.csv, " + query + "}\n", []string{":7: file: is used twice"}},
		{"not a folder", assets("from: 's3:bucket', source: a, file: b, " + query), []string{`:6: "s3:bucket" must be "dir:"`}},
		{"no folder", assets("from: 'dir:', source: a, file: b, " + query), []string{`:6: "dir:" must be "dir:"`}},

		{"unknown database", source("mysql://localhost/a"), []string{`:1: the database must be "sqlite:"`}},
		{"no database file", source(`"sqlite:"`), []string{`:1: "sqlite:" needs the path`}},
		{"bad URL", source(`"postgres://me:secret@[::1/shop"`), []string{":1: the address of the PostgreSQL database is not a valid URL"}},
		{"no URL", source(`"postgres:shop"`), []string{":1: the address of the PostgreSQL database is not a valid URL"}},

		{"bad listen", top("server: {listen: '8080'}"), []string{`:7: "8080" must be an address and a port`}},
		{"bad public URL", top("server: {public_url: 'exports.example.com'}"), []string{`:7: "exports.example.com" must be a URL such as https://`}},
		{"public URL with a fragment", top("server: {public_url: 'https://x/#'}"), []string{`:7: "https://x/#" must be a URL such as https://`}},
		{"public URL with dots", top("server: {public_url: 'https://x/a/../b'}"), []string{`:7: "https://x/a/../b" must be a URL such as https://`}},
		{"bad origin", top("server: {trusted_origins: [dashboard]}"), []string{`:7: "dashboard" must be an origin`}},
		{"bad api", top("api: {title: [a], base: /x, key_prefixes: {csb: a}}"), []string{
			`:7: value is a list, must be text`, `:7: unknown key "base"; known are archive_formats, base_path, description, documentation, error_types, key_prefixes, terms, title, version`,
			`:7: unknown key "csb"; known are business, publishable, user`,
		}},
		{"bad name", top("api:\n  title: \"a\\tb\"\n  terms: /terms\n  documentation: ftp://example.com\n  base_path: exports/\n" +
			"  error_types: https://example.com/errors\n  key_prefixes:\n    business: a_b\n    user: cpk\n"), []string{
			`:8: title: is "a\tb", want text without`, `:9: terms: is "/terms", want an address`, `:10: documentation: is "ftp://example.com", want`,
			`:11: base_path: is "exports/", want a path such as /api/v1/exports`, `:12: error_types: is "https://example.com/errors", want`,
			`:14: key_prefixes: prefix "a_b" must have 2 to 16 letters`, `:14: key_prefixes: prefixes "cpk" and "cpk" are the same`,
		}},
		{"bad formats", top("api:\n  archive_formats: [tar.zst, rar,\n    tar.zst]\n"),
			[]string{`:8: "rar" is none of zip, tar.gz, tar.xz, tar.zst`, `:9: "tar.zst" is there twice`}},
		{"no formats", top("api: {archive_formats: []}"), []string{`:7: the list is empty`}},
		{"no title", top("api:\n  version: 2.0.0\n"), []string{`:8: title: is empty: it is required`}},
		{"base path of downloads", top("api: {base_path: /downloads/a}"), []string{`:7: base_path: is "/downloads/a", want`}},
		{"bad limits", top("limits: {requests_per_minute: 0, exports_at_once: -1, exports_per_day: none}"),
			[]string{`:7: "0" must be a whole number from 1`, `:7: "-1" must be a whole number from 1`}},
		{"bad oidc", top("oidc: {issuer: login}"), []string{`:7: "login" must be the URL`, `:7: key "audience" is missing`}},
		{"bad metrics", top("metrics: {listen: '9464'}"), []string{`:7: "9464" must be an address and a port`}},
		{"bad tracing", top("tracing: {otlp_endpoint: 'collector:4318'}"), []string{`:7: "collector:4318" must be the URL of a collector`}},
		{"bad jobs", top("jobs: {database: 'mysql:a', workers: 0}"), []string{`:7: the database must be "sqlite:"`, `:7: "0" must be a whole number from 1`}},
		{"bad fan-out", top("jobs: {fan_out: large}"), []string{`:7: "large" must be true, false, or a size such as`}},
		{"bad times to stop", top("server: {drain: none}\njobs: {stop_timeout: -1s}"),
			[]string{`:7: "none" must be a duration such as`, `:8: "-1s" must be a duration such as`}},
		{"password of the jobs", top(`jobs: {database: "postgres://me:secret@[::1/jobs"}`), []string{":7: the address of the PostgreSQL database is not a valid URL"}},
		{"bad archives", top("archives: {store: 's3:a', retention: none, link_ttl: none, read_back: 0}"),
			[]string{`:7: "s3:a" must be "dir:"`, `:7: "none" must be a duration`, `:7: "none" must be a duration`, `:7: "0" must be a size`}},

		{"a bad bucket", top("archives: {store: 's3://key:secret@acme/p'}"), []string{":7: want s3://bucket/prefix"}},
		{"another address", top("archives: {store: 'https://key:secret@minio/acme'}"), []string{`:7: "https://…" must be "dir:"`}},
		{"a bucket's endpoint", top("archives: {store: 's3://acme?endpoint=minio'}"), []string{":7: endpoint is no URL"}},
		{"presigned links to a folder", top("links: {delivery: presigned}"), []string{":7: presigned links lead to a bucket"}},
		{"another delivery", top("links: {delivery: mailed}"), []string{`:7: "mailed" must be presigned or proxied`}},
		{"bound links to a bucket", top("archives: {store: 's3://acme'}\nlinks: {bound: true}"), []string{":8: presigned links are good for whoever has them"}},

		{"jobs kept for too short", top("jobs: {retention: 3d}\narchives: {retention: 5d}"), []string{`:7: jobs are kept for 72h0m0s: as long as archives`}},
		{"jobs kept for hours", top("jobs: {retention: 3h}"), []string{`:7: jobs are kept for 3h0m0s`}},
		{"bad audit", top("audit: {retention: 400days}"), []string{`:7: "400days" must be a duration such as`}},

		{"many, by line", "sections:\n- key: A\n  records:\n  - {file: a.txt, sql: SELECT 1}\nconcurrency: x\nsource: {database: 'sqlite:a'}\norganization: {sql: SELECT 2}\nmore: 1\n",
			[]string{":2: section key", ":4: ", ":4: ", ":5: ", ":7: ", ":8: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, dir, err := load(t, c.text)
			var problems config.FileErrors
			if !errors.As(err, &problems) || err == nil {
				t.Fatalf("error is %v, want problems", err)
			}
			file := filepath.Join(dir, "exportd.yaml")
			lines := strings.Split(err.Error(), "\n")
			for i, line := range lines {
				if i >= len(c.want) || !strings.Contains(line, file+c.want[i]) {
					t.Errorf("problems are\n%v\nwant %q", err, c.want)
					break
				}
			}
			if len(lines) < len(c.want) {
				t.Errorf("problems are\n%v\nwant %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%v has the password", err)
			}
		})
	}
}
