package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
)

// products is a section with assets.
type products struct{}

func (products) Key() string { return "products" }

func (products) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	tea := struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}{"tea", "Green tea"}
	if err := sink.Record("tea/product.yaml", tea); err != nil {
		return err
	}
	if err := sink.Binary("tea/label.txt", strings.NewReader("Steep for two minutes.")); err != nil {
		return err
	}
	sink.Skip("coffee", export.WithPublic(fmt.Errorf("http 502"), "The shop did not answer."))
	return nil
}

func Example() {
	engine, err := export.New(export.Config{Sections: []export.Section{products{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	acme := export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
	var out bytes.Buffer
	result, err := engine.Export(context.Background(), export.Request{
		Organization: acme,
		JobID:        export.RunJobID(acme.ID, asOf),
		AsOf:         asOf,
		Format:       archive.Zip(),
	}, &out)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(result.Filename)
	for _, s := range result.Sections {
		fmt.Printf("%s: %s, %d records, %d binaries. %s\n", s.Key, s.Status, s.Records, s.Binaries, s.Error)
	}
	files, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range files.File {
		fmt.Println(f.Name)
	}
	// Output:
	// export-acme-foods-20260626-210000.zip
	// products: partial, 1 records, 1 binaries. 1 item was skipped; it is listed in products/_skipped.ndjson.
	// export-acme-foods-20260626-210000/products/tea/product.yaml
	// export-acme-foods-20260626-210000/products/tea/label.txt
	// export-acme-foods-20260626-210000/products/_skipped.ndjson
	// export-acme-foods-20260626-210000/manifest.yaml
	// export-acme-foods-20260626-210000/SHA256SUMS
}

func ExampleRecords() {
	type product struct {
		Name string `json:"name"`
	}
	all := func(yield func(product, error) bool) {
		_ = yield(product{"Tea"}, nil) && yield(product{"Coffee"}, nil)
	}
	section := writes("products", func(sink export.Sink) error {
		return sink.Records("products.csv", export.Records(all))
	})
	fmt.Println(section.Key())
	// Output: products
}
