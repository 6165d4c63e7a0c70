package sections_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

var (
	acme  = export.Scope{Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"}}
	bolt  = export.Scope{Organization: export.Organization{ID: "bQUEktNMu3Fe65ax6FSWEb"}}
	empty = export.Scope{Organization: export.Organization{ID: "cQUEktNMu3Fe65ax6FSWEb"}}
)

const byOrganization = " WHERE organization_id = :organization_id ORDER BY id"

const schema = `
CREATE TABLE products (id TEXT, organization_id TEXT, name TEXT, tags TEXT, attributes JSON, price DECIMAL(10,2),
	active BOOLEAN, weight REAL, stock INTEGER, photo BLOB, made DATE, updated_at DATETIME);
INSERT INTO products VALUES
	('p1', 'aQUEktNMu3Fe65ax6FSWEb', 'Nut', '["a",1]', '{"x":{"y":null}}', 1.5, 1, 0.25, 9007199254740993, x'00ff', '2026-01-02', '2026-01-02 03:04:05.5+02:00'),
	('p2', 'aQUEktNMu3Fe65ax6FSWEb', 'Bolt ''2''', NULL, 'no JSON', NULL, 0, NULL, NULL, NULL, NULL, NULL),
	('p3', 'bQUEktNMu3Fe65ax6FSWEb', 'Gear', '[]', '[]', 2, NULL, 1e300, -1, x'', '2026-01-02 10:00:00', '2026-01-02 03:04:05');
CREATE TABLE assets (id INTEGER, organization_id TEXT, product_id TEXT, file TEXT);
INSERT INTO assets VALUES (1, 'aQUEktNMu3Fe65ax6FSWEb', 'p1', 'img/nut.png'), (2, 'aQUEktNMu3Fe65ax6FSWEb', 'p2', 'img/bolt.png'),
	(3, 'bQUEktNMu3Fe65ax6FSWEb', 'p3', 'img/gear.png');
CREATE TABLE currencies (code TEXT);
INSERT INTO currencies VALUES ('EUR'), ('USD');`

var images = fstest.MapFS{
	"img/nut.png":  {Data: []byte("nut")},
	"img/bolt.png": {Data: []byte("bolt")},
	"img/gear.png": {Data: []byte("gear")},
}

// newDB returns a SQLite database after the statements have run.
func newDB(t *testing.T, statements ...string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func newSQL(t *testing.T, c sections.SQL) export.Section {
	t.Helper()
	s, err := sections.NewSQL(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// record runs the section and returns what it did.
func recorded(t *testing.T, s export.Section, scope export.Scope) (*sectiontest.Recorder, error) {
	t.Helper()
	r := sectiontest.NewRecorder(t.Context())
	return r, s.Export(t.Context(), scope, r)
}

// rows are the records of a file, a line each.
func rows(t *testing.T, r *sectiontest.Recorder, file string) string {
	t.Helper()
	c, ok := r.Find(file)
	if !ok {
		t.Fatalf("no file %s in %v", file, r.Calls())
	}
	var b strings.Builder
	for _, value := range c.Records {
		fmt.Fprintf(&b, "%s\n", value)
	}
	return b.String()
}

// skips are the skipped items with their public reasons.
func skips(r *sectiontest.Recorder) []string {
	var list []string
	for _, c := range r.Skips() {
		list = append(list, c.Name+": "+export.PublicText(c.Err))
	}
	return list
}

func products(db sections.Querier) sections.SQL {
	return sections.SQL{
		Key: "products",
		DB:  db,
		Files: []sections.RecordFile{
			{File: "{{.id}}/product.yaml", Each: true, JSON: []string{"tags"},
				SQL: "SELECT id, name, tags, attributes, price, active, weight, stock, photo, made, updated_at FROM products" + byOrganization},
			{File: "prices.csv", SQL: "SELECT id, price FROM products" + byOrganization},
			{File: "currencies.ndjson", Shared: true, SQL: "SELECT code FROM currencies ORDER BY code"},
		},
		Assets: []sections.AssetFiles{
			{FS: images, Source: "{{.file}}", File: "{{.product_id}}/{{.id}}-{{base .file}}",
				SQL: "SELECT id, product_id, file FROM assets" + byOrganization},
		},
	}
}

func TestSQL(t *testing.T) {
	r, err := recorded(t, newSQL(t, products(newDB(t, schema))), acme)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range r.Calls() {
		names = append(names, c.Name)
	}
	want := []string{"p1/product.yaml", "p2/product.yaml", "prices.csv", "currencies.ndjson", "p1/1-nut.png", "p2/2-bolt.png"}
	if !slices.Equal(names, want) {
		t.Errorf("files are %q, want %q", names, want)
	}
	for file, want := range map[string]string{
		"p1/product.yaml": `{"id":"p1","name":"Nut","tags":["a",1],"attributes":{"x":{"y":null}},"price":1.5,"active":true,"weight":0.25,` +
			`"stock":9007199254740993,"photo":"AP8=","made":"2026-01-02","updated_at":"2026-01-02T01:04:05.5Z"}` + "\n",
		"p2/product.yaml": `{"id":"p2","name":"Bolt '2'","tags":null,"attributes":"no JSON","price":null,"active":false,"weight":null,` +
			`"stock":null,"photo":null,"made":null,"updated_at":null}` + "\n",
		"prices.csv":        `{"id":"p1","price":1.5}` + "\n" + `{"id":"p2","price":null}` + "\n",
		"currencies.ndjson": `{"code":"EUR"}` + "\n" + `{"code":"USD"}` + "\n",
	} {
		if got := rows(t, r, file); got != want {
			t.Errorf("%s is\n%s want\n%s", file, got, want)
		}
	}
	if c, _ := r.Find("p2/2-bolt.png"); string(c.Content) != "bolt" {
		t.Errorf("image is %q", c.Content)
	}
}

func TestSQLKeepsTheContract(t *testing.T) {
	db := newDB(t, schema)
	fsys, open := sectiontest.CountFS(images)
	sectiontest.Run(t, sectiontest.Suite{
		New: func(t *testing.T) export.Section {
			c := products(db)
			c.Assets[0].FS = fsys
			return newSQL(t, c)
		},
		Scope:      acme,
		OtherScope: bolt,
		Shared:     []string{"currencies.ndjson"},
		Open:       func() int { return open() + db.Stats().InUse },
		Block: func(t *testing.T) (export.Section, <-chan struct{}) {
			asked := make(chan struct{})
			telling := querier(func(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
				close(asked)
				return db.QueryContext(ctx, query, args...)
			})
			return newSQL(t, sections.SQL{Key: "endless", DB: telling, Files: []sections.RecordFile{{
				File: "endless.csv",
				SQL: "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c) " +
					"SELECT max(n) FROM c WHERE :organization_id <> ''",
			}}}), asked
		},
	})
}

func TestSQLWithoutRows(t *testing.T) {
	r, err := recorded(t, newSQL(t, products(newDB(t, schema))), empty)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := r.Find("prices.csv")
	if !ok || len(c.Records) != 0 || !slices.Equal(c.Columns, []string{"id", "price"}) {
		t.Errorf("empty file is %v, %v; want the columns", c, ok)
	}
	if n := len(r.Calls()); n != 2 {
		t.Errorf("%d files, want prices.csv and currencies.ndjson", n)
	}
}

func TestSQLOnATransaction(t *testing.T) {
	tx, err := newDB(t, schema).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(t.Context(), "DELETE FROM assets"); err != nil {
		t.Fatal(err)
	}
	if r, err := recorded(t, newSQL(t, products(tx)), acme); err != nil || len(r.Calls()) != 4 {
		t.Errorf("%d calls, %v; want 4, as the transaction sees no assets", len(r.Calls()), err)
	}
}

func TestSQLSkips(t *testing.T) {
	db := newDB(t, `CREATE TABLE things (n INTEGER, id TEXT, data TEXT, file TEXT);
		INSERT INTO things VALUES (1, 'a', '{}', 'img/nut.png'), (2, NULL, '{}', NULL), (3, 'x/y', '{}', 'img/none.png'), (4, '..', '{}', 'img'),
			(5, 'A', '{}', 'img/nut.png'), (6, 'f', 'no JSON', '../img/nut.png'), (7, 'con', '{}', 'img/bolt.png'), (8, 'h', '[]', 'img/gear.png')`)
	const query = "SELECT * FROM things WHERE :organization_id <> '' ORDER BY n"
	r, err := recorded(t, newSQL(t, sections.SQL{Key: "things", DB: db,
		Files:  []sections.RecordFile{{File: "{{.id}}.json", Each: true, JSON: []string{"data"}, SQL: query}},
		Assets: []sections.AssetFiles{{FS: images, Source: "{{.file}}", File: "{{.n}}/{{.id}}", SQL: query}},
	}), acme)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"{{.id}}.json, row 2: The name needs a value that is missing.",
		`{{.id}}.json, row 3: The name "x/y" has a slash.`,
		"A.json: The name \"A.json\" is used twice in its section (upper and lower case do not differ).",
		"con.json: The name \"con.json\" has an element that Windows reserves.",
		"{{.file}}, row 2: The name needs a value that is missing.",
		`img/none.png: The name "x/y" has a slash.`,
		"img: The file is a folder.",
		"../img/nut.png: The path of the file has .. in it, which is not allowed.",
		"img/bolt.png: The name \"7/con\" has an element that Windows reserves.",
	}
	if got := skips(r); !slices.Equal(got, want) {
		t.Errorf("skipped\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, file := range []string{"a.json", "...json", "f.json", "h.json", "1/a", "5/A", "8/h"} {
		if _, ok := r.Find(file); !ok {
			t.Errorf("%s is missing", file)
		}
	}
}

func TestSQLPartsFailApart(t *testing.T) {
	db := newDB(t, schema)
	for _, c := range []struct {
		name, query, cause string
		json               []string
	}{
		{name: "query", query: "SELECT secret FROM nowhere" + byOrganization, cause: "no such table"},
		{name: "two columns of one name", query: "SELECT id, name AS id FROM products" + byOrganization, cause: `two columns "id"`},
		{name: "JSON column that is not there", query: "SELECT id FROM products" + byOrganization, json: []string{"tags"}, cause: `no column "tags"`},
		{name: "row", query: "SELECT id, json(attributes) FROM products WHERE organization_id = :organization_id", cause: "malformed JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := products(db)
			config.Files[0] = sections.RecordFile{File: "broken.csv", SQL: c.query, JSON: c.json}
			r, err := recorded(t, newSQL(t, config), acme)
			if err == nil || !strings.Contains(err.Error(), c.cause) || !strings.Contains(err.Error(), "broken.csv") {
				t.Errorf("error is %v, want %q", err, c.cause)
			}
			if text := export.PublicText(err); text != "The data could not be read." {
				t.Errorf("public text is %q", text)
			}
			for _, file := range []string{"prices.csv", "currencies.ndjson", "p1/1-nut.png", "p2/2-bolt.png"} {
				if _, ok := r.Find(file); !ok {
					t.Errorf("%s is missing", file)
				}
			}
			broken, written := r.Find("broken.csv")
			if written != (c.name == "row") || len(broken.Records) > 1 {
				t.Errorf("file of the broken query: %v, %d records", written, len(broken.Records))
			}
		})
	}
}

func TestSQLStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	asked := 0
	db := querier(func(ctx context.Context, _ string, _ ...any) (*sql.Rows, error) {
		asked++
		cancel(io.ErrUnexpectedEOF)
		return nil, ctx.Err()
	})
	err := newSQL(t, products(db)).Export(ctx, acme, sectiontest.NewRecorder(ctx))
	if !errors.Is(err, io.ErrUnexpectedEOF) || asked != 1 {
		t.Errorf("%d queries, error is %v; want one and the cause of the context's end", asked, err)
	}
}

type querier func(ctx context.Context, query string, args ...any) (*sql.Rows, error)

func (q querier) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q(ctx, query, args...)
}

func TestSQLTemplateNeedsItsColumns(t *testing.T) {
	config := products(newDB(t, schema))
	config.Files[0].File = "{{.sku}}.yaml"
	config.Assets[0].File = "{{if .kind}}{{.id}}{{end}}"
	_, err := recorded(t, newSQL(t, config), empty) // even without a row
	for _, column := range []string{"sku", "kind"} {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("no column %q", column)) {
			t.Errorf("error is %v, want that there is no column %q", err, column)
		}
	}
}

func TestSQLErrorsOfRows(t *testing.T) {
	oops := errors.New("connection lost")
	for name, f := range map[string]*fakeDB{
		"rows":  {columns: []string{"id"}, types: []string{"TEXT"}, rows: [][]driver.Value{{"a"}}, rowsErr: oops},
		"close": {columns: []string{"id"}, types: []string{"TEXT"}, rows: [][]driver.Value{{"a"}}, closeErr: oops},
	} {
		t.Run(name, func(t *testing.T) {
			const query = "SELECT id FROM t" + byOrganization
			r, err := recorded(t, newSQL(t, sections.SQL{Key: "t", DB: f.open(t), Files: []sections.RecordFile{
				{File: "t.csv", SQL: query},
				{File: "{{.id}}.yaml", Each: true, SQL: query},
			}}), acme)
			if !errors.Is(err, oops) || strings.Count(err.Error(), oops.Error()) != 2 {
				t.Errorf("error is %v, want two of %v", err, oops)
			}
			if got := rows(t, r, "t.csv") + rows(t, r, "a.yaml"); got != `{"id":"a"}`+"\n"+`{"id":"a"}`+"\n" {
				t.Errorf("records are %s", got)
			}
		})
	}
}

func TestNewSQLReportsAllProblems(t *testing.T) {
	const query = "SELECT 1 WHERE :organization_id <> ''"
	_, err := sections.NewSQL(sections.SQL{
		Key:     "bad",
		Dialect: 7,
		Files: []sections.RecordFile{
			{File: "a.yaml", SQL: "SELECT * FROM t"},
			{File: "{{.id}}.yaml", SQL: query},
			{File: "A.yaml", SQL: query},
			{File: "../b.yaml", SQL: query},
			{File: "c.txt", SQL: query},
			{File: "{{.id.yaml", Each: true, SQL: "SELECT :org"},
			{File: "one.yaml", Each: true, SQL: query},
		},
		Assets: []sections.AssetFiles{{Source: "{{nothing}}", SQL: "SELECT $1"}},
	})
	want := []string{
		"DB is nil", "Dialect is unknown",
		"Files[0].SQL does not use :organization_id", "Files[1].File is a template", "Files[2].File is used twice",
		`Files[3].File export: name "../b.yaml"`, `Files[4].File export: name "c.txt" does not end in`, "Files[5].SQL has the unknown parameter :org",
		"Files[5].File is not a template", "Files[6].File is the same for each row", "Assets[0].FS is nil", "Assets[0].SQL has a parameter other",
		"Assets[0].Source is not a template", "Assets[0].File is empty",
	}
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(lines), len(want), err)
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, "sections: bad: "+want[i]) {
			t.Errorf("problem %d is %q, want %q", i, line, want[i])
		}
	}
	var field *sections.FieldError
	if !errors.As(err, &field) || field.Field != "DB" || field.Key != "bad" {
		t.Errorf("first problem is %+v", field)
	}
	if _, err := sections.NewSQL(sections.SQL{Key: "none", DB: &sql.DB{}}); err == nil || !strings.Contains(err.Error(), "are empty") {
		t.Errorf("a section of nothing: %v", err)
	}
}
