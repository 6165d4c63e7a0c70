package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/verify"
)

func TestWhole(t *testing.T) {
	for _, f := range formats {
		for _, b := range [][]byte{small(t, f), large(t, f)} {
			for _, src := range []io.Reader{bytes.NewReader(b), iotest.HalfReader(bytes.NewReader(b))} {
				r := checkWith(t, f, src, archive.ReadOptions{Scratch: t.TempDir()})
				if !r.Whole() {
					t.Fatalf("%s: %+v", f.Name(), r.Findings)
				}
				if r.Format != f.Name() || r.Folder != top || r.Manifest.Organization.Slug != "acme-foods" || len(r.Manifest.Sections) < 3 || r.Signed {
					t.Errorf("report is %+v", r)
				}
				if r.Files < 10 || r.Bytes < 1000 {
					t.Errorf("%d files, %d bytes", r.Files, r.Bytes)
				}
			}
		}
	}
}

func TestNothing(t *testing.T) {
	for _, f := range formats {
		if r := check(t, f, build(t, f, smallSections()[2])); !r.Whole() {
			t.Errorf("%s with nothing: %+v", f.Name(), r.Findings)
		}
	}
	if (verify.Report{}).Whole() {
		t.Error("a report of nothing is whole")
	}
}

// change is something done to the files of an archive.
type change struct {
	name string
	edit func(files map[string]string)
	want []verify.Kind
}

func changes() []change {
	rename := func(from, to string) func(map[string]string) {
		return func(files map[string]string) {
			files[top+"/"+to] = files[top+"/"+from]
			delete(files, top+"/"+from)
		}
	}
	set := func(name, content string) func(map[string]string) {
		return func(files map[string]string) { files[name] = content }
	}
	manifest := func(old, now string) func(map[string]string) {
		return func(files map[string]string) {
			replaceListed(files, "manifest.yaml", strings.Replace(files[top+"/manifest.yaml"], old, now, 1))
		}
	}
	return []change{
		{"nothing", func(map[string]string) {}, nil},
		{"signed", set(top+"/SHA256SUMS.minisig", "untrusted comment"), nil},
		{"added", set(top+"/products/more.png", "x"), []verify.Kind{verify.Extra, verify.Manifest}},
		{"added empty", set(top+"/products/1/none.png", ""), []verify.Kind{verify.Extra, verify.Manifest}},
		{"removed", func(files map[string]string) { delete(files, members) }, []verify.Kind{verify.Manifest, verify.Missing}},
		{"replaced", set(members, "id\r\n1\r\n"), []verify.Kind{verify.Changed, verify.Manifest}},
		{"same length", func(files map[string]string) { files[members] = strings.ToUpper(files[members]) }, []verify.Kind{verify.Changed}},
		{"cut", func(files map[string]string) { files[members] = files[members][:20] }, []verify.Kind{verify.Changed, verify.Manifest}},
		{"renamed", rename("members/members.csv", "members/people.csv"), []verify.Kind{verify.Renamed}},
		{"moved", rename("members/members.csv", "members/a/members.csv"), []verify.Kind{verify.Renamed}},
		{"other case", rename("members/members.csv", "members/Members.csv"), []verify.Kind{verify.Renamed}},
		{"a file beside the folder", set("zzz.txt", "x"), []verify.Kind{verify.Outside}},
		{"a file before the folder", set("a.txt", "x"), []verify.Kind{verify.Outside}},
		{"case duplicate", set(top+"/Members/members.csv", "x"), []verify.Kind{verify.Duplicate, verify.Extra}},
		{"file and folder", set(top+"/members/members.csv/x", "x"), []verify.Kind{verify.Duplicate, verify.Extra, verify.Manifest}},
		{"no sums", func(files map[string]string) { delete(files, top+"/SHA256SUMS") }, []verify.Kind{verify.Sums}},
		{"empty sums", set(top+"/SHA256SUMS", ""), []verify.Kind{verify.Extra}},
		{"sums of nonsense", func(files map[string]string) { files[top+"/SHA256SUMS"] += "hello\n" }, []verify.Kind{verify.Sums}},
		{"sums with a line too long", func(files map[string]string) {
			files[top+"/SHA256SUMS"] += strings.Repeat("0", 100_000)
		}, []verify.Kind{verify.Sums}},
		{"a line twice", func(files map[string]string) {
			first, _, _ := strings.Cut(files[top+"/SHA256SUMS"], "\n")
			files[top+"/SHA256SUMS"] += first + "\n"
		}, []verify.Kind{verify.Sums}},
		{"no manifest", func(files map[string]string) { delete(files, top+"/manifest.yaml") }, []verify.Kind{verify.Manifest, verify.Missing}},
		{"manifest and its sum gone", func(files map[string]string) {
			replaceListed(files, "manifest.yaml", "")
			delete(files, top+"/manifest.yaml")
		}, []verify.Kind{verify.Manifest, verify.Missing}},
		{"manifest is nonsense", manifest("format_version", "{"), []verify.Kind{verify.Manifest}},
		{"manifest with an alias", manifest("sections:", "x: &a [1]\ny: *a\nsections:"), []verify.Kind{verify.Manifest}},
		{"newer fields", manifest("sections:", "volumes: [1, 2]\nsections:"), nil},
		{"newer minor version", manifest(`"1.0"`, `"1.7"`), nil},
		{"newer major version", manifest(`"1.0"`, `"2.0"`), []verify.Kind{verify.Manifest}},
		{"fewer records", manifest("record_count: 2\n", "record_count: 1\n"), []verify.Kind{verify.Manifest}},
		{"more binaries", manifest("record_count: 2\n", "record_count: 2\n    binary_count: 9\n"), []verify.Kind{verify.Manifest}},
		{"fewer binaries", manifest("binary_count: 2\n", "binary_count: 1\n"), []verify.Kind{verify.Manifest}},
		{"other status", manifest("status: partial", "status: ok"), []verify.Kind{verify.Manifest}},
		{"unknown status", manifest("status: partial", "status: fine"), []verify.Kind{verify.Manifest}},
		{"other section", manifest("key: members", "key: people"), []verify.Kind{verify.Manifest}},
		{"section twice", manifest("key: nothing", "key: members"), []verify.Kind{verify.Manifest}},
		{"negative", manifest("record_count: 0", "record_count: -1"), []verify.Kind{verify.Manifest}},
		{"no skipped items", func(files map[string]string) {
			delete(files, top+"/products/_skipped.ndjson")
			unlist(files, "products/_skipped.ndjson")
		}, []verify.Kind{verify.Manifest}},
		{"skipped items of nothing", func(files map[string]string) {
			files[top+"/members/_skipped.ndjson"] = "{}\n"
			list(files, "members/_skipped.ndjson")
		}, []verify.Kind{verify.Manifest}},
	}
}

// TestChanges packs changed files anew, with SHA256SUMS in every place.
func TestChanges(t *testing.T) {
	original := unpack(t, archive.Zip(), small(t, archive.Zip()))
	for _, c := range changes() {
		files := maps.Clone(original)
		c.edit(files)
		for _, f := range formats[:2] {
			for _, order := range []func([]string){func([]string) {}, slices.Reverse[[]string]} {
				r := check(t, f, pack(t, f, files, order))
				if got := kinds(r); !slices.Equal(got, c.want) {
					t.Errorf("%s, %s: found %v, want %v\n%+v", c.name, f.Name(), got, c.want, r.Findings)
				}
				if r.Whole() != (c.want == nil) || r.Signed != (c.name == "signed") {
					t.Errorf("%s, %s: whole is %v, signed %v", c.name, f.Name(), r.Whole(), r.Signed)
				}
			}
		}
	}
}

// TestTwoFolders: the first entry tells which folder is the one at the top.
func TestTwoFolders(t *testing.T) {
	for _, f := range formats[:2] {
		files := unpack(t, archive.Zip(), small(t, archive.Zip()))
		files["other/file"] = "x"
		r := check(t, f, pack(t, f, files, func([]string) {}))
		if got := kinds(r); r.Total != 1 || !slices.Equal(got, []verify.Kind{verify.Outside}) {
			t.Errorf("%s: found %+v", f.Name(), r.Findings)
		}
		r = check(t, f, pack(t, f, files, slices.Reverse))
		if got := kinds(r); !slices.Contains(got, verify.Outside) {
			t.Errorf("%s, the other first: found %+v", f.Name(), r.Findings)
		}
	}
}

func TestFindings(t *testing.T) {
	f := archive.Zip()
	files := unpack(t, f, small(t, f))
	for i := range 250 {
		files[top+"/products/extra"+strings.Repeat("x", i)+".png"] = "x"
	}
	told := 0
	b := pack(t, f, files, func([]string) {})
	r, err := verify.Verify(t.Context(), f, bytes.NewReader(b), verify.Options{Found: func(verify.Finding) { told++ }, MaxFindings: 7})
	if err != nil {
		t.Fatal(err)
	}
	if told != 251 || r.Total != 251 || len(r.Findings) != 7 {
		t.Errorf("%d findings told, %d counted, %d kept", told, r.Total, len(r.Findings))
	}
}

// TestMany has more files than the tables keep in memory.
func TestMany(t *testing.T) {
	f := archive.TarGz()
	b := build(t, f, section{"many", func(sink export.Sink) error {
		for i := range 40_000 {
			if err := sink.Record("r"+string(rune('a'+i%26))+"/"+strings.Repeat("n", i%7)+itoa(i)+".json", i); err != nil {
				return err
			}
		}
		return nil
	}})
	scratch := t.TempDir()
	if r := checkWith(t, f, bytes.NewReader(b), archive.ReadOptions{Scratch: scratch}); !r.Whole() || r.Files != 40_002 {
		t.Errorf("%d files: %+v", r.Files, r.Findings)
	}
	if left := tree(t, scratch); len(left) > 0 {
		t.Errorf("%d files are left in scratch", len(left))
	}
}

func TestNotRead(t *testing.T) {
	boom := errors.New("boom")
	for _, f := range formats {
		b := large(t, f)
		for _, n := range []int{0, 3, 1000, len(b) / 2, len(b) - 1} {
			src := io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(boom))
			r, err := verify.Verify(t.Context(), f, src, verify.Options{})
			if !errors.Is(err, boom) || r.Whole() || r.Total > 0 {
				t.Errorf("%s, source fails at %d: %v, %+v", f.Name(), n, err, r.Findings)
			}
		}
		for _, n := range []int64{0, 1000, int64(len(b)) / 2} {
			r, err := verify.Verify(t.Context(), f, &failAt{bytes.NewReader(b), n, boom}, verify.Options{})
			if !errors.Is(err, boom) || r.Whole() || r.Total > 0 {
				t.Errorf("%s, source fails at %d: %v, %+v", f.Name(), n, err, r.Findings)
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		o := verify.Options{Progress: func(int64) { cancel(boom) }}
		r, err := verify.Verify(ctx, f, bytes.NewReader(b), o)
		if !errors.Is(err, boom) || r.Whole() || r.Total > 0 {
			t.Errorf("%s, cancelled: %v, %+v", f.Name(), err, r.Findings)
		}
	}
}

func TestNoScratch(t *testing.T) {
	b := build(t, archive.Zip(), section{"media", func(sink export.Sink) error {
		return sink.Binary("film.mp4", bytes.NewReader(noise(200_000))) // more than is kept in memory
	}})
	o := verify.Options{Read: archive.ReadOptions{Scratch: filepath.Join(t.TempDir(), "none")}}
	r, err := verify.Verify(t.Context(), archive.Zip(), iotest.OneByteReader(bytes.NewReader(b)), o)
	if !errors.Is(err, os.ErrNotExist) || r.Whole() || r.Total > 0 {
		t.Errorf("no scratch: %v, %+v", err, r.Findings)
	}
}

// failAt is a source that fails when anything from an offset on is read.
type failAt struct {
	*bytes.Reader
	at  int64
	err error
}

func (f *failAt) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at && off < f.Size()-100 {
		return 0, f.err
	}
	return f.Reader.ReadAt(p, off)
}

func (f *failAt) Read(p []byte) (int, error) {
	if f.Size()-int64(f.Len()) >= f.at {
		return 0, f.err
	}
	return f.Reader.Read(p[:min(len(p), 512)])
}

func TestProgress(t *testing.T) {
	for _, f := range formats {
		b := large(t, f)
		var last int64
		o := verify.Options{Progress: func(n int64) {
			if n < last {
				t.Errorf("%s: progress goes from %d to %d", f.Name(), last, n)
			}
			last = n
		}}
		if _, err := verify.Verify(t.Context(), f, bytes.NewReader(b), o); err != nil {
			t.Fatal(err)
		}
		if last < int64(len(b)) || last > int64(len(b))+128<<10 {
			t.Errorf("%s: %d of %d bytes", f.Name(), last, len(b))
		}
	}
}
