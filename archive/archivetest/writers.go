package archivetest

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// failing is a writer with room for a number of bytes. After that it returns
// errInjected or, if silent, only a short count.
type failing struct {
	room   int
	silent bool
}

func (f *failing) Write(p []byte) (int, error) {
	if len(p) <= f.room {
		f.room -= len(p)
		return len(p), nil
	}
	n := f.room
	f.room = 0
	if f.silent {
		return n, nil
	}
	return n, errInjected
}

// want returns the error that its caller must report.
func (f *failing) want() error {
	if f.silent {
		return io.ErrShortWrite
	}
	return errInjected
}

// testWriteErrors lets writers fail at every offset of a small archive, and at
// some offsets of a larger one.
func testWriteErrors(t *testing.T, k *kit) {
	small := []item{newItem("a.yaml", text(300, 1)), newItem("empty", nil), newItem("b.bin", noise(40, 1))}
	step, larger := 1, k.several()
	if k.Slow {
		step, larger = 13, larger[:3]
	}
	k.writeErrors(t, small, step)
	k.writeErrors(t, larger, 0)
}

// writeErrors tries every step-th offset, or a few if step is 0.
func (k *kit) writeErrors(t *testing.T, items []item, step int) {
	t.Helper()
	p := k.pack(t, items...)
	a := k.join(t, p, p)
	addItems := func(p archive.Packer) error { //nolint:unparam // it is a function for Pack
		// A caller that ignores errors must get one from Pack.
		for _, i := range items {
			_, _ = p.Add(t.Context(), i.entry(), bytes.NewReader(i.content))
		}
		return nil
	}
	k.everyOffset(t, len(p.body), step, func(w io.Writer) error {
		return k.Format.Pack(t.Context(), w, io.Discard, k.options(), addItems)
	})
	k.everyOffset(t, len(p.body)+len(p.tail), step, func(w io.Writer) error {
		return k.Format.Pack(t.Context(), w, w, k.options(), addItems)
	})
	k.everyOffset(t, len(a), step, func(w io.Writer) error {
		return k.Format.Join(t.Context(), w, k.options(), func(j archive.Joiner) error {
			for range 2 { // the same here
				_ = j.Part(bytes.NewReader(p.body), bytes.NewReader(p.tail))
			}
			return nil
		})
	})
}

// everyOffset calls test with writers that fail at every step-th of so many bytes, or at a few if
// step is 0.
func (k *kit) everyOffset(t *testing.T, size, step int, test func(io.Writer) error) {
	t.Helper()
	if step == 0 {
		few := 12
		if k.Slow {
			few = 2
		}
		step = size/few + 1
	}
	for room := 0; room < size; room += step {
		for _, silent := range []bool{false, true} {
			w := &failing{room, silent}
			if err := test(w); !errors.Is(err, w.want()) {
				t.Fatalf("failure at %d of %d: %v, want %v", room, size, err, w.want())
			}
		}
	}
	if err := test(&failing{room: size}); err != nil {
		t.Fatalf("room for all %d bytes: %v", size, err)
	}
}

// testScratchFails packs a large file where there is no folder for scratch.
func testScratchFails(t *testing.T, k *kit) {
	o := k.options()
	o.Pool = archive.NewPool(1) // a few segments wait in memory
	o.Scratch = filepath.Join(t.TempDir(), "missing")
	_, err := k.tryPack(t.Context(), o, func(p archive.Packer) error {
		if err := add(t.Context(), p, newItem("small", []byte("x"))); err != nil {
			return err
		}
		var re *archive.ReadError
		large := slices.Concat(repeated(5*k.Segment), noise(100*kib, 1), repeated(10*k.Segment)) // more than fits in memory
		if err := add(t.Context(), p, newItem("large", large)); err == nil || errors.As(err, &re) {
			t.Errorf("Add without scratch: %v", err)
		}
		for _, size := range []int{0, 10, k.Segment + 1} {
			if err := add(t.Context(), p, newItem("later", repeated(size))); err == nil {
				t.Errorf("Add of %d bytes after a failure of scratch succeeds", size)
			}
		}
		return nil
	})
	if err == nil {
		t.Error("Pack succeeds after a failure of scratch")
	}
}
