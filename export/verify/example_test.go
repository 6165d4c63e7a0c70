package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

// notes is a section with one file.
type notes struct{}

func (notes) Key() string { return "notes" }

func (notes) Export(_ context.Context, _ export.Scope, sink export.Sink) error {
	return sink.Binary("hello.txt", strings.NewReader("hello"))
}

// exported returns an archive.
func exported() ([]byte, error) {
	engine, err := export.New(export.Config{Sections: []export.Section{notes{}}})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	_, err = engine.Export(context.Background(), export.Request{
		Organization: export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods"},
		JobID:        "4YbKuQDLmYzpHhnYVTPTDf",
		AsOf:         time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC),
		Format:       archive.TarGz(),
	}, &b)
	return b.Bytes(), err
}

// An archive is whole, and its last bytes are cut off then.
func ExampleVerify() {
	b, err := exported()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range [][]byte{b, b[:len(b)-10]} {
		report, err := verify.Verify(context.Background(), archive.TarGz(), bytes.NewReader(b), verify.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("whole:", report.Whole())
		for _, finding := range report.Findings {
			fmt.Println(finding.Kind)
		}
	}
	// Output:
	// whole: true
	// whole: false
	// damaged
}
