package export_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

func TestExport(t *testing.T) {
	products := writes("products", func(sink export.Sink) error {
		err := errors.Join(
			sink.Record("1/product.yaml", row("id", 1, "name", "Tea")),
			sink.Binary("1/tea.png", strings.NewReader("not really a picture")),
			sink.Records("offers.ndjson", count(3, func() error { return nil })),
		)
		return err
	})
	for _, format := range []archive.Format{archive.Zip(), archive.TarGz()} {
		t.Run(format.Name(), func(t *testing.T) {
			r := request()
			r.Format = format
			result, files := run(t, engine(t, nil, fine("organization"), products), r)
			if want := "export-acme-foods-20260626-210000." + format.Extension(); result.Filename != want {
				t.Errorf("file name is %s, want %s", result.Filename, want)
			}
			for name, want := range map[string]string{
				"organization/it.yaml":     "key: organization\n",
				"products/1/product.yaml":  "id: 1\nname: Tea\n",
				"products/1/tea.png":       "not really a picture",
				"products/offers.ndjson":   "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n",
				"products/_skipped.ndjson": "",
			} {
				if files[name] != want {
					t.Errorf("%s is %q, want %q", name, files[name], want)
				}
			}
			if len(files) != 6 {
				t.Errorf("%d files, want 6", len(files))
			}
			wantManifest(t, files["manifest.yaml"], map[string]any{
				"format_version": "1.0",
				"organization":   map[string]any{"id": acme.ID, "slug": acme.Slug, "name": acme.Name},
				"job":            r.JobID,
				"as_of":          "2026-06-26T21:00:00Z",
				"consistency": map[string]any{"consistent": false, "note": "Each section was read on its own after as_of, while data could change: " +
					"one section may have what is newer than another. The archive is complete as its sections say, and nothing in it is damaged."},
				"csv": map[string]any{"delimiter": ",", "bom": false, "line_ending": "crlf", "formula_guard": true, "undo": "An apostrophe stands before text " +
					"that a spreadsheet could take for a formula. To have the text as it was, take away each apostrophe that is the first character of a cell, or follows a comma, " +
					"semicolon, vertical bar, tab, carriage return or line feed in it, if after it comes one of = + - @ ＝ ＋ － ＠, maybe with spaces, quotes, apostrophes or " +
					"invisible characters in between; and one that is first in a cell if after it comes a tab, carriage return or line feed, maybe with apostrophes in between. " +
					"Column names are cells, too. JSON in cells is right as it is."},
				"sections": []any{
					map[string]any{"key": "organization", "status": "ok", "record_count": 1},
					map[string]any{"key": "products", "status": "ok", "record_count": 4, "binary_count": 1},
				},
			})
		})
	}
}

func wantManifest(t *testing.T, text string, want map[string]any) {
	t.Helper()
	var got map[string]any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("manifest is %v, want %v", got, want)
	}
}

func TestSameBytes(t *testing.T) {
	var sections []export.Section
	for _, key := range []string{"a", "b", "c", "d", "e"} {
		sections = append(sections, writes(key, func(sink export.Sink) error {
			for i := range 5 {
				time.Sleep(rand.N(3 * time.Millisecond)) // the order must not matter, whatever it is
				if err := sink.Record(string(rune('a'+i))+".json", row("section", key, "text", strings.Repeat(key, 9999))); err != nil {
					return err
				}
			}
			return sink.Binary("big", strings.NewReader(strings.Repeat(key+" big ", 1<<18)))
		}))
	}
	for _, format := range []archive.Format{archive.Zip(), archive.TarGz()} {
		t.Run(format.Name(), func(t *testing.T) {
			var first []byte
			for i := range 6 {
				e := engine(t, func(c *export.Config) {
					c.Concurrency = 1 + i%4
					c.Pool = archive.NewPool(1 + i%3)
				}, sections...)
				r := request()
				r.Format, r.Attempt = format, i
				var b bytes.Buffer
				if _, err := e.Export(t.Context(), r, &b); err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = b.Bytes()
				} else if !bytes.Equal(first, b.Bytes()) {
					t.Fatalf("export %d has other bytes than the first", i)
				}
			}
		})
	}
}

func TestSectionAndJoinApart(t *testing.T) {
	sections := []export.Section{fine("a"), fine("b"), fine("c")}
	var whole, joined bytes.Buffer
	e := engine(t, nil, sections...)
	if _, err := e.Export(t.Context(), request(), &whole); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Join(t.Context(), request(), &joined); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("Join without parts gives %v, want ErrNotFound", err)
	}
	for _, key := range []string{"c", "a", "b"} {
		if result := kittest.Seal(t, e, request(), key); result.Status != export.StatusOK {
			t.Fatalf("section %s: %v", key, result)
		}
	}
	for range 2 { // parts stay
		joined.Reset()
		result, err := e.Join(t.Context(), request(), &joined)
		if err != nil || len(result.Sections) != 3 {
			t.Fatalf("Join: %v, %v", result, err)
		}
		if !bytes.Equal(whole.Bytes(), joined.Bytes()) {
			t.Error("joined apart, the archive has other bytes")
		}
	}
}

// damagedSpool flips or cuts what is read from it.
type damagedSpool struct {
	export.Spool
	damage func([]byte) []byte
}

func (s damagedSpool) Open(ctx context.Context, id export.PartID) (io.ReadSeekCloser, error) {
	r, err := s.Spool.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	whole := bytes.NewReader(s.damage(b))
	return struct {
		io.ReadSeeker
		io.Closer
	}{whole, io.NopCloser(whole)}, nil
}

func TestJoinRefusesDamagedParts(t *testing.T) {
	spool := &damagedSpool{Spool: export.NewTempSpool(t.TempDir())}
	e := engine(t, func(c *export.Config) { c.Spool = spool }, fine("a"))
	kittest.Seal(t, e, request(), "a")
	size := 0
	spool.damage = func(b []byte) []byte { size = len(b); return b }
	if _, err := e.Join(t.Context(), request(), io.Discard); err != nil {
		t.Fatal(err)
	}
	for at := range size {
		spool.damage = func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b }
		if _, err := e.Join(t.Context(), request(), io.Discard); !errors.Is(err, archive.ErrPart) {
			t.Fatalf("flipped bit in byte %d of %d: %v, want ErrPart", at, size, err)
		}
		spool.damage = func(b []byte) []byte { return b[:at] }
		if _, err := e.Join(t.Context(), request(), io.Discard); !errors.Is(err, archive.ErrPart) {
			t.Fatalf("cut at byte %d of %d: %v, want ErrPart", at, size, err)
		}
	}
}

func TestFilename(t *testing.T) {
	e := engine(t, func(c *export.Config) { c.Prefix = "closient-export" }, fine("a"))
	for _, c := range []struct{ slug, want string }{
		{"acme-foods", "closient-export-acme-foods-20260626-210000.zip"},
		{"../../etc", "closient-export-etc-20260626-210000.zip"},
		{"Käse & Co", "closient-export-K-se---Co-20260626-210000.zip"},
		{"", "closient-export-" + acme.ID + "-20260626-210000.zip"},
		{"...", "closient-export-" + acme.ID + "-20260626-210000.zip"},
	} {
		r := request()
		r.Organization.Slug = c.slug
		r.AsOf = r.AsOf.Add(300 * time.Millisecond).In(time.FixedZone("", 7200))
		if got := e.Filename(r); got != c.want {
			t.Errorf("slug %q gives %s, want %s", c.slug, got, c.want)
		}
	}
}

func TestNewReportsAllProblems(t *testing.T) {
	_, err := export.New(export.Config{
		Sections:    []export.Section{fine("a"), fine("a"), fine("Bad Key"), fine("con"), nil},
		Options:     map[string]export.SectionOptions{"none": {}},
		Prefix:      "a/b",
		Concurrency: -1,
		Level:       10,
		Grace:       -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`"a" is used twice`, `"Bad Key"`, `"con"`, "section 5 is nil", `no section: "none"`, "Prefix", "Concurrency", "Level", "Grace",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error does not tell of %s:\n%v", want, err)
		}
	}
	if _, err := export.New(export.Config{}); err == nil {
		t.Error("New without sections gives no error")
	}
}

func TestRequestProblems(t *testing.T) {
	_, err := engine(t, nil, fine("a")).Export(t.Context(), export.Request{}, io.Discard)
	for _, want := range []string{"Organization", "JobID", "AsOf", "Format"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not tell of %s: %v", want, err)
		}
	}
}

func TestSealUsesPartsOfAnEarlierAttempt(t *testing.T) {
	var ran sync.Map
	spool := export.NewTempSpool(t.TempDir())
	counted := func(key string) export.Section {
		return writes(key, func(sink export.Sink) error {
			n, _ := ran.LoadOrStore(key, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			return sink.Record("it.yaml", row("key", key))
		})
	}
	e := engine(t, func(c *export.Config) { c.Spool, c.Concurrency = spool, 1 }, counted("a"), counted("b"), counted("c"), counted("d"))
	r := request()
	r.Sections, r.Attempt, r.Parts = []string{"d", "a", "b"}, 1, nil
	var mu sync.Mutex
	interrupted := errors.New("interrupted")
	seal := func(stop string) error {
		return e.Seal(t.Context(), r, func(_ context.Context, id export.PartID, result export.SectionResult) error {
			mu.Lock()
			defer mu.Unlock()
			if id.Section == stop {
				return interrupted
			}
			if result.Key != id.Section || result.Records != 1 {
				t.Errorf("part %v has the result %v", id, result)
			}
			r.Parts = append(r.Parts, id)
			return nil
		})
	}
	if err := seal("b"); !errors.Is(err, interrupted) {
		t.Fatalf("Seal gives %v, want the error of sealed", err)
	}
	r.Attempt = 2
	if err := seal(""); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"a": 1, "b": 2, "d": 1}
	slices.SortFunc(r.Parts, func(a, b export.PartID) int { return strings.Compare(a.Section, b.Section) })
	if ids := []int{r.Parts[0].Attempt, r.Parts[1].Attempt, r.Parts[2].Attempt}; !slices.Equal(ids, []int{1, 2, 2}) {
		t.Errorf("the parts are of the attempts %v", ids)
	}
	for key, n := range want {
		if got, _ := ran.Load(key); got == nil || got.(*atomic.Int64).Load() != int64(n) {
			t.Errorf("section %s did not run %d times", key, n)
		}
	}
	if _, ok := ran.Load("c"); ok {
		t.Error("a section that was not asked for ran")
	}
	var joined, whole bytes.Buffer
	result, err := e.Join(t.Context(), r, &joined)
	if err != nil || len(result.Sections) != 3 {
		t.Fatalf("Join: %v, %v", result, err)
	}
	r.Parts = nil
	if _, err := e.Export(t.Context(), r, &whole); err != nil || !bytes.Equal(whole.Bytes(), joined.Bytes()) {
		t.Errorf("joined of two attempts, the archive has other bytes (%v)", err)
	}
	r.Parts = []export.PartID{{JobID: r.JobID, Section: "a", Attempt: 1}}
	if err := spool.Delete(t.Context(), r.Parts[0]); err != nil {
		t.Fatal(err)
	}
	var missing *export.PartError
	if _, err := e.Join(t.Context(), r, io.Discard); !errors.As(err, &missing) || missing.Part != r.Parts[0] {
		t.Errorf("Join gives %v, want a PartError of section a", err)
	}
	r.Sections = []string{"a", "unknown"}
	if err := seal(""); !errors.Is(err, export.ErrNotFound) {
		t.Errorf("an unknown section gives %v, want ErrNotFound", err)
	}
}
