package archivetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/orgexport/orgexport/archive"
)

var errInjected = errors.New("injected")

func testShortReaders(t *testing.T, k *kit) {
	items := []item{newItem("small", text(5000, 1)), newItem("large", k.large(k.Segment+100))}
	want := k.pack(t, items...)
	for name, shorten := range map[string]func(io.Reader) io.Reader{
		"OneByteReader": iotest.OneByteReader,
		"HalfReader":    iotest.HalfReader,
		"DataErrReader": iotest.DataErrReader,
		"EmptyReads":    func(r io.Reader) io.Reader { return &stutter{r: r} },
	} {
		got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
			for _, i := range items {
				if _, err := p.Add(t.Context(), i.entry(), shorten(bytes.NewReader(i.content))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		sameParts(t, name, got, want)
	}
}

// stutter is a reader that returns nothing at every second call.
type stutter struct {
	r     io.Reader
	empty bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.empty = !s.empty; s.empty {
		return 0, nil
	}
	return s.r.Read(p)
}

// testLongReader packs a file of many segments. The heap must not grow with it.
func testLongReader(t *testing.T, k *kit) {
	line := repeated(mib)
	times := 192
	if k.Slow {
		times = 6
	}
	digest, r := sha256.New(), &meter{r: repeat(line, times)}
	var f archive.File
	runtime.GC()
	start := heap()
	p, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) (err error) {
		f, err = p.Add(t.Context(), newItem("long", nil).entry(), io.TeeReader(r, digest))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := File{Name: "long", Size: int64(times) * mib, ModTime: modified}
	digest.Sum(want.SHA256[:0])
	if f.Size != want.Size || f.SHA256 != want.SHA256 {
		t.Errorf("Add returned %v, want %v", f, want)
	}
	a := k.join(t, p)
	k.checkFiles(t, bytes.NewReader(a), int64(len(a)), []File{want})
	// Two packers keep six segments in flight. The rest is garbage not yet
	// collected.
	if grown := int64(r.peak) - int64(start); !k.Slow && grown > 64*mib {
		t.Errorf("the heap grew by %d MiB", grown/mib)
	}
}

// repeat returns a reader of b, again and again.
func repeat(b []byte, times int) io.Reader {
	readers := make([]io.Reader, times)
	for i := range readers {
		readers[i] = bytes.NewReader(b)
	}
	return io.MultiReader(readers...)
}

// meter is a reader that notes the size of the heap at each read.
type meter struct {
	r    io.Reader
	peak uint64
}

func (m *meter) Read(p []byte) (int, error) {
	m.peak = max(m.peak, heap())
	return m.r.Read(p)
}

func heap() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// testReaderFails adds two files, and in between files that fail at many offsets.
// The part must be as if these had never been added.
func testReaderFails(t *testing.T, k *kit) {
	good := []item{newItem("before", text(3000, 1)), newItem("after", text(3000, 2))}
	small, big := text(3000, 3), k.large(2*k.Segment+300)
	offsets, ways := []int{0, 1, k.Segment - 1, k.Segment, k.Segment + 1, 2*k.Segment - 1, 2 * k.Segment, 2*k.Segment + 1, 2*k.Segment + 299, 2*k.Segment + 300}, breaks
	if k.Slow {
		offsets, ways = []int{k.Segment - 1, k.Segment, k.Segment + 1, 2*k.Segment + 300}, breaks[:2]
	}
	got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		if err := add(t.Context(), p, good[0]); err != nil {
			return err
		}
		for at := 0; at <= len(small); at += 47 {
			failOne(t, p, small, at, breaks)
		}
		for _, at := range offsets {
			failOne(t, p, big, at, ways)
		}
		return add(t.Context(), p, good[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	sameParts(t, "part with failed files", got, k.pack(t, good...))
}

// broken is a way in which a reader can fail after the bytes of head.
type broken struct {
	name  string
	after func(head []byte) io.Reader
	cause error
}

var breaks = []broken{
	{"error", thenError(errInjected), errInjected},
	{"error with data", func(head []byte) io.Reader { return &failsWithData{rest: head} }, errInjected},
	{"unexpected EOF", thenError(io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
	{"context error of its own", thenError(context.Canceled), context.Canceled},
	{"no progress", func(head []byte) io.Reader { return io.MultiReader(bytes.NewReader(head), idle{}) }, io.ErrNoProgress},
}

func thenError(err error) func([]byte) io.Reader {
	return func(head []byte) io.Reader { return io.MultiReader(bytes.NewReader(head), iotest.ErrReader(err)) }
}

// failOne adds a file whose reader breaks at an offset.
func failOne(t *testing.T, p archive.Packer, content []byte, at int, ways []broken) {
	t.Helper()
	for _, way := range ways {
		f, err := p.Add(t.Context(), newItem("failing", nil).entry(), way.after(content[:at]))
		var re *archive.ReadError
		if !errors.As(err, &re) || re.Name != "failing" || !errors.Is(err, way.cause) {
			t.Fatalf("%s at %d: %v, want a ReadError of %v", way.name, at, err, way.cause)
		}
		if f != (archive.File{}) {
			t.Fatalf("%s at %d: returned %v", way.name, at, f)
		}
	}
}

// failsWithData is a reader that fails together with its last bytes. After that
// it returns io.EOF.
type failsWithData struct {
	rest []byte
	told bool
}

func (f *failsWithData) Read(p []byte) (int, error) {
	if f.told {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	if f.rest = f.rest[n:]; len(f.rest) > 0 {
		return n, nil
	}
	f.told = true
	return n, errInjected
}

// idle is a reader that returns nothing, for ever.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

// testReaderPanics lets a reader panic. Pack must panic too, unless its function
// recovers; then the part goes on.
func testReaderPanics(t *testing.T, k *kit) {
	good := []item{newItem("before", text(3000, 1)), newItem("after", text(3000, 2))}
	want := k.pack(t, good...)
	for _, size := range []int{0, 100, k.Segment, 2*k.Segment + 5} {
		bad := func(p archive.Packer) error {
			_, err := p.Add(t.Context(), newItem("bad", nil).entry(), io.MultiReader(bytes.NewReader(repeated(size)), panics{}))
			return err
		}
		caught := catch(func() {
			_, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
				return errors.Join(add(t.Context(), p, good[0]), bad(p))
			})
			t.Errorf("size %d: Pack returned %v", size, err)
		})
		if caught != any(errInjected) {
			t.Errorf("size %d: Pack panicked with %v", size, caught)
		}
		got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
			if err := add(t.Context(), p, good[0]); err != nil {
				return err
			}
			if caught := catch(func() { _ = bad(p) }); caught != any(errInjected) {
				return fmt.Errorf("Add panicked with %v", caught)
			}
			return add(t.Context(), p, good[1])
		})
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		sameParts(t, "part with a caught panic", got, want)
	}
}

type panics struct{}

func (panics) Read([]byte) (int, error) { panic(errInjected) }

// catch returns what fn panics with, or nil.
func catch(fn func()) (caught any) {
	defer func() { caught = recover() }()
	fn()
	return nil
}
