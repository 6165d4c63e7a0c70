package export_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
)

// failAfter fails once n bytes have been written.
type failAfter struct{ n int }

func (w *failAfter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestDestinationFails(t *testing.T) {
	for _, format := range []archive.Format{archive.Zip(), archive.TarGz()} {
		spool := export.NewTempSpool(t.TempDir())
		e := engine(t, func(c *export.Config) { c.Spool = spool }, fine("a"), fine("b"))
		r := request()
		r.Format = format
		var whole bytes.Buffer
		if _, err := e.Export(t.Context(), r, &whole); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < whole.Len(); n += 7 {
			if _, err := e.Export(t.Context(), r, &failAfter{n}); !errors.Is(err, errDisk) {
				t.Fatalf("%s: full after %d bytes of %d: %v", format.Name(), n, whole.Len(), err)
			}
		}
		wantNoParts(t, spool)
	}
}

// fullSpool has room for n bytes in each part.
type fullSpool struct {
	export.Spool
	n int
}

func (s *fullSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	return s.Spool.Put(ctx, id, func(w io.Writer) error {
		return write(io.MultiWriter(&failAfter{s.n}, w))
	})
}

func TestSpoolFails(t *testing.T) {
	spool := &fullSpool{Spool: export.NewTempSpool(t.TempDir())}
	for n := 0; n < 4000; n += 97 {
		spool.n = n
		e := engine(t, func(c *export.Config) { c.Spool = spool }, fine("a"), writes("big", func(sink export.Sink) error {
			return sink.Binary("noise", io.LimitReader(newNoise(), 4<<20))
		}))
		if _, err := e.Export(t.Context(), request(), io.Discard); !errors.Is(err, errDisk) {
			t.Fatalf("full after %d bytes: %v", n, err)
		}
		wantNoParts(t, spool)
	}
}

func TestScratchFails(t *testing.T) {
	e := engine(t, func(c *export.Config) {
		c.Spool = export.NewTempSpool(t.TempDir())
		c.Scratch += "/gone"
		c.Pool = archive.NewPool(1) // a few megabytes wait in memory
	}, writes("big", func(sink export.Sink) error {
		err := sink.Binary("noise", io.LimitReader(newNoise(), 32<<20))
		if !errors.Is(err, export.ErrSinkFailed) {
			t.Errorf("Binary gives %v, want ErrSinkFailed", err)
		}
		return nil
	}))
	if _, err := e.Export(t.Context(), request(), io.Discard); err == nil || errors.Is(err, errSecret) {
		t.Errorf("Export gives %v", err)
	}
}
