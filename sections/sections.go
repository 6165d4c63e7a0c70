package sections

import (
	"context"
	"iter"

	"github.com/orgexport/orgexport/export"
)

// New returns a section whose Export calls run. run must not be nil, and must keep to the
// contract of [export.Section]. The engine checks the key.
func New(key string, run func(ctx context.Context, scope export.Scope, sink export.Sink) error) export.Section {
	return &section{key: key, run: run}
}

type section struct {
	key    string
	run    func(context.Context, export.Scope, export.Sink) error
	digest string
}

func (s *section) Key() string { return s.key }

// Digest implements [export.Digester].
func (s *section) Digest() string { return s.digest }

func (s *section) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	return s.run(ctx, scope, sink)
}

// FromSeq returns a section of one file with the records that seq yields. The extension of
// the file picks the encoding. A record may be anything that [export.Sink] takes, and has
// to be valid until seq yields the next one. If seq yields an error the file ends there,
// and the section returns the error. If ctx ends, so does the iteration.
func FromSeq[T any](key, file string, seq func(ctx context.Context, scope export.Scope) iter.Seq2[T, error]) export.Section {
	run := func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		return sink.Records(file, func(yield func(any, error) bool) {
			for value, err := range seq(ctx, scope) {
				if err == nil && ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				if !yield(value, err) || err != nil {
					return
				}
			}
		})
	}
	return &section{key: key, run: run, digest: digest(file)}
}
