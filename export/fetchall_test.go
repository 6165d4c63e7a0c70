package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

// far are files that are far away. It counts what FetchAll has of them.
type far struct {
	delay time.Duration // of an Open

	mu                sync.Mutex
	open, most, opens int
	read              int64
}

// of returns a file of those bytes. With sized it tells how many.
func (f *far) of(content io.Reader, size int64) func(context.Context) (export.Content, error) {
	return func(ctx context.Context) (export.Content, error) {
		f.add(1)
		if f.delay > 0 {
			select {
			case <-time.After(f.delay):
			case <-ctx.Done():
				f.add(-1)
				return export.Content{}, context.Cause(ctx)
			}
		}
		return export.Content{Body: &farBody{far: f, ctx: ctx, r: content}, Size: size}, nil
	}
}

func (f *far) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open += n; n > 0 {
		f.opens++
	}
	f.most = max(f.most, f.open)
}

func (f *far) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.open
}

type farBody struct {
	far    *far
	ctx    context.Context
	r      io.Reader
	closed atomic.Bool
}

func (b *farBody) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, context.Cause(b.ctx)
	}
	n, err := b.r.Read(p)
	b.far.mu.Lock()
	b.far.read += int64(n)
	b.far.mu.Unlock()
	return n, err
}

func (b *farBody) Close() error {
	if b.closed.Swap(true) {
		panic("closed twice")
	}
	b.far.add(-1)
	return nil
}

func seqOf(items []export.Item) iter.Seq2[export.Item, error] {
	return func(yield func(export.Item, error) bool) {
		for _, item := range items {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// fetched is what FetchAll has made of items, a line each, and its error.
func fetched(t *testing.T, items iter.Seq2[export.Item, error], n int) (lines []string, err error) {
	t.Helper()
	r := sectiontest.NewRecorder(t.Context())
	err = export.FetchAll(t.Context(), r, items, n)
	for _, c := range r.Calls() {
		switch {
		case c.Op == sectiontest.Skip:
			lines = append(lines, fmt.Sprintf("skip %s: %s", c.Name, export.PublicTextOr(c.Err, "no text")))
		case c.Err == nil:
			lines = append(lines, fmt.Sprintf("%s: %d", c.Name, len(c.Content)))
		}
	}
	return lines, err
}

// 64 are opened at once, and no more, however long the first one takes.
func TestFetchAllOpensAhead(t *testing.T) {
	const n = 64
	f := &far{}
	var all sync.WaitGroup
	all.Add(n)
	var items []export.Item
	for i := range 10 * n {
		open := f.of(strings.NewReader(fmt.Sprint(i)), 0)
		items = append(items, export.Item{Name: fmt.Sprint(i), Open: func(ctx context.Context) (export.Content, error) {
			content, err := open(ctx)
			if i < n { // none of these ends before all have begun
				all.Done()
				all.Wait()
			}
			return content, err
		}})
	}
	r := sectiontest.NewRecorder(t.Context())
	if err := export.FetchAll(t.Context(), r, seqOf(items), n); err != nil {
		t.Fatal(err)
	}
	for i, c := range r.Calls() {
		if c.Name != fmt.Sprint(i) || string(c.Content) != fmt.Sprint(i) {
			t.Fatalf("call %d is %s with %q", i, c.Name, c.Content)
		}
	}
	if len(r.Calls()) != 10*n || f.most != n || f.open != 0 {
		t.Errorf("%d files, of which %d at once; %d are open", len(r.Calls()), f.most, f.open)
	}
}

// What comes is what goes into the archive, whatever the size and whether it is known.
func TestFetchAllSizes(t *testing.T) {
	f := &far{}
	var items []export.Item
	var want []string
	contents := make(map[string][]byte)
	for _, size := range []int{0, 1, 511, 4 << 10, 4<<10 + 1, 128<<10 - 1, 128 << 10, 128<<10 + 1, 1 << 20} {
		for how, known := range map[string]int64{"known": int64(size), "unknown": -1} {
			name := fmt.Sprintf("%d-%s", size, how)
			content := bytes.Repeat([]byte(name), size/len(name)+1)[:size]
			contents[name] = content
			items = append(items,
				export.Item{Name: name, Open: f.of(bytes.NewReader(content), known)},
				export.Item{Name: name + "-bytes", Open: f.of(iotest.OneByteReader(iotest.DataErrReader(bytes.NewReader(content[:min(size, 9<<10)]))), 0)})
			want = append(want, fmt.Sprintf("%s: %d", name, size), fmt.Sprintf("%s-bytes: %d", name, min(size, 9<<10)))
			for _, other := range []int{size + 1, size - 1} {
				if other > 0 {
					name := fmt.Sprintf("%d-for-%d-%s", size, other, how)
					items = append(items, export.Item{Name: name, Ref: "ref of " + name, Open: f.of(bytes.NewReader(content), int64(other))})
					want = append(want, "skip ref of "+name+": The file has not the size that its source says.")
				}
			}
		}
	}
	r := sectiontest.NewRecorder(t.Context())
	if err := export.FetchAll(t.Context(), r, seqOf(items), 3); err != nil {
		t.Fatal(err)
	}
	for name, content := range contents {
		if c, ok := r.Find(name); !ok || !bytes.Equal(c.Content, content) {
			t.Errorf("%s is another: %d bytes", name, len(c.Content))
		}
	}
	var got []string
	for _, c := range r.Calls() {
		switch {
		case c.Op == sectiontest.Skip:
			got = append(got, fmt.Sprintf("skip %s: %s", c.Name, export.PublicText(c.Err)))
		case c.Err == nil:
			got = append(got, fmt.Sprintf("%s: %d", c.Name, len(c.Content)))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if f.open != 0 {
		t.Errorf("%d are open", f.open)
	}
}

// What fails is skipped, and those behind it are not; the machine's faults are returned, behind
// what came before.
func TestFetchAllFailures(t *testing.T) {
	f := &far{}
	fine := func(name string) export.Item {
		return export.Item{Name: name, Open: f.of(strings.NewReader(name), 0)}
	}
	failing := func(err error) func(context.Context) (export.Content, error) {
		return func(context.Context) (export.Content, error) { return export.Content{}, err }
	}
	large := func(err error) io.Reader {
		return io.MultiReader(strings.NewReader(strings.Repeat("x", 300<<10)), iotest.ErrReader(err))
	}
	lost := fmt.Errorf("host 10.1.2.3: %w", syscall.ECONNRESET)
	for _, c := range []struct {
		name string
		item export.Item
		skip string // what is skipped, or
		err  error  // what FetchAll returns
	}{
		{"open", export.Item{Name: "b", Open: failing(errSecret)}, "skip b: no text", nil},
		{"open, public", export.Item{Name: "b", Ref: "the second", Open: failing(closedError{})}, "skip the second: The warehouse is closed.", nil},
		{"read", export.Item{Name: "b", Open: f.of(iotest.ErrReader(closedError{}), 0)}, "skip b: The warehouse is closed.", nil},
		{"read, large", export.Item{Name: "b", Open: f.of(large(closedError{}), 0)}, "skip b: The warehouse is closed.", nil},
		{"cut", export.Item{Name: "b", Open: f.of(large(io.ErrUnexpectedEOF), 0)}, "skip b: no text", nil},
		{"name taken", fine("a"), `skip a: The name "a" is used twice in its section (upper and lower case do not differ).`, nil},
		{"name", fine("../b"), `skip ../b: The name "../b" is not a relative path without empty, "." or ".." elements.`, nil},
		{"open, machine", export.Item{Name: "b", Open: failing(lost)}, "", lost},
		{"read, machine", export.Item{Name: "b", Open: f.of(iotest.ErrReader(lost), 0)}, "", lost},
		{"read, large, machine", export.Item{Name: "b", Open: f.of(large(lost), 0)}, "", lost},
		{"end of the goroutine", export.Item{Name: "b", Open: func(context.Context) (export.Content, error) { runtime.Goexit(); panic("unreached") }}, "skip b: no text", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, err := fetched(t, seqOf([]export.Item{fine("a"), c.item, fine("c"), fine("d")}), 2)
			want := []string{"a: 1", c.skip, "c: 1", "d: 1"}
			if c.err != nil {
				want = want[:1]
			}
			if c.name == "name" && len(lines) > 1 { // which reason it is says package export
				want[1] = lines[1]
			}
			if !slices.Equal(lines, want) || !errors.Is(err, c.err) || err == nil != (c.err == nil) {
				t.Errorf("got %q and %v, want %q", lines, err, want)
			}
			if export.MachineFault(err) == "" != (c.err == nil) {
				t.Errorf("%v is the machine's: %t", err, export.MachineFault(err) != "")
			}
			if f.open != 0 {
				t.Errorf("%d are open", f.open)
			}
		})
	}
}

// A panic is an error with its stack, in whatever is called. So is the end of its goroutine.
func TestFetchAllPanics(t *testing.T) {
	f := &far{}
	a := export.Item{Name: "a", Open: f.of(strings.NewReader("a"), 0)}
	for name, items := range map[string]iter.Seq2[export.Item, error]{
		"open": seqOf([]export.Item{a, {Name: "b", Open: func(context.Context) (export.Content, error) { panic("secret") }}}),
		"read": seqOf([]export.Item{a, {Name: "b", Open: f.of(panicReader{}, 0)}}),
		"items": func(yield func(export.Item, error) bool) {
			yield(a, nil)
			panic("secret")
		},
	} {
		a.Open = f.of(strings.NewReader("a"), 0)
		lines, err := fetched(t, items, 4)
		var panicked *export.PanicError
		if !errors.As(err, &panicked) || len(panicked.Stack) == 0 || len(lines) == 0 || f.open != 0 {
			t.Errorf("%s: %q and %v; %d are open", name, lines, err, f.open)
		}
	}
	lines, err := fetched(t, func(yield func(export.Item, error) bool) {
		yield(export.Item{Name: "a", Open: f.of(strings.NewReader("a"), 0)}, nil)
		runtime.Goexit()
	}, 4)
	if err == nil || !slices.Equal(lines, []string{"a: 1"}) {
		t.Errorf("items that end their goroutine: %q and %v", lines, err)
	}
	lines, err = fetched(t, func(yield func(export.Item, error) bool) {
		_ = yield(export.Item{Name: "a", Open: f.of(strings.NewReader("a"), 0)}, nil) && yield(export.Item{}, errSecret)
	}, 4)
	if !errors.Is(err, errSecret) || !slices.Equal(lines, []string{"a: 1"}) {
		t.Errorf("items that fail: %q and %v", lines, err)
	}
}

// The contract of a section: it stops, returns the sink's errors, and leaves nothing open.
func TestFetchAllInSection(t *testing.T) {
	f := &far{}
	section := section("files", func(ctx context.Context, _ export.Scope, sink export.Sink) error {
		var items []export.Item
		for i := range 12 {
			items = append(items, export.Item{Name: fmt.Sprint(i), Open: f.of(strings.NewReader(strings.Repeat("x", i*20<<10)), 0)})
		}
		items[3].Open = func(context.Context) (export.Content, error) { return export.Content{}, errSecret }
		return export.FetchAll(ctx, sink, seqOf(items), 3)
	})
	sectiontest.Run(t, sectiontest.Suite{
		New:   func(*testing.T) export.Section { return section },
		Scope: export.Scope{Organization: acme},
		Open:  f.opened,
		Block: func(*testing.T) (export.Section, <-chan struct{}) {
			asked := make(chan struct{})
			return sectionOf(func(ctx context.Context, sink export.Sink) error {
				return export.FetchAll(ctx, sink, seqOf([]export.Item{{Name: "a", Open: func(ctx context.Context) (export.Content, error) {
					close(asked)
					<-ctx.Done()
					return export.Content{}, context.Cause(ctx)
				}}}), 3)
			}), asked
		},
	})
}

func sectionOf(run func(context.Context, export.Sink) error) export.Section {
	return section("files", func(ctx context.Context, _ export.Scope, sink export.Sink) error { return run(ctx, sink) })
}

// While the first file is waited for, those behind it take the memory that is documented, and
// no more. Virtual time tells when nothing goes on any more.
func TestFetchAllMemory(t *testing.T) {
	const n, share = 8, 128 << 10
	for _, c := range []struct {
		size       int
		files      int   // that are opened meanwhile
		read, most int64 // of them, at least and at most
	}{
		{0, n*16 - 1, 0, 0},
		{100, n*16 - 1, (n*16 - 1) * 100, (n*16 - 1) * 100},
		{share / 2, 0, n * share / 2, 2 * n * share},
		{share - 1, 0, n * share / 2, 2 * n * share},
		{2 * share, n - 1, (n - 1) * share, (n - 1) * share}, // these stay open
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &far{}
			release := make(chan struct{})
			items := func(yield func(export.Item, error) bool) {
				yield(export.Item{Name: "first", Open: func(context.Context) (export.Content, error) {
					<-release
					return export.Content{}, errSecret
				}}, nil)
				for i := range 300 {
					if !yield(export.Item{Name: fmt.Sprint(i), Open: f.of(bytes.NewReader(make([]byte, c.size)), int64(c.size))}, nil) {
						return
					}
				}
			}
			r := sectiontest.NewRecorder(t.Context())
			done := make(chan error)
			go func() { done <- export.FetchAll(t.Context(), r, items, n) }()
			synctest.Wait()
			if f.read < c.read || f.read > c.most || c.files > 0 && f.opens != c.files {
				t.Errorf("files of %d bytes: %d are opened, with %d bytes", c.size, f.opens, f.read)
			}
			close(release)
			if err := <-done; err != nil || len(r.Calls()) != 301 {
				t.Errorf("%d calls, %v", len(r.Calls()), err)
			}
		})
	}
}

// With 20 ms for each file, 64 at once take the 64th part of the time, also if one of a hundred
// takes ten times as long. The time is virtual.
func TestFetchAllIsFaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files, delay = 2000, 20 * time.Millisecond
		f, slow := &far{delay: delay}, &far{delay: 10 * delay}
		items := func(yield func(export.Item, error) bool) {
			for i := range files {
				from := f
				if i%100 == 50 {
					from = slow
				}
				if !yield(export.Item{Name: fmt.Sprint(i), Open: from.of(strings.NewReader("x"), 1)}, nil) {
					return
				}
			}
		}
		began := time.Now()
		if err := export.FetchAll(t.Context(), sectiontest.NewRecorder(t.Context()), items, 64); err != nil {
			t.Fatal(err)
		}
		const alone = files/100*99*delay + files/100*10*delay
		took := time.Since(began)
		if took > alone/40 {
			t.Errorf("it took %v; one after the other takes %v", took, alone)
		}
		t.Logf("%v instead of %v", took, alone)
	})
}
