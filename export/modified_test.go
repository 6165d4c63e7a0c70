package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// Files keep their own time if the section asks for it and the archive can say it.
func TestBinaryModified(t *testing.T) {
	own := time.Date(2020, 2, 3, 4, 5, 6, 789, time.FixedZone("", 3600))
	s := sections.New("files", func(_ context.Context, _ export.Scope, sink export.Sink) error {
		var errs []error
		for name, modified := range map[string]time.Time{"own": own, "zero": {}, "early": time.Unix(0, 0), "late": time.Date(2108, 1, 2, 0, 0, 0, 0, time.UTC)} {
			errs = append(errs, export.BinaryModified(sink, name, strings.NewReader(name), modified))
		}
		return errors.Join(append(errs, sink.Binary("plain", strings.NewReader("plain")))...)
	})
	e, err := export.New(export.Config{Sections: []export.Section{s}})
	if err != nil {
		t.Fatal(err)
	}
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	if _, err := e.Export(t.Context(), export.Request{Organization: export.Organization{ID: "a"}, JobID: export.NewID(), AsOf: asOf, Format: archive.Zip()}, &out); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		want := asOf
		if strings.HasSuffix(f.Name, "/own") {
			want = own.Truncate(time.Second)
		}
		if !f.Modified.Equal(want) {
			t.Errorf("%s is of %v, want %v", f.Name, f.Modified, want)
		}
	}
	if len(z.File) != 7 {
		t.Errorf("%d files", len(z.File))
	}
}
