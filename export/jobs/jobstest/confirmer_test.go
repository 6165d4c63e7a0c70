package jobstest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

func newMemConfirmer(_ testing.TB, way func([]byte) []byte) jobs.Destination {
	return &MemConfirmer{Way: way}
}

func TestMemConfirmer(t *testing.T) {
	RunConfirmer(t, newMemConfirmer)
	RunDestination(t, func(*testing.T) jobs.Destination { return new(MemConfirmer) })
}

// believing stores what arrives, whatever was written.
type believing struct {
	MemDestination
	way      func([]byte) []byte
	confirms bool
	keeps    bool // also what it refuses
}

func (d *believing) Confirms() bool { return d.confirms }

func (d *believing) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	inner := &MemConfirmer{Way: d.way}
	err := inner.Put(ctx, key, write)
	if err == nil || d.keeps {
		err = errors.Join(err, d.MemDestination.Put(ctx, key, func(w io.Writer) error {
			return write(writer(func(p []byte) error { _, err := w.Write(d.way(p)); return err }))
		}))
	}
	if !d.keeps {
		return nil
	}
	return err
}

type writer func(p []byte) error

func (w writer) Write(p []byte) (int, error) { return len(p), w(p) }

func TestConfirmerMutants(t *testing.T) {
	kittest.TestMutants(t, confirmerPromises, func(breaks func(*believing)) makeConfirmer {
		return func(_ testing.TB, way func([]byte) []byte) jobs.Destination {
			d := &believing{way: way, confirms: true}
			breaks(d)
			return d
		}
	}, []kittest.Mutant[*believing]{
		{"ConfirmsWhatArrivesWhole", func(d *believing) { d.confirms = false }, "Confirms gives false"},
		{"ConfirmsWhatArrivesWhole", func(d *believing) {
			d.way = func([]byte) []byte { return []byte("other") }
			d.keeps = true
		}, "Put: "},
		{"RefusesOtherBytes", func(*believing) {}, "no error for an object"},
		{"RefusesOtherBytes", func(d *believing) { d.keeps = true }, `List("")`},
	})
}
