package wire_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/demo"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/wire"
)

// A changed configuration file makes the parts again that its change is about, and no others.
func TestChangedFileMakesPartsAgain(t *testing.T) {
	folder := t.TempDir()
	file, err := demo.Config(t.Context(), folder, config.Starter())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spool := new(exporttest.MemSpool)
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	r := export.Request{
		Organization: export.Organization{ID: demo.OrganizationID(), Slug: "acme-foods"},
		JobID:        export.RunJobID(demo.OrganizationID(), asOf),
		AsOf:         asOf,
		Format:       archive.Zip(),
	}
	open := func(text string) *export.Engine {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		s, err := wire.Open(c, spool, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Engine
	}
	first := open(string(text))
	for _, key := range first.Keys() {
		sealed := r
		sealed.Sections = []string{key}
		if err := first.Seal(t.Context(), sealed, func(context.Context, export.PartID, export.SectionResult) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	scratch := filepath.Join(folder, "scratch")
	if err := os.Mkdir(scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(string) string
		again  []string
	}{
		"nothing":  {func(s string) string { return s }, nil},
		"comments": {func(s string) string { return "# nothing\n" + s + "\nconcurrency: 1\nscratch: " + scratch + "\n" }, nil},
		"csv":      {func(s string) string { return s + "\ncsv: {delimiter: semicolon}\n" }, first.Keys()},
		"a query":  {func(s string) string { return strings.Replace(s, "FROM members", "FROM  members", 1) }, []string{"members"}},
	} {
		e := open(c.change(string(text)))
		var again []string
		for _, key := range e.Keys() {
			err := e.CheckPart(t.Context(), r, export.PartID{JobID: r.JobID, Section: key})
			if part := (*export.PartError)(nil); errors.As(err, &part) {
				again = append(again, key)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if strings.Join(again, " ") != strings.Join(c.again, " ") {
			t.Errorf("%s: made again is %q, want %q", name, again, c.again)
		}
	}
}
