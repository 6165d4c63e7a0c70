package export_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/orgexport/orgexport/export"
)

var badNames = []string{
	"", ".", "..", "../x", "a/../b", "/a", "a/", "a//b", "./a", `C:\x`, `a\b`, "c:x", "a\x00b", "a\nb", "a\x7f", "a\u0085b",
	"CON", "con.yaml", "a/NUL", "nul.tar.gz", "COM1", "lpt9.txt", "com¹", "AUX .txt", "CONIN$",
	"a.", "a ", "a./b", "b /c", "...", "a*b", "a?b", `a"b`, "a<b", "a>b", "a|b",
	strings.Repeat("x", 256), strings.Repeat("é", 128), strings.Repeat("long/", 300) + "x", "a\xffb", "_skipped.ndjson", "_Skipped.NDJSON", "_skipped.ndjson/a", "_renamed.ndjson/a",
}

func TestBadNames(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		for _, name := range badNames {
			err := sink.Binary(name, strings.NewReader("x"))
			var bad *export.NameError
			if !errors.As(err, &bad) || bad.Reason == "" {
				t.Errorf("name %q gives %v, want a NameError", name, err)
			}
			if err := export.CheckName(name); err == nil {
				t.Errorf("CheckName takes %q", name)
			}
		}
		return sink.Binary("fine", strings.NewReader("x"))
	}))
	if _, files := run(t, e, request()); len(files) != 3 {
		t.Errorf("%d files, want 3: %q", len(files), files)
	}
}

func TestGoodNames(t *testing.T) {
	good := []string{
		"a", ".hidden", "a.b.c", "a b", "CONTROL", "COM", "COM10", "NULL.txt", "console", "folder/b/c/d",
		"日本語.yaml", "e\u0301", "👩‍👩‍👧", "a&b", "a'b", "$a", "#", "~", strings.Repeat("x", 255), "_skipped", "sub/_skipped.ndjson",
	}
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		var errs []error
		for _, name := range good {
			errs = append(errs, sink.Binary(name, strings.NewReader(name)))
		}
		return errors.Join(errs...)
	}))
	_, files := run(t, e, request())
	for _, name := range good {
		if files["s/"+name] != name {
			t.Errorf("%q is %q", name, files["s/"+name])
		}
	}
}

func TestRecordNames(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		for _, name := range []string{"a", "a.txt", "a.YAML", ".yaml.", "a.yml"} {
			var bad *export.NameError
			if err := sink.Record(name, row("a", 1)); !errors.As(err, &bad) {
				t.Errorf("Record %q gives %v, want a NameError", name, err)
			}
			if err := sink.Records(name, count(1, func() error { return nil })); !errors.As(err, &bad) {
				t.Errorf("Records %q gives %v, want a NameError", name, err)
			}
		}
		return nil
	}))
	run(t, e, request())
}

func TestDuplicateNames(t *testing.T) {
	for _, c := range [][2]string{
		{"a.png", "a.png"},
		{"a.png", "A.PNG"},
		{"straße", "STRASSE"},
		{"é.png", "e\u0301.png"},
		{"É", "e\u0301"},
		{"Σ", "ς"},
		{"a", "a/b"},
		{"a/b", "a"},
		{"x/A/b", "x/a"},
		{"x/y", "X/Y/z"},
	} {
		e := engine(t, nil, writes("s", func(sink export.Sink) error {
			if err := sink.Binary(c[0], strings.NewReader("first")); err != nil {
				t.Errorf("%q: %v", c[0], err)
			}
			var bad *export.NameError
			if err := sink.Binary(c[1], strings.NewReader("second")); !errors.As(err, &bad) {
				t.Errorf("%q after %q gives %v, want a NameError", c[1], c[0], err)
			}
			return nil
		}), writes("other", func(sink export.Sink) error { return sink.Binary(c[1], strings.NewReader("x")) }))
		result, files := run(t, e, request())
		if files["s/"+c[0]] != "first" || result.Sections[0].Binaries != 1 || result.Sections[1].Status != "ok" {
			t.Errorf("%q: %v", c, result.Sections)
		}
	}
}

func TestSharedFolders(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		var errs []error
		for i := range 20 {
			for _, dir := range []string{"x", "x/y", "X/z", "x/y/w"} {
				errs = append(errs, sink.Binary(fmt.Sprintf("%s/f%d", dir, i), strings.NewReader("")))
			}
		}
		return errors.Join(errs...)
	}))
	if result, _ := run(t, e, request()); result.Sections[0].Binaries != 80 {
		t.Errorf("got %+v", result.Sections)
	}
}

func FuzzCheckName(f *testing.F) {
	for _, name := range badNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if export.CheckName(name) != nil {
			return
		}
		// What is taken is safe to join to a folder on any system.
		for element := range strings.SplitSeq(name, "/") {
			if element == "" || element == "." || element == ".." || strings.ContainsAny(element, "\\:\x00") || len(element) > 255 {
				t.Errorf("CheckName takes %q", name)
			}
		}
		if again := export.FoldName(export.FoldName(name)); again != export.FoldName(name) {
			t.Errorf("folding %q twice gives %q", name, again)
		}
	})
}
