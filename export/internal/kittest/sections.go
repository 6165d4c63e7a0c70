package kittest

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

type section struct {
	key string
	run func(ctx context.Context, scope export.Scope, sink export.Sink) error
}

func (s section) Key() string { return s.key }

func (s section) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	return s.run(ctx, scope, sink)
}

// Section returns a section whose Export is run.
func Section(key string, run func(ctx context.Context, scope export.Scope, sink export.Sink) error) export.Section {
	return section{key, run}
}

// Writes returns a section that needs only its sink.
func Writes(key string, run func(sink export.Sink) error) export.Section {
	return section{key, func(_ context.Context, _ export.Scope, sink export.Sink) error { return run(sink) }}
}

// Fine returns a section that writes one record.
func Fine(key string) export.Section {
	return Writes(key, func(sink export.Sink) error {
		return sink.Record("it.yaml", Row("key", key))
	})
}

// Row returns a row of columns and values by turns.
func Row(pairs ...any) record.Row {
	var r record.Row
	for i := 0; i < len(pairs); i += 2 {
		r.Columns = append(r.Columns, pairs[i].(string))
		r.Values = append(r.Values, pairs[i+1])
	}
	return r
}

// Count yields n numbered rows, and then the error of end if there is one.
func Count(n int, end func() error) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for i := range n {
			if !yield(Row("n", i), nil) {
				return
			}
		}
		if err := end(); err != nil {
			yield(nil, err)
		}
	}
}

// Acme returns the organization of most tests.
func Acme() export.Organization {
	return export.Organization{ID: "H9cNmGXLEc8NWcZzSThA9S", Slug: "acme-foods", Name: "Acme Foods"}
}

// Request returns a request for a zip of [Acme].
func Request() export.Request {
	asOf := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	return export.Request{
		Organization: Acme(),
		JobID:        export.RunJobID(Acme().ID, asOf),
		AsOf:         asOf,
		Format:       archive.Zip(),
	}
}

// Engine returns an engine that logs nothing. change, which may be nil, changes
// its configuration.
func Engine(t *testing.T, change func(*export.Config), sections ...export.Section) *export.Engine {
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

// Noise returns an endless reader of bytes that no format can pack. They are the
// same each time.
func Noise() io.Reader { return rand.NewChaCha8([32]byte{1}) }

// ErrDisk is the error of a disk that is full.
var ErrDisk = errors.New("disk is full")

// ClosedError is an error with a text for customers.
type ClosedError struct{}

// Error implements error.
func (ClosedError) Error() string { return "secret cause" }

// Public returns the text for customers.
func (ClosedError) Public() string { return "The warehouse is closed." }
