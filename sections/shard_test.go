package sections_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// split returns the ranges of a section.
func split(t *testing.T, s export.Section, scope export.Scope) []string {
	t.Helper()
	ranges, err := s.(export.Splitter).Split(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return ranges
}

// splitProducts is a section of all kinds of parts, which has shards.
func splitProducts(db sections.Querier) sections.SQL {
	c := products(db)
	c.Shards, c.ShardKey = 2, "id"
	c.Files[2].ShardKey = "code"
	c.Files = append(c.Files, sections.RecordFile{File: "names.csv", SQL: "SELECT name FROM products" + byOrganization + " DESC;", Whole: true})
	c.Assets = append(c.Assets, sections.AssetFiles{FS: images, Folder: "{{.organization_id}}", All: true, File: "all"})
	return c
}

func TestSplitSectionPromises(t *testing.T) {
	db := newDB(t, schema)
	sectiontest.Run(t, sectiontest.Suite{
		New: func(t *testing.T) export.Section {
			s := newSQL(t, splitProducts(db))
			if n := len(split(t, s, acme)); n != 2 {
				t.Errorf("there are %d shards", n)
			}
			return s
		},
		Scope:      acme,
		OtherScope: bolt,
		Shared:     []string{"currencies.ndjson"},
		Open:       func() int { return db.Stats().InUse },
	})
}

// A shard has its part of each query, the columns of all files of records, and the first one has
// what is not split.
func TestShards(t *testing.T) {
	s := newSQL(t, splitProducts(newDB(t, schema)))
	scope := acme
	var files [][]string
	for _, scope.Range = range split(t, s, acme) {
		r, err := recorded(t, s, scope)
		if err != nil {
			t.Fatal(err)
		}
		var shard []string
		for _, c := range r.Calls() {
			shard = append(shard, fmt.Sprint(c.Op, " ", c.Name, " ", len(c.Records)))
		}
		files = append(files, shard)
	}
	want := [][]string{
		{"record p1/product.yaml 1", "records prices.csv 1", "records currencies.ndjson 1", "records names.csv 2", "binary p1/1-nut.png 0"},
		{"record p2/product.yaml 1", "records prices.csv 1", "records currencies.ndjson 1", "binary p2/2-bolt.png 0"},
	}
	for i := range want {
		if i >= len(files) || !slices.Equal(files[i], want[i]) {
			t.Fatalf("shards have\n%q want\n%q", files, want)
		}
	}
}

// Without rows, or with one, there are no shards, and with Shards of 1 there never are. The rows
// are in the order of the key all the same.
func TestNoShards(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (o, k)", "INSERT INTO t VALUES ('aQUEktNMu3Fe65ax6FSWEb', 3), ('aQUEktNMu3Fe65ax6FSWEb', 1), ('aQUEktNMu3Fe65ax6FSWEb', 2), ('bQUEktNMu3Fe65ax6FSWEb', 1)")
	for _, c := range []struct {
		shards int
		scope  export.Scope
		want   int
	}{{8, acme, 3}, {2, acme, 2}, {1, acme, 0}, {0, acme, 0}, {8, bolt, 0}, {8, empty, 0}} {
		s := newSQL(t, sections.SQL{Key: "t", DB: db, Shards: c.shards, ShardKey: "k", Files: []sections.RecordFile{
			{File: "t.ndjson", SQL: "SELECT k FROM t WHERE o = :organization_id ORDER BY k DESC"},
		}})
		if ranges := split(t, s, c.scope); len(ranges) != c.want {
			t.Errorf("%d shards are %d", c.shards, len(ranges))
		}
		r, err := recorded(t, s, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, r, "t.ndjson"); c.scope.Organization.ID == acme.Organization.ID && got != "{\"k\":1}\n{\"k\":2}\n{\"k\":3}\n" {
			t.Errorf("%d shards, as a whole: %s", c.shards, got)
		}
		scope := c.scope
		for _, scope.Range = range []string{"x", "{}", `{"version":1,"section":"","pieces":[{}]}`} {
			if r, err := recorded(t, s, scope); err == nil || len(r.Calls()) > 0 || strings.Contains(err.Error(), "version") {
				t.Errorf("the range %s gives %v, %v", scope.Range, r.Calls(), err)
			}
		}
	}
}

// A range of one section is none of another.
func TestRangeOfAnotherSection(t *testing.T) {
	db := newDB(t, schema)
	scope := acme
	scope.Range = split(t, newSQL(t, splitProducts(db)), acme)[0]
	for name, change := range map[string]func(*sections.SQL){
		"another key":       func(c *sections.SQL) { c.ShardKey = "name"; c.Files[0].ShardKey = "id" },
		"another number":    func(c *sections.SQL) { c.Shards = 3 },
		"no shards":         func(c *sections.SQL) { c.Shards = 0 },
		"one file less":     func(c *sections.SQL) { c.Files = c.Files[1:] },
		"another statement": func(c *sections.SQL) { c.Files[1].SQL = "SELECT id FROM products" + byOrganization },
	} {
		c := splitProducts(db)
		change(&c)
		if r, err := recorded(t, newSQL(t, c), scope); err == nil || len(r.Calls()) > 0 {
			t.Errorf("%s: %v, %v", name, r.Calls(), err)
		}
	}
	if _, err := recorded(t, newSQL(t, splitProducts(db)), scope); err != nil {
		t.Error(err)
	}
}

func TestShardsThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*sections.SQL)
		want   string
	}{
		"negative":         {func(c *sections.SQL) { c.Shards = -1 }, "Shards is negative, or more than 64"},
		"too many":         {func(c *sections.SQL) { c.Shards = 65 }, "Shards is negative, or more than 64"},
		"no key":           {func(c *sections.SQL) { c.ShardKey = "" }, "Files[0].ShardKey is empty"},
		"no key of assets": {func(c *sections.SQL) { c.ShardKey = ""; c.Files = nil }, "Assets[0].ShardKey is empty"},
		"key and whole":    {func(c *sections.SQL) { c.Files[3].ShardKey = "id" }, "Files[3].ShardKey is set, but"},
		"key of all files": {func(c *sections.SQL) { c.Assets[1].ShardKey = "id" }, "Assets[1].ShardKey is set, but"},
		"brackets":         {func(c *sections.SQL) { c.Files[0].SQL = "SELECT 1 AS id) AS a, (SELECT :organization_id" }, "Files[0].SQL has brackets"},
		"open bracket":     {func(c *sections.SQL) { c.Files[0].SQL = "SELECT (1 AS id WHERE :organization_id" }, "Files[0].SQL has brackets"},
	} {
		config := splitProducts(new(sql.DB))
		c.change(&config)
		_, err := sections.NewSQL(config)
		field, ok := errors.AsType[*sections.FieldError](err)
		if !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, err, field)
		}
	}
}

// Queries end as people end them, and columns are named as they name them.
func TestShardsOfAnyQuery(t *testing.T) {
	db := newDB(t, `CREATE TABLE t (k INT, "it""s" TEXT, b BOOLEAN, j JSON)`, `INSERT INTO t VALUES (1, 'b', 1, '{}'), (2, 'a', 0, '[1]'), (NULL, 'c', NULL, NULL)`)
	for query, key := range map[string]string{
		"SELECT * FROM t":                     "k",
		"SELECT * FROM t;":                    "k",
		"SELECT * FROM t ; ; -- all":          "k",
		"SELECT * FROM t -- all":              "k",
		"SELECT * FROM t /* all */":           "k",
		"SELECT * FROM t ORDER BY b LIMIT 99": `it"s`,
		"WITH u AS (SELECT * FROM t) SELECT * FROM u ORDER BY 1 DESC;":                              "k",
		`SELECT k, "it""s", b, j FROM t UNION ALL SELECT * FROM t WHERE 1 = 0`:                      "k",
		`SELECT k AS q, "it""s" AS ";", b AS "--", j AS '''' FROM t WHERE ';)' <> :organization_id`: "q",
		"VALUES (1, 2), (2, 3), (3, 4)":                                                             "column1",
	} {
		config := sections.SQL{Key: "t", DB: db, Shards: 2, ShardKey: key, Files: []sections.RecordFile{{File: "t.ndjson", SQL: query, Shared: true}}}
		plain := config
		plain.Shards, plain.ShardKey = 0, ""
		s := newSQL(t, config)
		ranges := split(t, s, acme)
		var got []string
		scope := acme
		for _, scope.Range = range ranges {
			r, err := recorded(t, s, scope)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			got = append(got, strings.SplitAfter(rows(t, r, "t.ndjson"), "\n")...)
		}
		r, err := recorded(t, newSQL(t, plain), acme)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		want := strings.SplitAfter(rows(t, r, "t.ndjson"), "\n")
		got = slices.DeleteFunc(got, func(s string) bool { return s == "" })
		want = slices.DeleteFunc(want, func(s string) bool { return s == "" })
		slices.Sort(got)
		slices.Sort(want)
		if len(ranges) != 2 || !slices.Equal(got, want) {
			t.Errorf("%s: %d shards have %q, want %q", query, len(ranges), got, want)
		}
	}
}

// What a database says of borders is in no text that is logged.
func TestBordersAreInNoLog(t *testing.T) {
	db := newDB(t, "CREATE TABLE t (k TEXT)", "INSERT INTO t VALUES ('secret 1'), ('secret 2'), ('secret 3')")
	s := newSQL(t, sections.SQL{Key: "t", DB: db, Shards: 3, ShardKey: "k", Files: []sections.RecordFile{{File: "t.ndjson", SQL: "SELECT k FROM t", Shared: true}}})
	scope := acme
	scope.Range = split(t, s, acme)[1]
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE t RENAME TO u"); err != nil {
		t.Fatal(err)
	}
	_, err := recorded(t, s, scope)
	if err == nil || strings.Contains(err.Error()+export.LogText(err)+export.PublicText(err), "secret") {
		t.Errorf("the error is %v", err)
	}
	if _, err := s.(export.Splitter).Split(t.Context(), acme); err == nil || export.PublicText(err) != "The data could not be read." {
		t.Errorf("Split gives %v", err)
	}
}

// A source that says nothing of its plans is of no known size.
func TestEstimateOfUnknownSize(t *testing.T) {
	s := newSQL(t, splitProducts(newDB(t, schema)))
	if bytes, err := s.(export.Estimator).Estimate(t.Context(), acme); bytes != 0 || err != nil {
		t.Errorf("the estimate is %d, %v", bytes, err)
	}
	scope := acme
	scope.Range = "x"
	if _, err := s.(export.Estimator).Estimate(t.Context(), scope); err == nil {
		t.Error("there is an estimate of no range")
	}
}
