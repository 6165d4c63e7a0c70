package cli_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// plainConfig is a configuration without a mistake. The tests count on its lines.
const plainConfig = `archive: {prefix: shop-export}
source:
  database: "sqlite:shop #1.db"
organization:
  sql: SELECT id, slug, name FROM organizations WHERE id = :organization_id
sections:
  - key: organization
    required: true
    records:
      - file: organization.yaml
        sql: SELECT * FROM organizations WHERE id = :organization_id
  - key: products
    records:
      - file: "{{.id}}/product.yaml"
        each: row
        json: [tags]
        sql: SELECT * FROM products WHERE organization_id = :organization_id ORDER BY id
      - file: members.csv
        sql: SELECT * FROM members WHERE organization_id = :organization_id ORDER BY id
    assets:
      - from: dir:files
        source: "{{.file}}"
        file: "{{.product_id}}/{{base .file}}"
        sql: SELECT * FROM assets WHERE organization_id = :organization_id ORDER BY id
`

// mistake is one in plainConfig: old is replaced by text, or text put behind the end. It
// is told by these lines, which begin behind the name of the program.
type mistake struct {
	name, old, text string
	status          int
	want            string
}

// inFile are mistakes of the file itself: none needs a database to be found.
func inFile() []mistake {
	_, allSections, _ := strings.Cut(plainConfig, "sections:\n")
	const membersSQL = "sql: SELECT * FROM members WHERE organization_id = :organization_id ORDER BY id"
	return []mistake{
		{"misspelled key", "    records:\n      - file: \"{{.id}}", "    recrods:\n      - file: \"{{.id}}", 2, `exportd.yaml:13: unknown key "recrods"; did you mean "records"?`},
		{"unknown key", "    records:\n      - file: org", "    rows:\n      - file: org", 2,
			"exportd.yaml:9: unknown key \"rows\"; known are assets, key, max_section_bytes, names, records, required, shard_key, shards, timeout\nexportd.yaml:7: the section has neither records nor assets"},
		{"key of another level", "        json: [tags]", "    json: [tags]", 2, "exportd.yaml:17: the indentation does not fit: keys of one mapping begin in the same column, as do the items of a list (YAML: did not find expected key)"},
		{"key of the level above", "      - file: members.csv\n        sql", "      - file: members.csv\n    sql", 2,
			"exportd.yaml:19: unknown key \"sql\"; known are assets, key, max_section_bytes, names, records, required, shard_key, shards, timeout; it is a key of organization, records and assets: is it indented as the others there?\n" +
				"exportd.yaml:18: key \"sql\" is missing"},
		{"two keys of one name", "", "concurrency: 2\nconcurrency: 3\n", 2, `exportd.yaml:26: key "concurrency" is already in line 25`},
		{"two sections of one key", "key: products", "key: organization", 2, `exportd.yaml:12: section key "organization" is already in line 7`},
		{"two files of one name", "file: members.csv", "file: members.csv\n        sql: SELECT :organization_id AS id\n      - file: Members.csv", 2, "exportd.yaml:20: file: is used twice in the section"},
		{"no sections", "sections:\n" + allSections, "sections: []\n", 2, "exportd.yaml:6: the list is empty"},
		{"sections missing", "sections:\n" + allSections, "", 2, `exportd.yaml:1: key "sections" is missing`},
		{"nothing at all", plainConfig, "", 2, "exportd.yaml: the file is empty"},
		{"section of nothing", "    records:\n      - file: organization.yaml\n        sql: SELECT * FROM organizations WHERE id = :organization_id\n", "", 2, "exportd.yaml:7: the section has neither records nor assets"},
		{"unquoted template", `"{{.id}}/product.yaml"`, "{{.id}}/product.yaml", 2,
			`exportd.yaml:14: text that begins with {{ needs quotes, as in "{{.id}}/product.yaml": quote it (YAML: did not find expected key)`},
		{"unquoted template alone", `source: "{{.file}}"`, "source: {{.file}}", 2, `exportd.yaml:22: text that begins with {{ needs quotes, as in "{{.id}}/product.yaml": quote it`},
		{"tab", "        each: row", "\teach: row", 2, "exportd.yaml:15: there is a tab in the indentation: use spaces (YAML: found character that cannot start any token)"},
		{"indented too much", "        each: row", "          each: row", 2,
			"exportd.yaml:15: the indentation does not fit: keys of one mapping begin in the same column, as do the items of a list (YAML: did not find expected key)"},
		{"indented too much behind a plain text", "        " + membersSQL, "          " + membersSQL, 2,
			"exportd.yaml:19: the indentation does not fit: it is deeper than that of line 18, whose key has a value already (YAML: mapping values are not allowed in this context)"},
		{"no colon", "    required: true", "    required true", 2, `exportd.yaml:8: a colon and a space are missing: "required true" must be as in "key: value" (YAML: could not find expected ':')`},
		{"no space behind the colon", "- file: members.csv", "- file:members.csv", 2,
			`exportd.yaml:18: a colon and a space are missing: "- file:members.csv" must be as in "key: value" (YAML: mapping values are not allowed in this context)`},
		{"colon in a text", membersSQL, "sql: SELECT id AS the: id FROM members", 2, "exportd.yaml:19: text with a colon and a space in it needs quotes: quote it (YAML: mapping values are not allowed in this context)"},
		{"open quote", `file: "{{.product_id}}/{{base .file}}"`, `file: "{{.product_id}}/{{base .file}}`, 2, "exportd.yaml:23: a quote is opened and not closed (YAML: found unexpected end of stream)"},
		{"text behind a quote", `"{{.id}}/product.yaml"`, `"{{.id}}"/product.yaml`, 2, "exportd.yaml:14: the text goes on behind its closing quote: put all of it in quotes (YAML: did not find expected key)"},
		{"alias", "sql: SELECT * FROM members", "sql: *members", 2, "exportd.yaml:19: a text that begins with * needs quotes (YAML: unknown anchor 'members' referenced)"},
		{"open bracket", "json: [tags]", "json: [tags", 2,
			"exportd.yaml:16: a bracket or a comma is missing or too many, or a text with such characters needs quotes (YAML: did not find expected ',' or ']')"},
		{"comma in a text in brackets", "      - file: members.csv\n        " + membersSQL, "      - {file: members.csv, sql: SELECT id, name FROM members WHERE organization_id = :organization_id}", 2,
			"exportd.yaml:18: \"name FROM members WHERE organization_id = :organization_id\" is no key: within {…} a text with a comma needs quotes: quote it\n" +
				"exportd.yaml:18: sql: does not use :organization_id, :organization_uuid or :organization_number, and is not shared"},
		{"wrong duration", "", "section_timeout: 90\n", 2, `exportd.yaml:25: "90" must be a duration such as 90s, 15m, 1h30m, 7d or 2w, or "none"`},
		{"none where it is not", "", "archives: {retention: none}\n", 2, `exportd.yaml:25: "none" must be a duration such as 90s, 15m, 1h30m, 7d or 2w`},
		{"wrong bool", "required: true", "required: yes", 2, `exportd.yaml:8: "yes" must be true or false`},
		{"wrong size", "", "max_section_bytes: 64 megs\n", 2, `exportd.yaml:25: "64 megs" must be a size such as 5000000, 64MiB or 10GB, or "none"`},
		{"negative number", "", "concurrency: -1\n", 2, `exportd.yaml:25: "-1" must be a whole number from 1`},
		{"negative size", "", "min_free_bytes: -5\n", 2, `exportd.yaml:25: "-5" must be a size such as 5000000, 64MiB or 10GB, or "none"`},
		{"unknown format", "file: members.csv", "file: members.xlsx", 2, `exportd.yaml:18: file: name "members.xlsx" does not end in .yaml, .json, .ndjson or .csv`},
		{"rows in one file", `"{{.id}}/product.yaml"`, "product.yaml", 2,
			`exportd.yaml:14: file: is the same for each row, so that only the first is kept; use a column of the row, as in {{.id}}, or leave out "each" for one file of all rows`},
		{"template of all rows", "        each: row\n", "", 2, `exportd.yaml:14: file: is a template, but "each" is not set`},
		{"broken template", "{{base .file}}", "{{base .file}", 2, `exportd.yaml:23: file: is not a template: template: name:1: bad character U+007D '}'`},
		{"wrong database", `"sqlite:shop #1.db"`, "mysql://localhost/shop", 2, `exportd.yaml:3: the database must be "sqlite:" and a path, or a postgres:// URL`},
		{"wrong URL", `"sqlite:shop #1.db"`, `"postgres://me:secret@[::1/shop"`, 2, "exportd.yaml:3: the address of the PostgreSQL database is not a valid URL"},
		{"query of all organizations", membersSQL, "sql: SELECT * FROM members", 2, "exportd.yaml:19: sql: does not use :organization_id, :organization_uuid or :organization_number, and is not shared"},
		{"unknown parameter", membersSQL, "sql: SELECT * FROM members WHERE organization_id = :organisation_id", 2,
			"exportd.yaml:19: sql: has the unknown parameter :organisation_id; there are :organization_id, :organization_uuid and :organization_number"},
		{"two statements", membersSQL, "sql: SELECT :organization_id; DROP TABLE members", 2, "exportd.yaml:19: sql: has more than one statement"},
		{"number for a text", "key: products", "key: 2026", 2, `exportd.yaml:12: "2026" must be text; put it in quotes`},
	}
}

// inNames are mistakes that are seen by looking at files and folders.
func inNames() []mistake {
	return []mistake{
		{"no database file", "shop #1.db", "shop.db", 2, "exportd.yaml:3: there is no database file shop.db"},
		{"database is a folder", "shop #1.db", "files", 2, "exportd.yaml:3: files is not a database file"},
		{"no folder", "dir:files", "dir:flies", 2, "exportd.yaml:21: there is no folder flies"},
		{"folder is a file", "dir:files", "dir:exportd.yaml", 2, "exportd.yaml:21: exportd.yaml is no folder, but a file"},
		{"no scratch", "", "scratch: tpm\n", 2, "exportd.yaml:25: there is no folder tpm"},
		{"archives in a file", "", "archives: {store: 'dir:exportd.yaml'}\n", 2, "exportd.yaml:25: exportd.yaml is no folder, but a file"},
		{"no folder of jobs", "", "jobs: {database: 'sqlite:none/jobs.db'}\n", 2, "exportd.yaml:25: there is no folder none"},
		{"no key file", "", "signing: {key_file: my.keys}\n", 2,
			`exportd.yaml:25: open my.keys: no such file or directory; make one by (umask 077; echo "1:$(head -c 32 /dev/urandom | base64)" > FILE)`},
	}
}

// inSource are mistakes that only the database can tell.
func inSource() []mistake {
	return []mistake{
		{"bad SQL", "SELECT * FROM members", "SELECT * FORM members", 1, `exportd.yaml:19: sql: near "FORM": syntax error (1)`},
		{"no SELECT", "SELECT * FROM members", "SELCT * FROM members", 2, `exportd.yaml:19: sql: begins with SELCT; a statement that reads begins with SELECT, WITH, VALUES, TABLE or a bracket, and no other is run`},
		{"missing table", "FROM members", "FROM memebrs", 1, "exportd.yaml:19: sql: no such table: memebrs (1)"},
		{"missing column", "SELECT * FROM members", "SELECT emial FROM members", 1, "exportd.yaml:19: sql: no such column: emial (1)"},
		{"wrong column of a name", `"{{.id}}/product.yaml"`, `"{{.sku}}/product.yaml"`, 1,
			`exportd.yaml:14: file: the query returns no column "sku"; it returns id, organization_id, name, price_cents, tags`},
		{"wrong column of a source", `"{{.file}}"`, `"{{.path}}"`, 1, `exportd.yaml:22: source: the query returns no column "path"; it returns id, organization_id, product_id, file`},
		{"wrong json", "json: [tags]", "json:\n          - tags\n          - attributes", 1,
			`exportd.yaml:18: json: the query returns no column "attributes"; it returns id, organization_id, name, price_cents, tags`},
		{"column twice", "SELECT * FROM members", "SELECT *, 1 AS id FROM members", 1, `exportd.yaml:19: sql: returns two columns "id"; name one with AS`},
		{"organization without a name", "SELECT id, slug, name FROM", "SELECT id, slug FROM", 1, `exportd.yaml:5: sql: the query returns no column "name"; it returns id, slug`},
		{"no database", "shop #1.db", "files/images/noise.bin", 1, "exportd.yaml:3: the database does not answer: file is not a database (26)"},
		{"jobs in no database", "", "jobs: {database: 'sqlite:files/images/noise.bin'}\n", 1, "exportd.yaml:25: the database of jobs does not answer: file is not a database (26)"},
		{"many", "FROM members WHERE organization_id = :organization_id ORDER BY id\n    assets:\n      - from: dir:files", "FROM memebrs WHERE organization_id = :organization_id\n    assets:\n      - form: dir:flies", 2,
			"exportd.yaml:21: unknown key \"form\"; did you mean \"from\"?\nexportd.yaml:21: there is no folder flies\nexportd.yaml:19: sql: no such table: memebrs (1)"},
	}
}

// TestMistakes: each is told with file and line, and nothing before it. No check leaves
// anything.
func TestMistakes(t *testing.T) {
	t.Parallel()
	dir := shop(t)
	file := filepath.Join(dir, "exportd.yaml")
	all := append(append(inFile(), inNames()...), inSource()...)
	if len(all) < 40 {
		t.Errorf("there are %d mistakes", len(all))
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			text := plainConfig + m.text
			if m.old != "" {
				if text = strings.Replace(plainConfig, m.old, m.text, 1); text == plainConfig {
					t.Fatalf("%q is not in the configuration", m.old)
				}
			}
			write(t, file, text)
			o := finish(t, command(t, dir, "check", "--config", "exportd.yaml"))
			if want := "exportd: " + strings.ReplaceAll(m.want, "\n", "\nexportd: ") + "\n"; o.status != m.status || o.stderr != want || o.stdout != "" {
				t.Errorf("status %d\n%s%s\nwant %d\n%s", o.status, o.stdout, o.stderr, m.status, want)
			}
			nothingLeft(t, dir)
		})
	}
	write(t, file, plainConfig+"archives: {retention: 30d, store: 'dir:kept/here'}\naudit: {retention: none}\njobs: {database: 'sqlite:jobs.db'}\n")
	o := finish(t, command(t, dir, "check", "--config", "exportd.yaml"))
	if o.want(t, 0); o.stdout != "exportd.yaml is right, and the database fits it: 2 sections, 5 queries\n" {
		t.Errorf("it says %q", o.stdout)
	}
	nothingLeft(t, dir)

	// The folder of archives is made, also for the jobs in it.
	write(t, file, plainConfig+"archives: {store: 'dir:kept/here/'}\njobs: {database: 'sqlite:kept/here/jobs.db'}\n")
	o = finish(t, command(t, dir, "check", "--config", "exportd.yaml"))
	o.want(t, 0)
	nothingLeft(t, dir)
	o = finish(t, command(t, dir, "members", "list", "--config", "exportd.yaml", "--organization", "2222222222222222222222"))
	o.want(t, 0)
}
