package config_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export/record"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// The folder that is opened ends before the first element with a template.
func TestFrom(t *testing.T) {
	for from, want := range map[string][2]string{
		"dir:files":                                    {"files", ""},
		"dir:files/{{.organization_id}}":               {"files", "{{.organization_id}}"},
		"dir:{{.organization_id}}":                     {"", "{{.organization_id}}"},
		"dir:a/b/of-{{.organization_slug}}/c":          {"a/b", "of-{{.organization_slug}}/c"},
		"dir:./{{.organization_id}}":                   {"", "{{.organization_id}}"},
		"s3://media":                                   {"s3://media", ""},
		"s3://media/a?region=eu&path_style=true":       {"s3://media/a?region=eu&path_style=true", ""},
		"s3://media/a/{{.organization_id}}?region=eu":  {"s3://media/a/?region=eu", "{{.organization_id}}"},
		"s3://media/{{.organization_id}}/b":            {"s3://media/", "{{.organization_id}}/b"},
		"dir:a/{{ printf \"%s/x\" .organization_id }}": {"a", "{{ printf \"%s/x\" .organization_id }}"},
	} {
		text := strings.Replace(config.Reference(), `"dir:files/{{.organization_id}}"`, "'"+from+"'", 1)
		c, dir, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		a := c.Sections[1].Assets[0]
		folder := filepath.Join(dir, want[0])
		if strings.HasPrefix(from, "s3:") {
			folder = want[0]
		}
		if a.Folder.Value != folder || a.Bucket != strings.HasPrefix(from, "s3:") || a.Within != want[1] || a.Folder.Line == 0 || !a.KeepTime {
			t.Errorf("%s: %+v", from, a)
		}
	}
}

func TestFormOfCSV(t *testing.T) {
	for _, delimiter := range []string{"semicolon", "';'"} {
		c, _, err := load(t, catalogue+"csv: {delimiter: "+delimiter+", bom: true, line_ending: lf}\n")
		if err != nil {
			t.Fatal(err)
		}
		if want := (record.CSVForm{Delimiter: ';', BOM: true, LineFeed: true}); c.CSV != want || c.RawCSV {
			t.Errorf("%s: %+v, want %+v", delimiter, c.CSV, want)
		}
	}
}

func TestProblemsOfFiles(t *testing.T) {
	const assets = head + "sections:\n- key: a\n  assets:\n  - {source: a, file: b, sql: 'SELECT :organization_id AS id', from: "
	for text, want := range map[string][]string{
		catalogue + "csv: {delimiter: '|'}\n":          {`"|" must be comma, semicolon or tab`},
		catalogue + "csv: {line_ending: cr, bom: 1}\n": {`"cr" must be crlf or lf`, `"1" must be true or false`},
		head + "sections:\n- key: a\n  names: x\n  records:\n  - {file: a.csv, sql: 'SELECT :organization_id'}\n": {`"x" must be skip or rename`},
		assets + "'dir:a/{{.id}}'}\n":                                             {`:6: from: uses "id"; a folder may use organization_id, organization_uuid, organization_number and organization_slug`},
		assets + "'dir:a/{{.organization_id'}\n":                                  {":6: from: is not a template"},
		assets + "'{{.organization_id}}'}\n":                                      {`:6: "{{.organization_id}}" must be "dir:" and the path of a folder, or s3://BUCKET/PREFIX?region=…, or "url:" if rows have URLs`},
		head + "sections:\n- key: a\n  assets:\n  - {all: true, from: 'dir:a'}\n": {"every organization would get all files"},
		head + "sections:\n- key: a\n  assets:\n  - {all: true, from: 'dir:a/{{.organization_id}}', sql: x, source: y, file: ../z}\n": {
			":6: sql: is set, but all files are taken", ":6: source: is set, but all files are taken", ":6: file: "},
		head + "sections:\n- key: a\n  assets:\n  - {all: true, shared: true, from: 'url:'}\n": {":6: nobody knows all URLs"},
		assets + "'S3://key:secret@media'}\n":                                                  {`:6: "S3://…" must be "dir:"`},
		assets + "'s3://key:secret@media'}\n":                                                  {":6: want s3://bucket/prefix"},
		assets + "'s3://{{.organization_id}}'}\n":                                              {":6: want s3://bucket/prefix"},
		assets + "'s3://media/{{.id}}'}\n":                                                     {`:6: from: uses "id"`},
		assets + "'url:https://example.com'}\n":                                                {`:6: "url:https://example.com" must be "dir:"`},
		catalogue + "fetch: {networks: [10.1.0.0/8, fd00::/8, '::1', '::ffff:10.0.0.0/104', internal], ports: [0, 443, 70000]}\n": {
			`"10.1.0.0/8" has more bits than its length says: write 10.0.0.0/8`, `"::ffff:10.0.0.0/104" is neither an address nor a network`,
			`"internal" is neither`, `"0" must be a whole number from 1 to 65535`, `"70000" must be a whole number`},
		catalogue + "fetch: {at_once: 2000, retries: many, patience: none, timeout: 0s, redirects: -1, max_file_bytes: all, user_agent: \"a\\nb\"}\n": {
			`"2000" must be a whole number from 1 to 1024`, `"many" must be a whole number`, `"none" must be a duration`, `"0s" must be a duration`,
			`"-1" must be a whole number`, `"all" must be a size`, `must be ASCII`},
	} {
		_, _, err := load(t, text)
		if err == nil || strings.Count(err.Error(), "\n")+1 != len(want) {
			t.Errorf("%s\nproblems are %v", text, err)
			continue
		}
		for _, part := range want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v\nwant %s in it", err, part)
			}
		}
	}
}
