package export_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/archive/archivetest"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

// section is a Section made of a function.
type section struct {
	key string
	run func(ctx context.Context, scope export.Scope, sink export.Sink) error
}

func (s section) Key() string { return s.key }
func (s section) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	return s.run(ctx, scope, sink)
}

// writes is a section that only uses its sink.
func writes(key string, run func(sink export.Sink) error) section {
	return section{key, func(_ context.Context, _ export.Scope, sink export.Sink) error { return run(sink) }}
}

// fine is a section that writes one record.
func fine(key string) section {
	return writes(key, func(sink export.Sink) error {
		return sink.Record("it.yaml", row("key", key))
	})
}

// row makes a Row of columns and values by turns.
func row(pairs ...any) record.Row {
	var r record.Row
	for i := 0; i < len(pairs); i += 2 {
		r.Columns = append(r.Columns, pairs[i].(string))
		r.Values = append(r.Values, pairs[i+1])
	}
	return r
}

// count yields n numbered records and then calls end.
func count(n int, end func() error) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for i := range n {
			if !yield(row("n", i), nil) {
				return
			}
		}
		if err := end(); err != nil {
			yield(nil, err)
		}
	}
}

var acme = export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}

func request() export.Request {
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	return export.Request{
		Organization: acme,
		JobID:        export.RunJobID(acme.ID, asOf),
		AsOf:         asOf,
		Format:       archive.Zip(),
	}
}

const top = "export-acme-foods-20260626-210000/"

// engine makes an engine of sections whose logs are discarded.
func engine(t *testing.T, change func(*export.Config), sections ...export.Section) *export.Engine {
	t.Helper()
	c := export.Config{
		Sections: sections,
		Scratch:  t.TempDir(),
		Logger:   slog.New(slog.DiscardHandler),
		Grace:    time.Second,
	}
	if change != nil {
		change(&c)
	}
	e, err := export.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// run exports and unpacks. It fails the test if there is no archive or its
// sums are not right.
func run(t *testing.T, e *export.Engine, r export.Request) (export.Result, map[string]string) {
	t.Helper()
	var b bytes.Buffer
	result, err := e.Export(t.Context(), r, &b)
	if err != nil {
		t.Fatalf("Export: %v", err)
	}
	if result.Size != int64(b.Len()) || result.SHA256 != sha256.Sum256(b.Bytes()) {
		t.Errorf("result has size %d, sum %x; the archive is another", result.Size, result.SHA256)
	}
	files := unpack(t, r.Format.Name(), b.Bytes())
	checkSums(t, files)
	return result, files
}

// unpack reads an archive with the standard library and takes the top folder
// off the names.
func unpack(t *testing.T, format string, b []byte) map[string]string {
	t.Helper()
	files := make(map[string]string)
	for name, content := range archivetest.Unpack(t, format, b) {
		short, ok := strings.CutPrefix(name, top)
		if !ok {
			t.Errorf("%s is outside of the top folder", name)
		}
		files[short] = content
	}
	return files
}

// checkSums checks that SHA256SUMS lists every other file with its sum.
func checkSums(t *testing.T, files map[string]string) {
	t.Helper()
	listed := 0
	for line := range strings.Lines(files["SHA256SUMS"]) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		digest := sha256.Sum256([]byte(files[name]))
		if !ok || sum != hex.EncodeToString(digest[:]) {
			t.Errorf("SHA256SUMS has a wrong line %q", line)
		}
		listed++
	}
	if listed != len(files)-1 {
		t.Errorf("SHA256SUMS lists %d files of %d", listed, len(files)-1)
	}
}

// closedError has a text for customers.
type closedError struct{}

func (closedError) Error() string  { return "secret cause" }
func (closedError) Public() string { return "The warehouse is closed." }

var errSecret = errors.New("secret cause: SELECT password FROM /etc/passwd")
