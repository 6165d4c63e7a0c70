package sectiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

var (
	ours   = export.Scope{Organization: export.Organization{ID: "ours"}}
	theirs = export.Scope{Organization: export.Organization{ID: "theirs"}}
)

// fake is a section made of a function.
type fake struct {
	key func() string
	run func(ctx context.Context, scope export.Scope, sink export.Sink) error
}

func (f fake) Key() string {
	if f.key == nil {
		return "things"
	}
	return f.key()
}

func (f fake) Export(ctx context.Context, scope export.Scope, sink export.Sink) error {
	return f.run(ctx, scope, sink)
}

func making(run func(ctx context.Context, scope export.Scope, sink export.Sink) error) func() export.Section {
	return func() export.Section { return fake{run: run} }
}

// record is any record of an organization.
func anyRecord(scope export.Scope, n int) record.Row {
	return record.Row{Columns: []string{"id"}, Values: []any{fmt.Sprint(scope.Organization.ID, n)}}
}

// good makes all kinds of calls and keeps to the contract.
func good(fsys fs.FS) func() export.Section {
	return making(func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		if err := sink.Record("one.yaml", anyRecord(scope, 0)); err != nil {
			return err
		}
		err := sink.Records("many.csv", func(yield func(any, error) bool) {
			row := anyRecord(scope, 0)
			if !yield(record.Row{Columns: row.Columns}, nil) {
				return
			}
			for n := range 3 {
				row.Values[0] = anyRecord(scope, n).Values[0] // the same row again
				if !yield(&row, nil) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		sink.Skip("nothing", errors.New("is missing"))
		f, err := fsys.Open(scope.Organization.ID)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := sink.Binary("shared/a.bin", bytes.NewReader([]byte("same"))); err != nil {
			return err
		}
		return sink.Binary("b.bin", f)
	})
}

var files = fstest.MapFS{"ours": {Data: []byte("a")}, "theirs": {Data: []byte("b")}}

func TestGoodSection(t *testing.T) {
	fsys, open := CountFS(files)
	Run(t, Suite{
		New:        func(*testing.T) export.Section { return good(fsys)() },
		Scope:      ours,
		OtherScope: theirs,
		Shared:     []string{"shared/*"},
		Open:       open,
		Block: func(*testing.T) (export.Section, <-chan struct{}) {
			blocked := make(chan struct{})
			return making(func(ctx context.Context, _ export.Scope, _ export.Sink) error {
				close(blocked)
				<-ctx.Done()
				return ctx.Err()
			})(), blocked
		},
	})
	if err := Check(good(fsys)(), ours); err != nil {
		t.Error(err)
	}
}

func TestSectionWithoutData(t *testing.T) {
	empty := making(func(context.Context, export.Scope, export.Sink) error { return nil })
	if err := Check(empty(), ours); err != nil {
		t.Errorf("Check refuses a section that has nothing to write: %v", err)
	}
	if err := checkRecords(&checker{fresh: empty, full: true}); err == nil {
		t.Error("Run takes a section that writes nothing for a tested one")
	}
}

// broken sections and the promise that each of them breaks.
func TestBrokenSections(t *testing.T) {
	const short = 200 * time.Millisecond
	end := make(chan struct{}) // releases what is left hanging
	t.Cleanup(func() { close(end) })
	var runs atomic.Int64
	open, count := CountFS(files)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "ours"), []byte("a"), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(ctx context.Context, scope export.Scope, sink export.Sink) error {
		return errors.Join(sink.Record("a.yaml", anyRecord(scope, 1)), sink.Record("b.yaml", anyRecord(scope, 2)))
	}
	cases := []struct {
		name    string
		promise string
		want    string
		section func() export.Section
		suite   Suite
	}{
		{name: "bad key", promise: "KeyIsValidAndStable", want: "Things",
			section: func() export.Section { return fake{key: func() string { return "Things" }, run: write} }},
		{name: "key that Windows reserves", promise: "KeyIsValidAndStable", want: "con",
			section: func() export.Section { return fake{key: func() string { return "con" }, run: write} }},
		{name: "key that changes", promise: "KeyIsValidAndStable", want: "is \"k",
			section: func() export.Section {
				return fake{key: func() string { return fmt.Sprint("k", runs.Add(1)) }, run: write}
			}},
		{name: "record that is a list", promise: "RecordsAreJSONObjects", want: "a.yaml: record 1",
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				return sink.Record("a.yaml", []int{1})
			})},
		{name: "record with a field twice", promise: "RecordsAreJSONObjects", want: `two fields "a"`,
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				return sink.Record("a.yaml", text(`{"a":1,"a":2}`))
			})},
		{name: "record that cannot be encoded", promise: "RecordsAreJSONObjects", want: "encode a.yaml",
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				return sink.Record("a.yaml", map[string]any{"a": func() {}})
			})},
		{name: "bad name", promise: "NamesAreValid", want: "../a.yaml",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				return sink.Record("../a.yaml", anyRecord(scope, 1))
			})},
		{name: "bad name, not told", promise: "NamesAreValid", want: "neither",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				_ = sink.Record("a.yaml", anyRecord(scope, 1))
				_ = sink.Record("A.yaml", anyRecord(scope, 1))
				return nil
			})},
		{name: "random order", promise: "TwoRunsAreEqual", want: "line 1",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				return sink.Record(fmt.Sprint(runs.Add(1), ".yaml"), anyRecord(scope, 1))
			})},
		{name: "bad record, not told", promise: "TellsFailures", want: "record a.yaml is refused",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				_ = sink.Record("a.yaml", anyRecord(scope, 1))
				return nil
			})},
		{name: "bad reader, not told", promise: "TellsFailures", want: "binary a.bin is refused",
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				_ = sink.Binary("a.bin", strings.NewReader("a"))
				return nil
			})},
		{name: "deaf to its context", promise: "StopsWhenCancelled", want: "did not return", suite: Suite{Patience: short},
			section: making(func(ctx context.Context, scope export.Scope, sink export.Sink) error {
				if ctx.Err() != nil {
					<-end
				}
				return write(ctx, scope, sink)
			})},
		{name: "silent when cancelled half-way", promise: "StopsWhenCancelled", want: "not everything was written",
			section: making(func(ctx context.Context, scope export.Scope, sink export.Sink) error {
				err := sink.Record("a.yaml", anyRecord(scope, 1))
				if err == nil && ctx.Err() == nil {
					err = sink.Record("b.yaml", anyRecord(scope, 1))
				}
				return err
			})},
		{name: "hangs in a source", promise: "StopsWhenCancelled", want: "while a source blocked", section: making(write),
			suite: Suite{Patience: short, Block: func(*testing.T) (export.Section, <-chan struct{}) {
				blocked := make(chan struct{})
				return making(func(context.Context, export.Scope, export.Sink) error {
					close(blocked)
					<-end
					return nil
				})(), blocked
			}}},
		{name: "source that was not asked", promise: "StopsWhenCancelled", want: "not asked", section: making(write),
			suite: Suite{Block: func(*testing.T) (export.Section, <-chan struct{}) {
				return making(write)(), make(chan struct{})
			}}},
		{name: "own error instead of the sink's", promise: "ReturnsSinkError", want: "not the sink's",
			section: making(func(ctx context.Context, scope export.Scope, sink export.Sink) error {
				if sink.Record("a.yaml", anyRecord(scope, 1)) != nil {
					return errors.New("failed")
				}
				return nil
			})},
		{name: "skips when the sink failed", promise: "ReturnsSinkError", want: "not the sink's",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				err := sink.Record("a.yaml", anyRecord(scope, 1))
				if _, ok := errors.AsType[*record.EncodeError](err); ok {
					return nil
				}
				return err
			})},
		{name: "goes on after the sink failed", promise: "ReturnsSinkError", want: "1 more calls", section: making(write)},
		{name: "fails only half-way", promise: "ReturnsSinkError", want: "call 1, before it reads",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				asked := false
				err := sink.Records("a.csv", func(yield func(any, error) bool) {
					asked = true
					yield(anyRecord(scope, 1), nil)
				})
				if !asked {
					return nil
				}
				return err
			})},
		{name: "state of one run in another", promise: "ParallelScopes", want: "a run beside others", section: meeting()},
		{name: "record of another organization", promise: "OtherScopeSharesNothing", want: "have the same",
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				return sink.Record("a.yaml", map[string]int{"n": 1})
			})},
		{name: "file of another organization", promise: "OtherScopeSharesNothing", want: "have the same",
			section: making(func(_ context.Context, _ export.Scope, sink export.Sink) error {
				return sink.Binary("a.bin", strings.NewReader("a"))
			})},
		{name: "id of another organization", promise: "OtherScopeSharesNothing", want: "has the id of the other",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				return sink.Binary("a.bin", strings.NewReader(scope.Organization.ID+" and theirs"))
			})},
		{name: "file left open", promise: "ClosesReaders", want: "left open", suite: Suite{Open: count},
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				f, err := open.Open("ours")
				if err != nil {
					return err
				}
				return sink.Binary("a.bin", f)
			})},
		{name: "file left open after an error", promise: "ClosesReaders", want: "left open",
			section: making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
				f, err := os.Open(filepath.Join(folder, "ours"))
				if err != nil {
					return err
				}
				t.Cleanup(func() { _ = f.Close() })
				if err := sink.Binary("a.bin", f); err != nil {
					return err
				}
				return f.Close()
			})},
		{name: "goroutine left", promise: "NoGoroutineLeft", want: "goroutines are left", suite: Suite{Patience: short},
			section: making(func(ctx context.Context, scope export.Scope, sink export.Sink) error {
				go func() { <-end }()
				return write(ctx, scope, sink)
			})},
		{name: "panic", promise: "TwoRunsAreEqual", want: "panicked: oh",
			section: making(func(context.Context, export.Scope, export.Sink) error { panic("oh") })},
		{name: "end of the goroutine", promise: "TwoRunsAreEqual", want: "ended its goroutine",
			section: making(func(context.Context, export.Scope, export.Sink) error { runtime.Goexit(); return nil })},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := &checker{Suite: c.suite, fresh: c.section, full: true}
			k.Scope, k.OtherScope = ours, theirs
			if c.suite.Block != nil {
				k.block = func() (export.Section, <-chan struct{}) { return c.suite.Block(t) }
			}
			err := checkOf(t, c.promise)(k)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the kit says %v, want %q", err, c.want)
			}
		})
	}
}

func checkOf(t *testing.T, promise string) func(*checker) error {
	t.Helper()
	for _, p := range promises {
		if p.name == promise {
			return p.check
		}
	}
	t.Fatalf("no promise %s", promise)
	return nil
}

// meeting makes a section whose runs, once four ran alone, wait for each other
// and then write what the last one was asked for.
func meeting() func() export.Section {
	var mu sync.Mutex
	var last export.Scope
	var begun int
	all := make(chan struct{})
	return making(func(_ context.Context, scope export.Scope, sink export.Sink) error {
		mu.Lock()
		last = scope
		begun++
		alone := begun <= 4
		if begun == 8 {
			close(all)
		}
		mu.Unlock()
		if !alone {
			<-all
		}
		mu.Lock()
		scope = last
		mu.Unlock()
		return sink.Record("a.yaml", anyRecord(scope, 1))
	})
}

// text is a record that encodes itself.
type text string

func (s text) AppendRecord(dst []byte, _ record.Encoding) ([]byte, error) {
	return append(dst, s...), nil
}

func TestSamples(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 127, 1000} {
		list := samples(n)
		if len(list) != min(n, 64) {
			t.Errorf("%d of %d", len(list), n)
		}
		for i, at := range list {
			if i > 0 && at <= list[i-1] || at < 1 || i == len(list)-1 && at != n {
				t.Errorf("samples(%d) = %v", n, list)
				break
			}
		}
	}
}
