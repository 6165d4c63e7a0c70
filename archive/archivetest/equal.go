package archivetest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

// several returns small and large files that fill several segments.
func (k *kit) several() []item {
	sizes := []int{2*k.Segment + 300, k.Segment, 300 * kib, 300 * kib, 300 * kib}
	if k.Slow {
		sizes = []int{k.Segment + 300, 300 * kib}
	}
	items := []item{newItem("first", k.large(k.Segment+11))}
	for n := range 40 {
		items = append(items, newItem(fmt.Sprintf("small/%d.yaml", n), text(n*100, uint64(n))))
	}
	for n, size := range sizes {
		items = append(items, newItem(fmt.Sprintf("large/%d.txt", n), k.large(size)))
	}
	return items
}

func testEqualBytes(t *testing.T, k *kit) {
	items := k.several()
	want := k.pack(t, items...)
	sameParts(t, "second part", k.pack(t, items...), want)
	numbers := []int{0, 1, 2, 8}
	if k.Slow {
		numbers = []int{1, 8}
	}
	for _, packers := range numbers {
		o := k.options()
		o.Pool = archive.NewPool(packers)
		got, err := k.tryPack(t.Context(), o, func(p archive.Packer) error { return addAll(t.Context(), p, items) })
		if err != nil {
			t.Fatal(err)
		}
		sameParts(t, fmt.Sprintf("part of %d packers", packers), got, want)
	}
	got, err := k.tryPack(t.Context(), archive.Options{}, func(p archive.Packer) error { return addAll(t.Context(), p, items) })
	if err != nil {
		t.Fatal(err)
	}
	sameParts(t, "part with zero options", got, want)
	same(t, "archive", k.join(t, want, want), k.join(t, want, got))
}

// testParallelParts packs parts at the same time with one pool, which also packs
// parts of other levels. They must be the same as parts packed one by one.
func testParallelParts(t *testing.T, k *kit) {
	parts := 6
	if k.Slow {
		parts = 3
	}
	items := make([][]item, parts)
	want := make([]part, parts)
	for n := range items {
		items[n] = append(k.several()[n:n+20:n+20], newItem("large", k.large(k.Segment+n)))
		want[n] = k.pack(t, items[n]...)
	}
	got := make([]part, parts)
	errs := make([]error, 2*parts)
	var running sync.WaitGroup
	for n := range errs {
		running.Go(func() {
			o := k.options()
			if n >= parts { // what the pool is shared with
				o.Level = n%9 + 1
			}
			p, err := k.tryPack(t.Context(), o, func(p archive.Packer) error { return addAll(t.Context(), p, items[n%parts]) })
			if errs[n] = err; n < parts {
				got[n] = p
			}
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for n := range got {
		sameParts(t, fmt.Sprintf("part %d", n), got[n], want[n])
	}
	k.check(t, k.join(t, got...), slices.Concat(items...)...)
}

// testConcurrentAdd adds to a part from several goroutines. The order of the
// files must be that in which their readers end.
func testConcurrentAdd(t *testing.T, k *kit) {
	late, early := newItem("late", k.large(k.Segment+1)), newItem("early", text(3000, 1))
	p, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		r := &blocked{head: bytes.NewReader(late.content), reached: make(chan struct{}), answer: make(chan struct{}), ends: true}
		result := make(chan error, 1)
		go func() {
			_, err := p.Add(t.Context(), late.entry(), r)
			result <- err
		}()
		<-r.reached
		err := add(t.Context(), p, early)
		close(r.answer)
		return errors.Join(err, <-result)
	})
	if err != nil {
		t.Fatal(err)
	}
	k.check(t, k.join(t, p), early, late)

	items := k.several()
	p, err = k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		errs := make([]error, len(items))
		var running sync.WaitGroup
		for n, i := range items {
			running.Go(func() { errs[n] = add(t.Context(), p, i) })
		}
		running.Wait()
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	a := k.join(t, p)
	got, err := k.Extract(io.NewSectionReader(bytes.NewReader(a), 0, int64(len(a))))
	if err != nil {
		t.Fatal(err)
	}
	want := files(items)
	for _, list := range [][]File{got, want} {
		slices.SortFunc(list, byName)
	}
	compare(t, got, want)
}

func testJoinOrder(t *testing.T, k *kit) {
	a, b := newItem("a", text(700, 1)), newItem("b", text(900, 2))
	first, second := k.pack(t, a), k.pack(t, b)
	k.check(t, k.join(t, first, second), a, b)
	k.check(t, k.join(t, second, first, second), b, a, b)
}

// testOneReaderAt keeps body and tail in one file, and reads both from it.
func testOneReaderAt(t *testing.T, k *kit) {
	items := []item{newItem("a", text(5000, 1)), newItem("b", k.large(k.Segment+9))}
	p := k.pack(t, items...)
	f, err := os.Create(filepath.Join(t.TempDir(), "part"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := k.Format.Pack(t.Context(), f, f, k.options(), func(p archive.Packer) error {
		return addAll(t.Context(), p, items)
	}); err != nil {
		t.Fatal(err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(p.body))
	body, tail := io.NewSectionReader(f, 0, size), io.NewSectionReader(f, at, size-at)
	var a bytes.Buffer
	if err := k.Format.Join(t.Context(), &a, k.options(), func(j archive.Joiner) error {
		return j.Part(body, tail)
	}); err != nil {
		t.Fatal(err)
	}
	same(t, "archive", a.Bytes(), k.join(t, p))
	if read, _ := body.Seek(0, io.SeekCurrent); read != at {
		t.Errorf("%d bytes of the body were read, want %d", read, at)
	}
}
