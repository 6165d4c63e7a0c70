package export_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/exporttest"
	"github.com/orgexport/orgexport/export/record"
)

func TestTruthTable(t *testing.T) {
	const hidden = "The section could not be exported."
	skip := func(sink export.Sink) { sink.Skip("item 7", closedError{}) }
	for _, c := range []struct {
		name              string
		run               func(sink export.Sink) error
		status            export.Status
		records, binaries int64
		text              string
	}{
		{"wrote", func(s export.Sink) error { return s.Record("a.yaml", row("a", 1)) }, "ok", 1, 0, ""},
		{"nothing", func(export.Sink) error { return nil }, "empty", 0, 0, ""},
		{"empty file", func(s export.Sink) error { return s.Records("a.ndjson", count(0, func() error { return nil })) }, "empty", 0, 0, ""},
		{"wrote, error", func(s export.Sink) error { return errors.Join(s.Record("a.yaml", row("a", 1)), errSecret) }, "partial", 1, 0, hidden},
		{"wrote, skip", func(s export.Sink) error { skip(s); return s.Binary("a", strings.NewReader("a")) }, "partial", 0, 1, "1 item was skipped; it is listed in s/_skipped.ndjson."},
		{"nothing, error", func(export.Sink) error { return errSecret }, "error", 0, 0, hidden},
		{"nothing, public error", func(export.Sink) error { return closedError{} }, "error", 0, 0, "The warehouse is closed."},
		{"nothing, skips", func(s export.Sink) error { skip(s); skip(s); return nil }, "error", 0, 0, "2 items were skipped; they are listed in s/_skipped.ndjson."},
		{"skip, error", func(s export.Sink) error { skip(s); return errSecret }, "error", 0, 0, hidden + " 1 item was skipped; it is listed in s/_skipped.ndjson."},
		{"panic", func(export.Sink) error { panic("secret") }, "error", 0, 0, hidden},
		{"panic after 1,000 records", func(s export.Sink) error {
			return s.Records("a.ndjson", count(1000, func() error { panic("secret") }))
		}, "partial", 1000, 0, hidden},
		{"error after 1,000 records", func(s export.Sink) error {
			return s.Records("a.csv", count(1000, func() error { return errSecret }))
		}, "partial", 1000, 0, hidden},
		{"goexit", func(export.Sink) error { runtime.Goexit(); return nil }, "error", 0, 0, hidden},
		{"panic in a reader", func(s export.Sink) error { return s.Binary("a", panicReader{}) }, "error", 0, 0, hidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := engine(t, nil, fine("before"), writes("s", c.run), fine("after"))
			result, files := run(t, e, request())
			got := result.Sections[1]
			want := export.SectionResult{Key: "s", Status: c.status, Records: c.records, Binaries: c.binaries, Error: c.text}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if result.Sections[0].Status != "ok" || result.Sections[2].Status != "ok" {
				t.Errorf("other sections suffer: %v", result.Sections)
			}
			for name, content := range files {
				if strings.Contains(content, "secret") {
					t.Errorf("%s holds the cause: %s", name, content)
				}
			}
		})
	}
}

type panicReader struct{}

func (panicReader) Read([]byte) (int, error) { panic("secret") }

func TestRecordsKeptWellFormed(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		for name, want := range map[string]error{"a.json": errSecret, "b.ndjson": errSecret} {
			if err := sink.Records(name, count(2, func() error { return want })); !errors.Is(err, want) {
				t.Errorf("Records gives %v, want the error of the sequence", err)
			}
		}
		return sink.Record("c.yaml", row("still", "usable"))
	}))
	_, files := run(t, e, request())
	if files["s/a.json"] != "[\n{\"n\":0},\n{\"n\":1}\n]\n" || files["s/b.ndjson"] != "{\"n\":0}\n{\"n\":1}\n" || files["s/c.yaml"] == "" {
		t.Errorf("files are %q", files)
	}
}

func TestSourceFailureLeavesNothing(t *testing.T) {
	for _, size := range []int{0, 1000, 3 << 20} {
		e := engine(t, nil, writes("s", func(sink export.Sink) error {
			half := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), iotest.ErrReader(errSecret))
			err := sink.Binary("a.png", half)
			var source *export.SourceError
			if !errors.As(err, &source) || !errors.Is(err, errSecret) || source.Name != "a.png" {
				t.Errorf("Binary gives %v, want a SourceError", err)
			}
			if export.PublicText(err) != "The file could not be read." {
				t.Errorf("public text is %q", export.PublicText(err))
			}
			sink.Skip("a.png", err)
			return sink.Binary("a.png", strings.NewReader("second try"))
		}))
		result, files := run(t, e, request())
		if files["s/a.png"] != "second try" || result.Sections[0].Binaries != 1 {
			t.Errorf("size %d: %v, %d files", size, result.Sections, len(files))
		}
		if want := `{"ref":"a.png","reason":"The file could not be read."}` + "\n"; files["s/_skipped.ndjson"] != want {
			t.Errorf("skipped: %q, want %q", files["s/_skipped.ndjson"], want)
		}
	}
}

func TestUnencodableRecordWritesNothing(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		err := sink.Record("a.yaml", row("f", func() {}))
		var bad *record.EncodeError
		if !errors.As(err, &bad) || bad.Name != "a.yaml" {
			t.Errorf("Record gives %v, want an EncodeError", err)
		}
		return sink.Record("a.yaml", row("f", "fine"))
	}))
	_, files := run(t, e, request())
	if files["s/a.yaml"] != "f: fine\n" || len(files) != 3 {
		t.Errorf("files are %q", files)
	}
}

// A record of many that cannot be encoded is left out of its file, which goes on. The list
// tells which one it is, the log only its number.
func TestUnencodableRecordIsLeftOut(t *testing.T) {
	var log bytes.Buffer
	e := engine(t, func(c *export.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, writes("s", func(sink export.Sink) error {
		return sink.Records("a.csv", func(yield func(any, error) bool) {
			_ = yield(row("id", "first", "f", 1), nil) && yield(row("id", "person-7", "f", func() {}), nil) && yield(row("id", "third", "f", nil), nil)
		})
	}))
	result, files := run(t, e, request())
	if files["s/a.csv"] != "id,f\r\nfirst,1\r\nthird,\r\n" {
		t.Errorf("the file is %q", files["s/a.csv"])
	}
	if want := `{"ref":"a.csv, row 2 (id person-7)","reason":"A record could not be encoded."}` + "\n"; files["s/_skipped.ndjson"] != want {
		t.Errorf("skipped: %q, want %q", files["s/_skipped.ndjson"], want)
	}
	if s := result.Sections[0]; s.Status != export.StatusPartial || s.Records != 2 {
		t.Errorf("got %+v", s)
	}
	if text := log.String(); strings.Contains(text, "person-7") || !strings.Contains(text, " row=2\n") {
		t.Errorf("logged:\n%s", text)
	}
}

// hang blocks until its context ends.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestTimeout(t *testing.T) {
	for _, c := range []struct {
		name    string
		run     func(ctx context.Context, sink export.Sink) error
		records int64
	}{
		{"stops", func(ctx context.Context, sink export.Sink) error {
			return errors.Join(sink.Record("a.yaml", row("a", 1)), hang(ctx))
		}, 1},
		{"wraps the context's error away", func(ctx context.Context, sink export.Sink) error {
			_ = errors.Join(sink.Record("a.yaml", row("a", 1)), hang(ctx))
			return sink.Record("b.yaml", row("b", 1))
		}, 1},
		{"stops without a word", func(ctx context.Context, sink export.Sink) error {
			_ = errors.Join(sink.Record("a.yaml", row("a", 1)), hang(ctx))
			return nil
		}, 1},
		{"another error", func(ctx context.Context, sink export.Sink) error {
			_ = errors.Join(sink.Record("a.yaml", row("a", 1)), hang(ctx))
			return closedError{}
		}, 1},
		{"in a sequence", func(ctx context.Context, sink export.Sink) error {
			return sink.Records("a.ndjson", func(yield func(any, error) bool) {
				for i := 0; yield(row("n", i), nil); i++ {
					if i == 999 {
						_ = hang(ctx)
					}
				}
			})
		}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := section("s", func(ctx context.Context, _ export.Scope, sink export.Sink) error { return c.run(ctx, sink) })
				e := engine(t, func(c *export.Config) { c.SectionTimeout = time.Minute }, s, fine("after"))
				start := time.Now()
				result, _ := run(t, e, request())
				if took := time.Since(start); took != time.Minute {
					t.Errorf("took %v", took)
				}
				want := export.SectionResult{Key: "s", Status: "partial", Records: c.records, Error: "The section took longer than 1m0s."}
				if result.Sections[0] != want || result.Sections[1].Status != "ok" {
					t.Errorf("got %+v, want %+v", result.Sections, want)
				}
			})
		})
	}
}

func TestStuckSectionIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(sink export.Sink, release chan struct{}) error
	}{
		{"between calls", func(sink export.Sink, release chan struct{}) error {
			<-release
			return sink.Record("late.yaml", row("late", true))
		}},
		{"in a reader", func(sink export.Sink, release chan struct{}) error {
			return sink.Binary("late", readerFunc(func([]byte) (int, error) { <-release; return 0, io.EOF }))
		}},
		{"in a sequence", func(sink export.Sink, release chan struct{}) error {
			return sink.Records("late.ndjson", iter.Seq2[any, error](func(func(any, error) bool) { <-release }))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var late error
				e := engine(t, func(c *export.Config) { c.SectionTimeout = time.Minute }, writes("s", func(sink export.Sink) error {
					if err := sink.Record("a.yaml", row("a", 1)); err != nil {
						return err
					}
					late = c.run(sink, release)
					return late
				}))
				result, files := run(t, e, request())
				if e.Stuck() != 1 {
					t.Errorf("%d sections are stuck, want 1", e.Stuck())
				}
				close(release)
				synctest.Wait()
				if e.Stuck() != 0 {
					t.Errorf("%d sections are stuck, want none", e.Stuck())
				}
				if !errors.Is(late, export.ErrSinkFailed) {
					t.Errorf("the late call gives %v, want ErrSinkFailed", late)
				}
				if result.Sections[0].Status != "partial" || len(files) != 3 {
					t.Errorf("got %+v and %d files", result.Sections, len(files))
				}
			})
		})
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestSectionTooLarge(t *testing.T) {
	for _, c := range []struct {
		name string
		run  func(sink export.Sink) error
	}{
		{"binary", func(sink export.Sink) error { return sink.Binary("b", strings.NewReader(strings.Repeat("b", 9000))) }},
		{"records", func(sink export.Sink) error {
			return sink.Records("b.ndjson", count(1<<40, func() error { return nil }))
		}},
		{"many small files", func(sink export.Sink) error {
			var err error
			for i := 0; err == nil; i++ {
				err = sink.Binary("b"+strings.Repeat("x", i), strings.NewReader(""))
			}
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := engine(t, func(c *export.Config) {
				c.Options = map[string]export.SectionOptions{"s": {MaxBytes: 8000}}
			}, writes("s", func(sink export.Sink) error {
				if err := sink.Record("a.yaml", row("a", 1)); err != nil {
					return err
				}
				err := c.run(sink)
				if !errors.Is(err, export.ErrTooLarge) || !errors.Is(err, export.ErrSinkFailed) {
					t.Errorf("got %v, want ErrTooLarge and ErrSinkFailed", err)
				}
				if again := sink.Record("z.yaml", row("z", 1)); !errors.Is(again, export.ErrTooLarge) {
					t.Errorf("the next call gives %v, want ErrTooLarge", again)
				}
				return nil // its own result does not count
			}), writes("other", func(sink export.Sink) error { return sink.Binary("b", strings.NewReader(strings.Repeat("b", 9000))) }))
			result, _ := run(t, e, request())
			got := result.Sections[0]
			if got.Status != "partial" || got.Records != 1 || got.Error != "The section is larger than the limit of 8000 bytes." {
				t.Errorf("got %+v", got)
			}
			if result.Sections[1].Status != "ok" {
				t.Errorf("other section: %+v", result.Sections[1])
			}
		})
	}
}

func TestArchiveTooLarge(t *testing.T) {
	spool := export.NewTempSpool(t.TempDir())
	e := engine(t, func(c *export.Config) { c.MaxArchiveBytes, c.Spool = 500, spool }, fine("a"))
	_, err := e.Export(t.Context(), request(), io.Discard)
	if !errors.Is(err, export.ErrTooLarge) || export.PublicText(err) != "The export is larger than the limit of 500 bytes." {
		t.Errorf("got %v, public %q", err, export.PublicText(err))
	}
	wantNoParts(t, spool)
}

// The sections of a durable spool have all ended before anything is joined.
func TestPartsTogetherAreBounded(t *testing.T) {
	spool := new(exporttest.MemSpool)
	noise := func(key string) export.Section {
		return writes(key, func(sink export.Sink) error { return sink.Binary("noise", io.LimitReader(newNoise(), 100<<10)) })
	}
	e := engine(t, func(c *export.Config) { c.Spool, c.MaxArchiveBytes, c.Concurrency = spool, 250<<10, 1 },
		noise("a"), noise("b"), noise("c"), noise("d"))
	err := e.Seal(t.Context(), request(), func(context.Context, export.PartID, export.SectionResult) error { return nil })
	if !errors.Is(err, export.ErrTooLarge) || export.PublicText(err) != "The export is larger than the limit of 256000 bytes." {
		t.Errorf("got %v", err)
	}
	if ids, err := spool.List(t.Context(), request().JobID); err != nil || len(ids) != 2 {
		t.Errorf("parts %v, %v, want the two that were within the limit", ids, err)
	}
}

func wantNoParts(t *testing.T, spool export.Spool) {
	t.Helper()
	if ids, err := spool.List(t.Context(), request().JobID); err != nil || len(ids) > 0 {
		t.Errorf("left in the spool: %v, %v", ids, err)
	}
}

func TestNoSpace(t *testing.T) {
	e := engine(t, func(c *export.Config) { c.MinFreeBytes = 1 << 62 }, writes("a", func(export.Sink) error {
		t.Error("section was started")
		return nil
	}))
	if _, err := e.Export(t.Context(), request(), io.Discard); !errors.Is(err, export.ErrNoSpace) {
		t.Errorf("Export gives %v, want ErrNoSpace", err)
	}
}

func TestRequired(t *testing.T) {
	for status, run := range map[export.Status]func(export.Sink) error{
		"ok":      func(s export.Sink) error { return s.Record("a.yaml", row("a", 1)) },
		"empty":   func(export.Sink) error { return nil },
		"partial": func(s export.Sink) error { return errors.Join(s.Record("a.yaml", row("a", 1)), closedError{}) },
		"error":   func(export.Sink) error { return closedError{} },
	} {
		t.Run(string(status), func(t *testing.T) {
			spool := export.NewTempSpool(t.TempDir())
			e := engine(t, func(c *export.Config) {
				c.Spool = spool
				c.Options = map[string]export.SectionOptions{"s": {Required: true}}
			}, fine("a"), writes("s", run))
			_, err := e.Export(t.Context(), request(), io.Discard)
			wantNoParts(t, spool)
			if status == "ok" || status == "empty" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var required *export.RequiredError
			if !errors.As(err, &required) || required.Result.Status != status {
				t.Fatalf("got %v, want a RequiredError", err)
			}
			if got, want := export.PublicText(err), `The required section "s" could not be exported: The warehouse is closed.`; got != want {
				t.Errorf("public text is %q, want %q", got, want)
			}
		})
	}
}

var errStop = errors.New("user has changed their mind")

func TestCancelIsNoSectionError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spool := export.NewTempSpool(t.TempDir())
		ctx, cancel := context.WithCancelCause(t.Context())
		e := engine(t, func(c *export.Config) { c.Spool = spool }, fine("a"),
			section("s", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
				_ = hang(ctx)
				return sink.Record("a.yaml", row("a", 1))
			}), fine("b"))
		r := request()
		r.Observe = func(e export.Event) {
			if e.Result != nil && e.Section == "s" {
				t.Errorf("section finished: %v", e.Result)
			}
		}
		time.AfterFunc(time.Hour/2, func() { cancel(errStop) })
		if _, err := e.Export(ctx, r, io.Discard); !errors.Is(err, errStop) {
			t.Errorf("Export gives %v, want the cause", err)
		}
		wantNoParts(t, spool)
	})
}
