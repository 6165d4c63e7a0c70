package export_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/export"
)

// The lists of a section count towards its limit. Beyond it the section ends as one whose files
// are too large, and has what was listed until then.
func TestListsTooLarge(t *testing.T) {
	t.Parallel()
	const limit = 64 << 10
	name := func(i int) string { return fmt.Sprintf("%04d%s", i, strings.Repeat("x", 300)) } // an element too long
	for _, c := range []struct {
		list string
		add  func(sink export.Sink, i int) error
	}{
		{"_skipped.ndjson", func(sink export.Sink, i int) error { sink.Skip(name(i), closedError{}); return nil }},
		{"_notes.ndjson", func(sink export.Sink, i int) error { export.Note(sink, name(i), "It grew."); return nil }},
		{"_renamed.ndjson", func(sink export.Sink, i int) error { return sink.Binary(name(i), strings.NewReader("")) }},
	} {
		t.Run(c.list, func(t *testing.T) {
			t.Parallel()
			e := engine(t, func(c *export.Config) {
				c.Options = map[string]export.SectionOptions{"s": {MaxBytes: limit, Rename: true}}
			}, writes("s", func(sink export.Sink) error {
				if err := sink.Record("a.yaml", row("a", 1)); err != nil {
					return err
				}
				var err error
				for i := 0; i < 2000 && err == nil; i++ {
					err = c.add(sink, i)
				}
				if again := sink.Record("z.yaml", row("z", 1)); !errors.Is(again, export.ErrTooLarge) || !errors.Is(again, export.ErrSinkFailed) {
					t.Errorf("the next call gives %v, want ErrTooLarge and ErrSinkFailed", again)
				}
				return nil // its own result does not count
			}), fine("other"))
			result, files := run(t, e, request())
			got := result.Sections[0]
			if got.Status != export.StatusPartial || got.Records != 1 || !strings.HasPrefix(got.Error, "The section is larger than the limit of 65536 bytes.") {
				t.Errorf("got %+v", got)
			}
			used := 0
			for name, content := range files {
				if strings.HasPrefix(name, "s/") {
					used += 512 + len(content)
				}
			}
			lines := strings.Count(files["s/"+c.list], "\n")
			if used > limit || used < limit-2000 || lines < 50 || !strings.HasSuffix(files["s/"+c.list], "}\n") {
				t.Errorf("the section counts %d bytes, and %d lines are listed", used, lines)
			}
			switch c.list {
			case "_skipped.ndjson":
				if want := fmt.Sprintf("bytes. %d items were skipped; they are listed in s/_skipped.ndjson.", lines); !strings.HasSuffix(got.Error, want) {
					t.Errorf("%q does not end in %q", got.Error, want)
				}
			case "_renamed.ndjson": // a file is there with its line or not at all
				if got.Binaries != int64(lines) || len(files) != lines+5 {
					t.Errorf("%d files are renamed, and %d listed; there are %d in all", got.Binaries, lines, len(files))
				}
			}
			if result.Sections[1].Status != export.StatusOK {
				t.Errorf("other section: %+v", result.Sections[1])
			}
		})
	}
}

// A file of records that are all skipped ends when there is no room for the list: nobody waits
// for the rest of its rows.
func TestSkippedRecordsTooMany(t *testing.T) {
	t.Parallel()
	const limit, rows = 64 << 10, 100_000
	read := 0
	e := engine(t, func(c *export.Config) { c.MaxSectionBytes = limit }, writes("s", func(sink export.Sink) error {
		err := sink.Records("a.ndjson", func(yield func(any, error) bool) {
			for read < rows && yield(row("id", read, "f", func() {}), nil) {
				read++
			}
		})
		if !errors.Is(err, export.ErrTooLarge) || !errors.Is(err, export.ErrSinkFailed) {
			t.Errorf("Records gives %v, want ErrTooLarge and ErrSinkFailed", err)
		}
		return nil
	}))
	result, files := run(t, e, request())
	size, lines := len(files["s/_skipped.ndjson"]), strings.Count(files["s/_skipped.ndjson"], "\n")
	if size > limit || lines == 0 || read > lines+1 {
		t.Errorf("%d rows are read; the list has %d lines in %d bytes", read, lines, size)
	}
	if got := result.Sections[0]; got.Status != export.StatusError || !strings.HasPrefix(got.Error, "The section is larger than the limit") {
		t.Errorf("got %+v", got)
	}
}

// What a file has counted is given back if nothing of it is kept, and a section may have
// exactly as much as its limit.
func TestLimitIsExact(t *testing.T) {
	t.Parallel()
	const line = `{"ref":"b","reason":"The warehouse is closed."}` + "\n"
	for _, spare := range []int{0, -1} {
		e := engine(t, func(c *export.Config) { c.MaxSectionBytes = int64(512 + 1000 + 512 + len(line) + spare) }, writes("s", func(sink export.Sink) error {
			for range 10 {
				err := sink.Binary("b", io.MultiReader(strings.NewReader(strings.Repeat("b", 600)), iotest.ErrReader(errSecret)))
				if !errors.As(err, new(*export.SourceError)) {
					t.Errorf("Binary gives %v, want a SourceError", err)
				}
			}
			if err := sink.Binary("a", strings.NewReader(strings.Repeat("a", 1000))); err != nil {
				t.Error(err)
			}
			sink.Skip("b", closedError{})
			return nil
		}))
		result, files := run(t, e, request())
		tooLarge := strings.HasPrefix(result.Sections[0].Error, "The section is larger")
		if listed := files["s/_skipped.ndjson"]; spare == 0 && (listed != line || tooLarge) || spare < 0 && (listed != "" || !tooLarge) {
			t.Errorf("with %d bytes to spare: %+v, listed %q", spare, result.Sections[0], listed)
		}
	}
}

// A section may not have more in temporary files of its own than in the archive.
func TestCheckScratch(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{1000, -1} {
		e := engine(t, func(c *export.Config) { c.MaxSectionBytes = limit }, writes("s", func(sink export.Sink) error {
			if err := export.CheckScratch(sink, 1000); err != nil {
				t.Errorf("what is within the limit gives %v", err)
			}
			err := export.CheckScratch(sink, 1001)
			if limit > 0 && (!errors.Is(err, export.ErrTooLarge) || !errors.Is(err, export.ErrSinkFailed)) || limit < 0 && err != nil {
				t.Errorf("limit %d: got %v", limit, err)
			}
			if again := export.CheckScratch(sink, 0); (again == nil) != (limit < 0) {
				t.Errorf("limit %d: the next call gives %v", limit, again)
			}
			return err
		}))
		result, _ := run(t, e, request())
		if got := result.Sections[0]; (got.Error == "The section is larger than the limit of 1000 bytes.") != (limit > 0) {
			t.Errorf("limit %d: %+v", limit, got)
		}
	}
}
