package kittest

import (
	"context"
	"fmt"
	"iter"

	"github.com/orgexport/orgexport/export"
)

// Numbered is a section of numbers from 0 on that can be exported in shards.
type Numbered struct {
	Name   string
	Rows   int
	Shards int

	// Write writes the numbers from first to the one before last.
	Write func(ctx context.Context, sink export.Sink, first, last int) error
}

// Key implements [export.Section].
func (s Numbered) Key() string { return s.Name }

// Split implements [export.Splitter].
func (s Numbered) Split(context.Context, export.Scope) (ranges []string, err error) {
	for i := range s.Shards {
		ranges = append(ranges, fmt.Sprint(i*s.Rows/s.Shards, " ", (i+1)*s.Rows/s.Shards))
	}
	return ranges, nil
}

// Export implements [export.Section].
func (s Numbered) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	first, last := 0, s.Rows
	if scope.Range != "" {
		if _, err := fmt.Sscan(scope.Range, &first, &last); err != nil {
			return err
		}
	}
	return s.Write(ctx, sink, first, last)
}

// Numbers yields a header and rows with numbers, and then the error of end if there is one.
func Numbers(first, last int, end func() error) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		header := Row("n", nil, "text", nil)
		header.Values = nil
		if !yield(header, nil) {
			return
		}
		for n := first; n < last; n++ {
			if !yield(Row("n", n, "text", fmt.Sprint("text of number ", n)), nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end())
		}
	}
}
