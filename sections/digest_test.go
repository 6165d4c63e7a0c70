package sections_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// named is a Source, and files, that have a digest.
type named struct {
	sections.Source
	fs.FS
	name string
}

func (n named) Digest() string { return n.name }

// distant is a Files that has a digest.
type distant string

func (distant) Session() func(context.Context, string) (export.Content, error) { return nil }
func (d distant) Digest() string                                               { return string(d) }

// digestedSQL has a value in each field of its sections.
func digestedSQL(t *testing.T) sections.SQL {
	t.Helper()
	return sections.SQL{
		Key:     "products",
		Source:  named{name: "app.db"},
		Dialect: sections.SQLite,
		Scratch: t.TempDir(),
		Files: []sections.RecordFile{
			{File: "all.csv", SQL: "SELECT * FROM products" + byOrganization, JSON: []string{"tags"}},
			{File: "{{.id}}.yaml", Each: true, SQL: "SELECT * FROM products ORDER BY id", Shared: true},
		},
		Assets: []sections.AssetFiles{
			{FS: named{name: "uploads"}, Folder: "{{.organization_id}}", Source: "{{.file}}", File: "{{.id}}", SQL: "SELECT * FROM assets" + byOrganization},
		},
	}
}

// digestOf returns the digest of a section, which is a SHA-256 in hexadecimal.
func digestOf(t *testing.T, c sections.SQL) string {
	t.Helper()
	made, err := sections.NewSQL(c)
	if err != nil {
		t.Fatal(err)
	}
	d := export.DigestOf(made)
	if len(d) != 64 || strings.Trim(d, "0123456789abcdef") != "" {
		t.Errorf("the digest is %q", d)
	}
	return d
}

func TestDigestChangesWithTheSection(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	seen := map[string]string{digestOf(t, digestedSQL(t)): "the first"}
	for name, change := range map[string]func(*sections.SQL){
		"Source":          func(c *sections.SQL) { c.Source = named{name: "other.db"} },
		"DB":              func(c *sections.SQL) { c.Source, c.DB = nil, new(sql.DB) },
		"Dialect":         func(c *sections.SQL) { c.Dialect = sections.Postgres },
		"Rename":          func(c *sections.SQL) { c.Rename = true },
		"Shards":          func(c *sections.SQL) { c.Shards, c.ShardKey = 2, "id" },
		"Shards, more":    func(c *sections.SQL) { c.Shards, c.ShardKey = 3, "id" },
		"ShardKey":        func(c *sections.SQL) { c.ShardKey = "id" },
		"ShardKey, other": func(c *sections.SQL) { c.ShardKey = "nr" },
		"Files.ShardKey":  func(c *sections.SQL) { c.Files[0].ShardKey = "id" },
		"Files.Whole":     func(c *sections.SQL) { c.Files[0].Whole = true },
		"Assets.ShardKey": func(c *sections.SQL) { c.Assets[0].ShardKey = "id" },
		"Assets.Whole":    func(c *sections.SQL) { c.Assets[0].Whole = true },
		"Files.File":      func(c *sections.SQL) { c.Files[0].File = "all.json" },
		"Files.SQL":       func(c *sections.SQL) { c.Files[0].SQL = "SELECT id FROM products" + byOrganization },
		"Files.parameter": func(c *sections.SQL) {
			c.Files[0].SQL = "SELECT * FROM products WHERE organization_id = :organization_uuid"
		},
		"Files.JSON":      func(c *sections.SQL) { c.Files[0].JSON = nil },
		"Files.Each":      func(c *sections.SQL) { c.Files[0].File, c.Files[0].Each = "{{.id}}.csv", true },
		"Files.Shared":    func(c *sections.SQL) { c.Files[0].Shared = true },
		"Files, fewer":    func(c *sections.SQL) { c.Files = c.Files[:1] },
		"Files, order":    func(c *sections.SQL) { c.Files[0], c.Files[1] = c.Files[1], c.Files[0] },
		"Assets.FS":       func(c *sections.SQL) { c.Assets[0].FS = named{name: "uploads2"} },
		"Assets.FS, type": func(c *sections.SQL) { c.Assets[0].FS = fstest.MapFS{} },
		"Assets.FS, root": func(c *sections.SQL) { c.Assets[0].FS = sections.RootFS(root) },
		"Assets.From":     func(c *sections.SQL) { c.Assets[0].FS, c.Assets[0].Folder, c.Assets[0].From = nil, "", distant("cdn") },
		"Assets.From, other": func(c *sections.SQL) {
			c.Assets[0].FS, c.Assets[0].Folder, c.Assets[0].From = nil, "", distant("cdn2")
		},
		"Assets.Folder": func(c *sections.SQL) { c.Assets[0].Folder = "{{.organization_slug}}" },
		"Assets.Source": func(c *sections.SQL) { c.Assets[0].Source = "img/{{.file}}" },
		"Assets.File":   func(c *sections.SQL) { c.Assets[0].File = "img/{{.id}}" },
		"Assets.SQL":    func(c *sections.SQL) { c.Assets[0].SQL += " DESC" },
		"Assets.Shared": func(c *sections.SQL) { c.Assets[0].Shared = true },
		"Assets.All": func(c *sections.SQL) {
			c.Assets[0] = sections.AssetFiles{FS: named{name: "uploads"}, Folder: "{{.organization_id}}", All: true}
		},
		"Assets.KeepTime": func(c *sections.SQL) { c.Assets[0].KeepTime = true },
		"Assets, more":    func(c *sections.SQL) { c.Assets = append(c.Assets, c.Assets[0]) },
	} {
		c := digestedSQL(t)
		change(&c)
		d := digestOf(t, c)
		if other, ok := seen[d]; ok {
			t.Errorf("%s has the same digest as %s", name, other)
		}
		seen[d] = name
	}
	fields := reflect.TypeFor[sections.RecordFile]().NumField() + reflect.TypeFor[sections.AssetFiles]().NumField() + reflect.TypeFor[sections.SQL]().NumField()
	if fields != 7+12+10 { // Scratch and Assets.Ahead are not
		t.Errorf("there are %d fields: is the new one in the digest?", fields)
	}
}

func TestDigestOfFilesAndRecords(t *testing.T) {
	list := func(context.Context, export.Scope) iter.Seq2[sections.File, error] { return nil }
	values := func(context.Context, export.Scope) iter.Seq2[int, error] { return nil }
	digest := func(s export.Section) string { return export.DigestOf(s) }
	if a, b := digest(sections.FromFiles("a", named{name: "a"}, list)), digest(sections.FromFiles("a", named{name: "b"}, list)); a == b {
		t.Errorf("files of two folders have the digest %s", a)
	}
	if a, b := digest(sections.FromSeq("a", "a.csv", values)), digest(sections.FromSeq("a", "a.json", values)); a == b {
		t.Errorf("two encodings have the digest %s", a)
	}
}

// The digest has nothing of addresses in memory, the order of a map or a temporary folder: a
// process of the same configuration has the same.
func TestDigestOfAnotherProcess(t *testing.T) {
	const variable = "ORGEXPORT_PRINT_DIGEST"
	c := digestedSQL(t)
	c.Source, c.DB = nil, newDB(t)
	c.Assets[0].FS = fstest.MapFS{"a": {Data: []byte("a")}, "b": {}, "c": {}}
	own := digestOf(t, c)
	if os.Getenv(variable) != "" {
		fmt.Println("digest", own)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "digest "+own+"\n") {
		t.Errorf("another process has another digest than %s (%v): %s", own, err, out)
	}
}
