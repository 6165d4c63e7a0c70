package sections_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"testing/fstest"

	_ "modernc.org/sqlite"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// show runs a section as the engine would and prints what it wrote.
func show(section export.Section) {
	ctx := context.Background()
	sink := sectiontest.NewRecorder(ctx)
	err := section.Export(ctx, export.Scope{Organization: export.Organization{ID: "aQUEktNMu3Fe65ax6FSWEb"}}, sink)
	if err != nil {
		fmt.Println("error:", err)
	}
	for _, call := range sink.Calls() {
		fmt.Println(call.Op, call.Name)
		for _, value := range call.Records {
			fmt.Printf("  %s\n", value)
		}
	}
}

type product struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Image string `json:"image"`
}

// storedProducts stands for where your data is.
func storedProducts(_ context.Context, organization string) iter.Seq2[product, error] {
	return func(yield func(product, error) bool) {
		_ = yield(product{ID: "p1", Name: "Nut of " + organization, Image: "img/nut.png"}, nil) &&
			yield(product{ID: "p2", Name: "Bolt", Image: "img/bolt.png"}, nil)
	}
}

func ExampleNew() {
	var images fs.FS = fstest.MapFS{"img/nut.png": {Data: []byte("...")}}

	section := sections.New("products", func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		for p, err := range storedProducts(ctx, scope.Organization.ID) {
			if err != nil {
				return err
			}
			if err := sink.Record(p.ID+"/product.yaml", p); err != nil {
				return err
			}
			image := sections.File{Source: p.Image, Name: p.ID + "/" + path.Base(p.Image)}
			if err := sections.CopyFile(ctx, sink, images, image); err != nil {
				return err
			}
		}
		return nil
	})

	show(section)
	// Output:
	// record p1/product.yaml
	//   {"id":"p1","name":"Nut of aQUEktNMu3Fe65ax6FSWEb","image":"img/nut.png"}
	// binary p1/nut.png
	// record p2/product.yaml
	//   {"id":"p2","name":"Bolt","image":"img/bolt.png"}
	// skip img/bolt.png
}

func ExampleFromSeq() {
	section := sections.FromSeq("products", "products.csv", func(ctx context.Context, scope export.Scope) iter.Seq2[product, error] {
		return storedProducts(ctx, scope.Organization.ID)
	})

	show(section)
	// Output:
	// records products.csv
	//   {"id":"p1","name":"Nut of aQUEktNMu3Fe65ax6FSWEb","image":"img/nut.png"}
	//   {"id":"p2","name":"Bolt","image":"img/bolt.png"}
}

func ExampleFromFiles() {
	var contracts fs.FS = fstest.MapFS{"aQUEktNMu3Fe65ax6FSWEb/2026.pdf": {Data: []byte("...")}}

	section := sections.FromFiles("contracts", contracts, func(_ context.Context, scope export.Scope) iter.Seq2[sections.File, error] {
		return func(yield func(sections.File, error) bool) {
			names, err := fs.Glob(contracts, scope.Organization.ID+"/*")
			if err != nil {
				yield(sections.File{}, err)
				return
			}
			for _, name := range names {
				if !yield(sections.File{Source: name, Name: path.Base(name)}, nil) {
					return
				}
			}
		}
	})

	show(section)
	// Output:
	// binary 2026.pdf
}

func ExampleNewSQL() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection has a memory of its own
	_, err = db.ExecContext(context.Background(), `
		CREATE TABLE products (id TEXT, organization_id TEXT, name TEXT, tags TEXT, price DECIMAL, image TEXT);
		INSERT INTO products VALUES ('p1', 'aQUEktNMu3Fe65ax6FSWEb', 'Nut', '["steel"]', 1.5, 'img/nut.png')`)
	if err != nil {
		fmt.Println(err)
		return
	}
	var images fs.FS = fstest.MapFS{"img/nut.png": {Data: []byte("...")}}

	const where = " FROM products WHERE organization_id = :organization_id ORDER BY id"
	section, err := sections.NewSQL(sections.SQL{
		Key: "products",
		DB:  db,
		Files: []sections.RecordFile{
			{File: "{{.id}}/product.yaml", Each: true, JSON: []string{"tags"}, SQL: "SELECT id, name, tags" + where},
			{File: "prices.csv", SQL: "SELECT id, price" + where},
		},
		Assets: []sections.AssetFiles{
			{FS: images, Source: "{{.image}}", File: "{{.id}}/{{base .image}}", SQL: "SELECT id, image" + where},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	show(section)
	// Output:
	// record p1/product.yaml
	//   {"id":"p1","name":"Nut","tags":["steel"]}
	// records prices.csv
	//   {"id":"p1","price":1.5}
	// binary p1/nut.png
}
