package riverqueue_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

var _ export.Splitter = splitSection{}

// splitSection is a slow section that is exported in shards. What it writes of a step
// depends on nothing but the organization and its key.
type splitSection struct{ slowSection }

// Split implements [export.Splitter].
func (s splitSection) Split(context.Context, export.Scope) (ranges []string, err error) {
	for i := range s.shards {
		ranges = append(ranges, fmt.Sprintf("%d-%d", i*s.steps/s.shards, (i+1)*s.steps/s.shards))
	}
	return ranges, nil
}

// Export writes files of records that go on over the borders of shards, at the pace of two
// of its steps for each, and binaries.
func (s splitSection) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	if s.began != nil {
		if err := s.began(ctx, scope, s.key); err != nil {
			return err
		}
	}
	first, last := 0, s.steps
	if scope.Range != "" {
		if _, err := fmt.Sscanf(scope.Range, "%d-%d", &first, &last); err != nil {
			return err
		}
	}
	for _, name := range []string{"list.csv", "list.json"} {
		if err := sink.Records(name, s.records(ctx, scope, first, last)); err != nil {
			return err
		}
	}
	for i := first; i < last; i++ {
		bytes, random := s.data(scope, i)
		if err := sink.Binary(fmt.Sprintf("picture-%03d.bin", i), io.LimitReader(bytes, random.Int64N(5<<10))); err != nil {
			return err
		}
	}
	return nil
}

// records yields those of some steps. It has a pause in each second step.
func (s splitSection) records(ctx context.Context, scope export.Scope, first, last int) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		for i := first; i < last; i++ {
			if i%2 == 0 {
				if err := s.wait(ctx); err != nil {
					yield(nil, err)
					return
				}
			}
			_, random := s.data(scope, i)
			for range 8 {
				row := record.Row{Columns: []string{"step", "name"}, Values: []any{i, fmt.Sprintf("%x", random.Uint64())}}
				if !yield(row, nil) {
					return
				}
			}
		}
	}
}

// data are those of a step.
func (s splitSection) data(scope export.Scope, step int) (io.Reader, *rand.Rand) {
	bytes := rand.NewChaCha8(sha256.Sum256(fmt.Append(nil, scope.Organization.ID, " ", s.key, " ", step)))
	return bytes, rand.New(bytes)
}
