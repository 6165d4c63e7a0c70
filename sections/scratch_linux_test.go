package sections_test

import (
	"database/sql/driver"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections"
)

// scratchSize is how many bytes this process has in temporary files of a folder, those without
// a name included.
func scratchSize(t *testing.T, folder string) (size int64) {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		path := filepath.Join("/proc/self/fd", fd.Name())
		to, err := os.Readlink(path)
		if err != nil || !strings.HasPrefix(to, folder+"/") {
			continue // it may be closed by now
		}
		if info, err := os.Stat(path); err == nil {
			size += info.Size()
		}
	}
	return size
}

// watchedFS calls a function whenever a file is looked at or opened.
type watchedFS struct {
	fstest.MapFS
	watch func()
}

func (f watchedFS) Stat(name string) (fs.FileInfo, error) { f.watch(); return f.MapFS.Stat(name) }

func (f watchedFS) Open(name string) (fs.File, error) { f.watch(); return f.MapFS.Open(name) }

// However many rows an organization has, and whatever is in them, its export's temporary files
// stay within a few times the section's limit, at every file and at the end; and so does the
// section.
func TestHostileRowsFillNoDisk(t *testing.T) {
	const limit, rows = 256 << 10, 10_000
	long := strings.Repeat("x", 1800)
	for _, c := range []struct {
		name         string
		source, file string
		rename       bool
	}{
		{"names too long", "there", long, false},
		{"sources and names too long", long, long, false},
		{"renamed", "there", long, true},
		{"missing files", "gone", "a", false},
		{"forbidden names", "there", "a:b", false},
		{"values with slashes", "there", long + "/a", false},
		{"no sources", "", "a", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeDB{columns: []string{"source", "file"}, types: []string{"TEXT", "TEXT"}}
			values := []driver.Value{c.source, c.file}
			if c.source == "" {
				values[0] = nil
			}
			for range rows {
				f.rows = append(f.rows, values)
			}
			scratch := t.TempDir()
			var most int64
			calls := 0
			watch := func() {
				if calls++; calls%50 == 1 {
					most = max(most, scratchSize(t, scratch))
				}
			}
			fsys := watchedFS{fstest.MapFS{"there": {Data: []byte("a")}}, watch}
			s := newSQL(t, sections.SQL{Key: "s", DB: f.open(t), Scratch: scratch, Assets: []sections.AssetFiles{
				{FS: fsys, Source: "{{.source}}", File: "{{.file}}", SQL: "SELECT source, file FROM t", Shared: true},
			}})
			e, err := export.New(export.Config{
				Sections:     []export.Section{s},
				Options:      map[string]export.SectionOptions{"s": {MaxBytes: limit, Rename: c.rename}},
				Scratch:      scratch,
				MinFreeBytes: -1,
				Logger:       slog.New(slog.DiscardHandler),
			})
			if err != nil {
				t.Fatal(err)
			}
			asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
			result, err := e.Export(t.Context(), export.Request{
				Organization: acme.Organization, JobID: export.RunJobID(acme.Organization.ID, asOf), AsOf: asOf, Format: archive.Zip(),
				Observe: func(event export.Event) {
					if event.Kind == export.SectionFinished { // its part is sealed, and its lists are still there
						most = max(most, scratchSize(t, scratch))
					}
				},
			}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Sections[0]; !strings.HasPrefix(got.Error, "The section is larger than the limit of 262144 bytes.") {
				t.Errorf("got %+v", got)
			}
			if most > 4*limit {
				t.Errorf("%d bytes in temporary files, with a limit of %d", most, limit)
			}
		})
	}
}
