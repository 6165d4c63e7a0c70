package jobs_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/orgexport/orgexport/archive"
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

// closedError has a text for customers.
type closedError struct{}

func (closedError) Error() string  { return "secret cause" }
func (closedError) Public() string { return "The warehouse is closed." }

var errDisk = errors.New("disk is full")

func newNoise() io.Reader { return rand.NewChaCha8([32]byte{1}) }
