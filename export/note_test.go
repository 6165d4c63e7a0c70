package export_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orgexport/orgexport/export"
)

// What there is to know of an item is listed, and fails nothing.
func TestNote(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		if err := sink.Binary("a.log", strings.NewReader("a")); err != nil {
			return err
		}
		export.Note(sink, "a.log", "The file grew.")
		var bad *export.NameError
		if err := sink.Binary("_notes.ndjson", strings.NewReader("b")); !errors.As(err, &bad) {
			t.Errorf("the section may write _notes.ndjson: %v", err)
		}
		return nil
	}))
	result, files := run(t, e, request())
	if want := `{"ref":"a.log","note":"The file grew."}` + "\n"; files["s/_notes.ndjson"] != want {
		t.Errorf("noted %q, want %q", files["s/_notes.ndjson"], want)
	}
	if want := (export.SectionResult{Key: "s", Status: export.StatusOK, Binaries: 1}); result.Sections[0] != want {
		t.Errorf("got %+v", result.Sections[0])
	}
}

// Lists have texts of a kilobyte at most, with their ends.
func TestListsAreBounded(t *testing.T) {
	long := func(unit string) string { return "begin " + strings.Repeat(unit, 1<<20/len(unit)) + ", row 17" }
	refs := []string{long("x"), long("ä"), long("\xff"), long("\x80"), strings.Repeat("y", 1024)}
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		for _, ref := range refs {
			sink.Skip(ref, &export.NameError{Name: ref, Reason: "has a slash"})
			export.Note(sink, ref, ref)
		}
		return nil
	}))
	_, files := run(t, e, request())
	for _, list := range []string{"s/_skipped.ndjson", "s/_notes.ndjson"} {
		lines := strings.Split(strings.TrimSpace(files[list]), "\n")
		for i, line := range lines {
			if len(line) > 2200 || !utf8.ValidString(line) {
				t.Errorf("%s: line %d has %d bytes", list, i+1, len(line))
			}
			cut := strings.HasPrefix(line, `{"ref":"begin `) && strings.Contains(line, ` bytes cut)…`) && strings.Contains(line, `, row 17"`)
			if whole := strings.HasPrefix(line, `{"ref":"`+refs[len(refs)-1]+`"`); cut == whole {
				t.Errorf("%s: line %d is %s", list, i+1, line)
			}
		}
		if len(lines) != len(refs) {
			t.Errorf("%s has %d lines", list, len(lines))
		}
	}
	if line := files["s/_skipped.ndjson"]; strings.Count(line, `has a slash."}`) != len(refs) {
		t.Errorf("reasons are cut:\n%s", line)
	}
}
