package export_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/record"
)

// digested is a section with a digest.
type digested struct {
	export.Section
	digest string
}

func (d digested) Digest() string { return d.digest }

func TestPartsOfAnotherConfigurationAreMadeAgain(t *testing.T) {
	for _, c := range []struct {
		name   string
		again  bool
		change func(*export.Config, *export.Request)
	}{
		{"nothing", false, func(*export.Config, *export.Request) {}},
		{"the job", false, func(_ *export.Config, r *export.Request) { r.JobID, r.Attempt = "2222222222222222222222", 7 }},
		{"defaults that are written down", false, func(c *export.Config, _ *export.Request) {
			c.Prefix, c.Level, c.CSV.Delimiter, c.MaxSectionBytes = "export", 6, ',', 64<<30
		}},
		{"what changes no byte", false, func(c *export.Config, _ *export.Request) {
			c.Concurrency, c.Pool, c.Scratch, c.SectionTimeout, c.MaxArchiveBytes = 1, archive.NewPool(1), t.TempDir(), time.Minute, 1<<20
		}},
		{"another section", false, func(c *export.Config, _ *export.Request) {
			c.Sections = append(c.Sections, fine("b"))
			c.Options = map[string]export.SectionOptions{"b": {Rename: true}, "a": {Required: true}}
		}},
		{"the section", true, func(c *export.Config, _ *export.Request) {
			c.Sections = []export.Section{digested{fine("a"), "SELECT 2"}}
		}},
		{"a section without a digest", true, func(c *export.Config, _ *export.Request) {
			c.Sections = []export.Section{fine("a")}
		}},
		{"Prefix", true, func(c *export.Config, _ *export.Request) { c.Prefix = "closient-export" }},
		{"Level", true, func(c *export.Config, _ *export.Request) { c.Level = 9 }},
		{"RawCSV", true, func(c *export.Config, _ *export.Request) { c.RawCSV = true }},
		{"CSV.Delimiter", true, func(c *export.Config, _ *export.Request) { c.CSV = record.CSVForm{Delimiter: ';'} }},
		{"CSV.BOM", true, func(c *export.Config, _ *export.Request) { c.CSV = record.CSVForm{BOM: true} }},
		{"CSV.LineFeed", true, func(c *export.Config, _ *export.Request) { c.CSV = record.CSVForm{LineFeed: true} }},
		{"Rename", true, func(c *export.Config, _ *export.Request) {
			c.Options = map[string]export.SectionOptions{"a": {Rename: true}}
		}},
		{"the format", true, func(_ *export.Config, r *export.Request) { r.Format = archive.TarGz() }},
		{"AsOf", true, func(_ *export.Config, r *export.Request) { r.AsOf = r.AsOf.Add(time.Second) }},
		{"the organization", true, func(_ *export.Config, r *export.Request) { r.Organization.ID = "2222222222222222222222" }},
		{"its slug", true, func(_ *export.Config, r *export.Request) { r.Organization.Slug = "acme" }},
		{"its name", true, func(_ *export.Config, r *export.Request) { r.Organization.Name = "Acme" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			spool := new(exporttest.MemSpool)
			made := engine(t, func(c *export.Config) { c.Spool = spool }, digested{fine("a"), "SELECT 1"})
			r := request()
			kittest.Seal(t, made, r, "a")
			id := export.PartID{JobID: r.JobID, Section: "a"}
			e := engine(t, func(config *export.Config) {
				c.change(config, &r)
				config.Spool = spool
			}, digested{fine("a"), "SELECT 1"})
			r.Sections, r.Parts = []string{"a"}, []export.PartID{id}
			_, joined := e.Join(t.Context(), r, io.Discard)
			for call, err := range map[string]error{"CheckPart": e.CheckPart(t.Context(), r, id), "Join": joined} {
				var part *export.PartError
				if again := errors.As(err, &part) && part.Part == id && errors.Is(err, archive.ErrPart); again != c.again || !again && err != nil {
					t.Errorf("%s gives %v, want the part made again: %v", call, err, c.again)
				}
			}
		})
	}
}

// What is refused is made again by the same call that makes a part for the first time, and
// then has the bytes of a new export.
func TestRefusedPartIsReplaced(t *testing.T) {
	spool := new(exporttest.MemSpool)
	r := request()
	kittest.Seal(t, engine(t, func(c *export.Config) { c.Spool = spool }, fine("a")), r, "a")
	e := engine(t, func(c *export.Config) { c.Spool, c.Prefix = spool, "acme" }, fine("a"))
	kittest.Seal(t, e, r, "a")
	var joined, whole bytes.Buffer
	if _, err := e.Join(t.Context(), r, &joined); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Export(context.WithoutCancel(t.Context()), r, &whole); err != nil || !bytes.Equal(joined.Bytes(), whole.Bytes()) {
		t.Errorf("joined, the archive has other bytes than at once (%v)", err)
	}
}
