package kittest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/export"
)

// Keeper is what [export.Spool] and jobs.Destination have in common.
type Keeper[K comparable] interface {
	Put(ctx context.Context, id K, write func(io.Writer) error) error
	Open(ctx context.Context, id K) (io.ReadSeekCloser, error)
	Delete(ctx context.Context, id K) error
	List(ctx context.Context, of string) ([]K, error)
}

// kept is a keeper with ids for it. List(of) lists these ids.
type kept[K comparable] struct {
	Keeper[K]
	of string
	id func(n int) K
}

// KeeperPromises returns the promises that spools and destinations share. id
// returns ids for the tests. List(of) must list them all.
func KeeperPromises[P Keeper[K], K comparable](of string, id func(n int) K) []Promise[P] {
	var promises []Promise[P]
	for _, p := range []Promise[kept[K]]{
		{"ReadsBack", keeperReadsBack[K]},
		{"Empty", keeperEmpty[K]},
		{"Large", keeperLarge[K]},
		{"NotFound", keeperNotFound[K]},
		{"FailedPutIsInvisible", keeperFailedPut[K]},
		{"PanickedPutIsInvisible", keeperPanickedPut[K]},
		{"CancelledPutIsInvisible", keeperCancelledPut[K]},
		{"UnfinishedPutIsInvisible", keeperUnfinishedPut[K]},
		{"Replaces", keeperReplaces[K]},
		{"Seeks", keeperSeeks[K]},
		{"IndependentReaders", keeperIndependentReaders[K]},
		{"Deletes", keeperDeletes[K]},
		{"Concurrent", keeperConcurrent[K]},
		{"SweepsNothingInUse", keeperSweeps[K]},
	} {
		promises = append(promises, Promise[P]{p.Name, func(t testing.TB, port P) { p.Test(t, kept[K]{port, of, id}) }})
	}
	return promises
}

// Put stores content under id.
func Put[K comparable](t testing.TB, k Keeper[K], id K, content string) {
	t.Helper()
	err := k.Put(t.Context(), id, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// Open opens what is stored under id.
func Open[K comparable](t testing.TB, k Keeper[K], id K) io.ReadSeekCloser {
	t.Helper()
	r, err := k.Open(t.Context(), id)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return r
}

// WantContent compares what is stored under id.
func WantContent[K comparable](t testing.TB, k Keeper[K], id K, want string) {
	t.Helper()
	r := Open(t, k, id)
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatalf("read: %v", err)
	}
	if string(b) != want {
		t.Errorf("%v is %.60q, want %.60q", id, b, want)
	}
}

func (k kept[K]) wantNone(t testing.TB, id K) {
	t.Helper()
	if r, err := k.Open(t.Context(), id); !errors.Is(err, export.ErrNotFound) {
		if err == nil {
			r.Close()
		}
		t.Errorf("Open gives %v, want ErrNotFound", err)
	}
	ids, err := k.List(t.Context(), k.of)
	if err != nil || slices.Contains(ids, id) {
		t.Errorf("List gives %v, %v, want it without %v", ids, err, id)
	}
}

func keeperReadsBack[K comparable](t testing.TB, k kept[K]) {
	content := strings.Repeat("part of a part ", 10_000)
	Put(t, k.Keeper, k.id(0), content)
	r := Open(t, k.Keeper, k.id(0))
	if err := iotest.TestReader(r, []byte(content)); err != nil {
		t.Errorf("the reader is broken: %.300v", err) // it quotes all that it read
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func keeperEmpty[K comparable](t testing.TB, k kept[K]) {
	Put(t, k.Keeper, k.id(0), "")
	WantContent(t, k.Keeper, k.id(0), "")
}

// keeperLarge writes pieces of an odd size.
func keeperLarge[K comparable](t testing.TB, k kept[K]) {
	content := make([]byte, 12<<20+11)
	random := rand.NewChaCha8([32]byte{})
	_, _ = random.Read(content) // never fails
	err := k.Put(t.Context(), k.id(0), func(w io.Writer) error {
		for piece := range slices.Chunk(content, 100_003) {
			if n, err := w.Write(piece); err != nil || n != len(piece) {
				return fmt.Errorf("%d of %d bytes written: %w", n, len(piece), err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r := Open(t, k.Keeper, k.id(0))
	got, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes of %d come back, or others: %v", len(got), len(content), err)
	}
}

func keeperNotFound[K comparable](t testing.TB, k kept[K]) {
	k.wantNone(t, k.id(0))
	Put(t, k.Keeper, k.id(0), "x")
	k.wantNone(t, k.id(1))
}

// ErrWrite is the error of a write function that fails.
var ErrWrite = errors.New("write failed")

// keeperFailedPut has a Put that fails, of a new id and of one that exists.
func keeperFailedPut[K comparable](t testing.TB, k kept[K]) {
	k.unchangedBy(t, func() {
		err := k.Put(t.Context(), k.id(0), func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a part")
			return ErrWrite
		})
		if !errors.Is(err, ErrWrite) {
			t.Errorf("Put gives %v, want the error of write", err)
		}
	})
}

func keeperPanickedPut[K comparable](t testing.TB, k kept[K]) {
	k.unchangedBy(t, func() {
		defer func() { _ = recover() }()
		_ = k.Put(t.Context(), k.id(0), func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a part")
			panic("write")
		})
	})
}

func keeperCancelledPut[K comparable](t testing.TB, k kept[K]) {
	k.unchangedBy(t, func() {
		ctx, cancel := context.WithCancel(t.Context())
		err := k.Put(ctx, k.id(0), func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a part")
			cancel()
			return nil
		})
		WantCancelled(t, "Put", err)
		err = k.Put(ctx, k.id(0), func(w io.Writer) error {
			_, _ = io.WriteString(w, "half a part")
			return nil
		})
		WantCancelled(t, "Put", err)
	})
}

// unchangedBy checks that failedPut, of id 0, changes nothing.
func (k kept[K]) unchangedBy(t testing.TB, failedPut func()) {
	t.Helper()
	failedPut()
	k.wantNone(t, k.id(0))
	Put(t, k.Keeper, k.id(0), "as it was")
	failedPut()
	WantContent(t, k.Keeper, k.id(0), "as it was")
}

// keeperUnfinishedPut looks for the id while write runs.
func keeperUnfinishedPut[K comparable](t testing.TB, k kept[K]) {
	err := k.Put(t.Context(), k.id(0), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat("half a part", 100_000))
		k.wantNone(t, k.id(0))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func keeperReplaces[K comparable](t testing.TB, k kept[K]) {
	Put(t, k.Keeper, k.id(0), "a long first part")
	Put(t, k.Keeper, k.id(0), "second")
	WantContent(t, k.Keeper, k.id(0), "second")
}

func keeperSeeks[K comparable](t testing.TB, k kept[K]) {
	Put(t, k.Keeper, k.id(0), "0123456789")
	r := Open(t, k.Keeper, k.id(0))
	defer r.Close()
	for _, c := range []struct {
		offset int64
		whence int
		at     int64
		want   string
	}{
		{0, io.SeekEnd, 10, ""},
		{7, io.SeekStart, 7, "789"},
		{-4, io.SeekEnd, 6, "6789"},
		{0, io.SeekStart, 0, "0123456789"},
		{-9, io.SeekCurrent, 1, "123456789"},
	} {
		at, err := r.Seek(c.offset, c.whence)
		if err != nil || at != c.at {
			t.Fatalf("Seek(%d, %d) gives %d, %v, want %d", c.offset, c.whence, at, err, c.at)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != c.want {
			t.Fatalf("after Seek(%d, %d) comes %q, %v, want %q", c.offset, c.whence, got, err, c.want)
		}
	}
}

func keeperIndependentReaders[K comparable](t testing.TB, k kept[K]) {
	Put(t, k.Keeper, k.id(0), "0123456789")
	a := Open(t, k.Keeper, k.id(0))
	defer a.Close()
	b := Open(t, k.Keeper, k.id(0))
	defer b.Close()
	if _, err := b.Seek(-4, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r    io.Reader
		want string
	}{{a, "01"}, {b, "67"}, {a, "23"}, {b, "89"}} {
		got := make([]byte, 2)
		if _, err := io.ReadFull(c.r, got); err != nil || string(got) != c.want {
			t.Fatalf("read %q, %v, want %q", got, err, c.want)
		}
	}
}

func keeperDeletes[K comparable](t testing.TB, k kept[K]) {
	Put(t, k.Keeper, k.id(0), "x")
	Put(t, k.Keeper, k.id(1), "y")
	for range 2 { // deleting what is not there is no error
		if err := k.Delete(t.Context(), k.id(0)); err != nil {
			t.Fatal(err)
		}
	}
	k.wantNone(t, k.id(0))
	WantContent(t, k.Keeper, k.id(1), "y")
}

// keeperConcurrent writes many ids, and one that all goroutines share.
func keeperConcurrent[K comparable](t testing.TB, k kept[K]) {
	var wg sync.WaitGroup
	const shared = 8
	for i := range shared {
		wg.Go(func() {
			for n := range 20 {
				content := strings.Repeat(fmt.Sprint(i), n*1000)
				if got, err := k.rewrite(t.Context(), k.id(i), content); err != nil || got != content {
					t.Errorf("id %d, round %d: %d bytes, %v", i, n, len(got), err)
					return
				}
				content = strings.Repeat(fmt.Sprint(i), 1000)
				got, err := k.rewrite(t.Context(), k.id(shared), content)
				if err != nil || len(got) != len(content) || strings.Trim(got, got[:1]) != "" {
					t.Errorf("the shared id, round %d: %d bytes, or of several writers, %v", n, len(got), err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (k kept[K]) rewrite(ctx context.Context, id K, content string) (string, error) {
	err := k.Put(ctx, id, func(w io.Writer) error {
		_, err := io.WriteString(w, content)
		return err
	})
	if err != nil {
		return "", err
	}
	r, err := k.Open(ctx, id)
	if err != nil {
		return "", err
	}
	got, err := io.ReadAll(r)
	return string(got), errors.Join(err, r.Close())
}

// keeperSweeps sweeps while write runs. It passes if the keeper is no
// export.Sweeper.
func keeperSweeps[K comparable](t testing.TB, k kept[K]) {
	sweeper, ok := k.Keeper.(export.Sweeper)
	if !ok {
		return
	}
	sweep := func() {
		if err := sweeper.Sweep(t.Context()); err != nil {
			t.Errorf("Sweep: %v", err)
		}
	}
	sweep()
	Put(t, k.Keeper, k.id(0), "sealed")
	err := k.Put(t.Context(), k.id(1), func(w io.Writer) error {
		_, err := io.WriteString(w, strings.Repeat("first half, ", 100_000))
		sweep()
		_, err2 := io.WriteString(w, "second half")
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Errorf("Put during a Sweep: %v", err)
		return
	}
	sweep()
	WantContent(t, k.Keeper, k.id(0), "sealed")
	WantContent(t, k.Keeper, k.id(1), strings.Repeat("first half, ", 100_000)+"second half")
}

// WantList compares what List(of) gives, in any order.
func WantList[K comparable](t testing.TB, k Keeper[K], of string, want ...K) {
	t.Helper()
	got, err := k.List(t.Context(), of)
	if err != nil {
		t.Fatal(err)
	}
	byText := func(a, b K) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) }
	slices.SortFunc(got, byText)
	slices.SortFunc(want, byText)
	if !slices.Equal(got, want) {
		t.Errorf("List(%q) gives %v, want %v", of, got, want)
	}
}
