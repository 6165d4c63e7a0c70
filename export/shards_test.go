package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/xz"
	"github.com/orgexport/orgexport/archive/zstd"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/verify"
)

// contents returns what is in an archive, after it was verified.
func contents(t *testing.T, format archive.Format, b []byte) map[string]string {
	t.Helper()
	report, err := verify.Verify(t.Context(), format, bytes.NewReader(b), verify.Options{})
	if err != nil || !report.Whole() {
		t.Errorf("the archive is not whole: %v, %v", report.Findings, err)
	}
	r, err := format.NewReader(bytes.NewReader(b), archive.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	files := make(map[string]string)
	for {
		f, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(f.Name, "/")
		files[name] = string(content)
	}
}

// exported returns the archive that an engine makes at once.
func exported(t *testing.T, e *export.Engine, format archive.Format) []byte {
	t.Helper()
	r := request()
	r.Format = format
	var b bytes.Buffer
	if _, err := e.Export(t.Context(), r, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// everything writes record files of all encodings, records and binaries.
func everything(_ context.Context, sink export.Sink, first, last int) error {
	for _, ext := range []string{"ndjson", "csv"} {
		if err := sink.Records("all."+ext, kittest.Numbers(first, last, nil)); err != nil {
			return err
		}
	}
	for n := (first + 6) / 7 * 7; n < last; n += 7 {
		if err := errors.Join(
			sink.Record(fmt.Sprintf("%d/it.yaml", n), row("n", n)),
			sink.Binary(fmt.Sprintf("%d/noise.bin", n), io.LimitReader(newNoise(), int64(n*100))),
		); err != nil {
			return err
		}
	}
	for _, ext := range []string{"json", "yaml"} {
		if err := sink.Records("later."+ext, kittest.Numbers(first, last, nil)); err != nil {
			return err
		}
	}
	return nil
}

// TestShards compares archives of a section that was split with those of the section as a whole: they
// have the same files.
func TestShards(t *testing.T) {
	for _, format := range []archive.Format{archive.Zip(), archive.TarGz(), xz.TarXz(), zstd.TarZst()} {
		for _, rows := range []int{0, 3, 500} {
			t.Run(fmt.Sprint(format.Name(), rows), func(t *testing.T) {
				section := func(shards int) export.Section {
					return kittest.Numbered{Name: "products", Rows: rows, Shards: shards, Write: everything}
				}
				whole := contents(t, format, exported(t, engine(t, nil, fine("a"), section(0), fine("z")), format))
				var bytesOf []byte
				for _, concurrency := range []int{1, 8} {
					e := engine(t, func(c *export.Config) { c.Concurrency = concurrency }, fine("a"), section(5), fine("z"))
					b := exported(t, e, format)
					split := contents(t, format, b)
					for _, name := range slices.Sorted(maps.Keys(whole)) {
						if name != "SHA256SUMS" && split[name] != whole[name] {
							t.Errorf("%s has\n%.300s\nwant\n%.300s", name, split[name], whole[name])
						}
					}
					if len(split) != len(whole) {
						t.Errorf("there are %d files, want %d", len(split), len(whole))
					}
					if bytesOf != nil && !bytes.Equal(b, bytesOf) {
						t.Error("with another concurrency the archive has other bytes")
					}
					bytesOf = b
				}
			})
		}
	}
}

// TestShardsApart seals shards in another order, some of them twice, and joins them.
func TestShardsApart(t *testing.T) {
	section := kittest.Numbered{Name: "products", Rows: 100, Shards: 4, Write: everything}
	e := engine(t, func(c *export.Config) { c.Spool = new(exporttest.MemSpool) }, section)
	want := exported(t, e, archive.Zip())
	r := request()
	s, err := e.NewSealer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shards, _, err := s.Plan(t.Context())
	if err != nil || len(shards) != 4 {
		t.Fatalf("Plan gives %v, %v", shards, err)
	}
	for _, i := range []int{3, 1, 1, 0, 2} {
		id, result, err := s.Seal(t.Context(), shards[i])
		if err != nil || result.Status != export.StatusOK {
			t.Fatalf("Seal gives %v, %v", result, err)
		}
		r.Parts = append(slices.DeleteFunc(r.Parts, func(old export.PartID) bool { return old == id }), id)
	}
	if b := joined(t, e, r); !bytes.Equal(b, want) {
		t.Error("joined apart, the archive has other bytes")
	}
	again, err := e.NewSealer(t.Context(), export.Request{
		Organization: r.Organization, JobID: r.JobID, AsOf: r.AsOf, Format: r.Format, Shards: shards[1:2], Attempt: 7,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if planned, _, err := again.Plan(t.Context()); err != nil || !slices.Equal(planned, shards[1:2]) {
		t.Errorf("Plan of a request that knows the shards gives %v, %v", planned, err)
	}
}

// TestShardsInEachOthersPlace has parts whose bytes are those of another shard: they are refused, and
// are not joined in the wrong order.
func TestShardsInEachOthersPlace(t *testing.T) {
	spool := new(exporttest.MemSpool)
	section := kittest.Numbered{Name: "products", Rows: 100, Shards: 3, Write: func(_ context.Context, sink export.Sink, first, last int) error {
		return sink.Records("all.csv", kittest.Numbers(first, last, nil))
	}}
	e := engine(t, func(c *export.Config) { c.Spool = spool }, section)
	r := request()
	s, err := e.NewSealer(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	shards, _, err := s.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, shard := range shards {
		id, _, err := s.Seal(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		r.Parts = append(r.Parts, id)
	}
	copyPart(t, spool, r.Parts[1], r.Parts[2])
	_, unjoinable := s.Unjoinable(t.Context(), r.Parts)
	_, join := e.Join(t.Context(), r, io.Discard)
	for of, err := range map[string]error{"Unjoinable": unjoinable, "Join": join} {
		bad, ok := errors.AsType[*export.PartError](err)
		if !ok || bad.Part != r.Parts[2] {
			t.Errorf("%s gives %v, want an error of the last part", of, err)
		}
	}
}

// copyPart gives a part the bytes of another one.
func copyPart(t *testing.T, spool export.Spool, from, to export.PartID) {
	t.Helper()
	in, err := spool.Open(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	err = spool.Put(t.Context(), to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestShardsThatFail has a section of which some shards fail, in all ways.
func TestShardsThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		write func(ctx context.Context, sink export.Sink, shard int) error
		limit int64
		want  export.SectionResult
		lines int // of the file
	}{
		"error": {func(_ context.Context, _ export.Sink, shard int) error {
			return map[int]error{1: export.WithPublic(errors.New("secret"), "The second one."), 2: errors.New("secret")}[shard]
		}, 0, export.SectionResult{Status: export.StatusPartial, Records: 40, Error: "The second one."}, 40},
		"panic": {func(_ context.Context, _ export.Sink, shard int) error {
			if shard == 3 {
				panic("secret")
			}
			return nil
		}, 0, export.SectionResult{Status: export.StatusPartial, Records: 40, Error: "The section could not be exported."}, 40},
		"skips": {func(_ context.Context, sink export.Sink, shard int) error {
			for i := range shard {
				sink.Skip(fmt.Sprintf("item %d of shard %d", i, shard), export.WithPublic(errors.New("secret"), "Why not."))
			}
			return nil
		}, 0, export.SectionResult{Status: export.StatusPartial, Records: 40, Error: "6 items were skipped; they are listed in products/_skipped.ndjson."}, 40},
		"too large": {func(_ context.Context, sink export.Sink, shard int) error {
			return sink.Binary(fmt.Sprintf("%d.bin", shard), io.LimitReader(newNoise(), 10<<10))
		}, 28 << 10, export.SectionResult{Status: export.StatusPartial, Records: 20, Binaries: 2, Error: "The section is larger than the limit of 28672 bytes."}, 20},
		"hangs": {func(ctx context.Context, sink export.Sink, shard int) error {
			if shard != 2 {
				return nil
			}
			// It does not stop, and goes on when the part is sealed.
			return sink.Records("hangs.ndjson", func(yield func(any, error) bool) {
				for range 30 {
					time.Sleep(10 * time.Millisecond)
					if !yield(row("text", strings.Repeat("x", 1<<20)), nil) {
						return
					}
				}
				<-ctx.Done()
				time.Sleep(100 * time.Millisecond)
				for range 30 {
					if !yield(row("text", strings.Repeat("x", 1<<20)), nil) {
						return
					}
				}
			})
		}, 0, export.SectionResult{Status: export.StatusPartial, Records: 40, Error: "The section took longer than 500ms."}, 40},
	} {
		t.Run(name, func(t *testing.T) {
			section := kittest.Numbered{Name: "products", Rows: 40, Shards: 4, Write: func(ctx context.Context, sink export.Sink, first, last int) error {
				if err := sink.Records("all.ndjson", kittest.Numbers(first, last, nil)); err != nil {
					return err
				}
				return c.write(ctx, sink, first/10)
			}}
			var events []export.Event
			e := engine(t, func(config *export.Config) {
				config.MaxSectionBytes, config.SectionTimeout, config.Grace = c.limit, 500*time.Millisecond, time.Millisecond
			}, section)
			r := request()
			r.Observe = func(e export.Event) { events = append(events, e) }
			var b bytes.Buffer
			result, err := e.Export(t.Context(), r, &b)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Key = "products"
			got := result.Sections[0]
			if name == "hangs" {
				got.Records = c.want.Records // the lines of the second file are counted if it was kept
			}
			if got != c.want {
				t.Errorf("the result is %+v, want %+v", got, c.want)
			}
			files := contents(t, archive.Zip(), b.Bytes())
			if lines := strings.Count(files["products/all.ndjson"], "\n"); lines != c.lines {
				t.Errorf("the file has %d lines, want %d", lines, c.lines)
			}
			if name == "skips" && strings.Count(files["products/_skipped.ndjson"], `"item `) != 6 {
				t.Errorf("the list of skipped items is %q", files["products/_skipped.ndjson"])
			}
			kinds := make(map[export.EventKind]int)
			for _, e := range events {
				kinds[e.Kind]++
			}
			if last := events[len(events)-1]; kinds[export.SectionStarted] != 1 || kinds[export.SectionFinished] != 1 || last.Result == nil {
				t.Errorf("the events were %v", kinds)
			}
		})
	}
}

// TestShardsThatCannotBeJoined are exported as a whole.
func TestShardsThatCannotBeJoined(t *testing.T) {
	for name, write := range map[string]func(sink export.Sink, first, last int) error{
		"files of one name": func(sink export.Sink, first, last int) error {
			for n := first; n < last; n++ {
				if err := sink.Record(fmt.Sprintf("%s%d.yaml", map[bool]string{true: "A", false: "a"}[n < 8], n%8), row("n", n)); err != nil {
					sink.Skip(fmt.Sprint(n), err)
				}
			}
			return nil
		},
		"a file with the name of a piece": func(sink export.Sink, first, last int) error {
			if first == 0 {
				return sink.Records("it.ndjson", kittest.Numbers(first, last, nil))
			}
			return sink.Record("it.ndjson", row("n", first))
		},
		"headers": func(sink export.Sink, first, last int) error {
			return sink.Records("it.csv", func(yield func(any, error) bool) { yield(row(fmt.Sprint("column", first), last), nil) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var ranges []string
			section := func(shards int) export.Section {
				return kittest.Numbered{Name: "products", Rows: 16, Shards: shards, Write: func(_ context.Context, sink export.Sink, first, last int) error {
					mu.Lock()
					ranges = append(ranges, fmt.Sprint(first, "-", last))
					mu.Unlock()
					return write(sink, first, last)
				}}
			}
			want := exported(t, engine(t, nil, section(0)), archive.Zip())
			ranges = nil
			if got := exported(t, engine(t, nil, section(2)), archive.Zip()); !bytes.Equal(got, want) {
				t.Errorf("the archive has other bytes than that of the whole section")
			}
			slices.Sort(ranges)
			if !slices.Equal(ranges, []string{"0-16", "0-8", "8-16"}) {
				t.Errorf("these were exported: %v", ranges)
			}
		})
	}
}
