package export_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
)

// countingSpool counts the parts that are there at once.
type countingSpool struct {
	export.Spool
	mu        sync.Mutex
	now, most int
}

func (s *countingSpool) Put(ctx context.Context, id export.PartID, write func(io.Writer) error) error {
	s.mu.Lock()
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	return s.Spool.Put(ctx, id, write)
}

func (s *countingSpool) Delete(ctx context.Context, id export.PartID) error {
	s.mu.Lock()
	s.now--
	s.mu.Unlock()
	return s.Spool.Delete(ctx, id)
}

func TestBackpressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		var started []string
		var mu sync.Mutex
		var sections []export.Section
		for i := range 20 {
			key := "s" + string(rune('a'+i))
			sections = append(sections, writes(key, func(sink export.Sink) error {
				mu.Lock()
				started = append(started, key)
				mu.Unlock()
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				if i == 0 {
					time.Sleep(time.Hour / 2) // the head of the line holds up all others
				}
				return sink.Record("a.yaml", row("a", i))
			}))
		}
		spool := &countingSpool{Spool: export.NewTempSpool(t.TempDir())}
		e := engine(t, func(c *export.Config) { c.Concurrency, c.Spool = 3, spool }, sections...)
		run(t, e, request())
		if spool.most > 4 {
			t.Errorf("%d parts at once, want at most 4", spool.most)
		}
		if most.Load() > 3 {
			t.Errorf("%d sections at once, want at most 3", most.Load())
		}
		if !slices.Contains(started[:3], "sa") || len(started) != 20 {
			t.Errorf("sections started in the order %v", started)
		}
	})
}

func TestSlowDestinationSlowsSections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Int64
		var sections []export.Section
		for i := range 10 {
			sections = append(sections, writes("s"+string(rune('a'+i)), func(sink export.Sink) error {
				defer done.Add(1)
				return sink.Record("a.yaml", row("a", i))
			}))
		}
		e := engine(t, func(c *export.Config) { c.Concurrency = 2 }, sections...)
		stuck := make(chan struct{})
		ended := make(chan error)
		go func() {
			_, err := e.Export(t.Context(), request(), writerFunc(func(p []byte) (int, error) { <-stuck; return len(p), nil }))
			ended <- err
		}()
		synctest.Wait()
		if got := done.Load(); got > 3 {
			t.Errorf("%d sections ended before the first was taken, want at most 3", got)
		}
		close(stuck)
		if err := <-ended; err != nil || done.Load() != 10 {
			t.Errorf("%v, %d sections ended", err, done.Load())
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(key string) export.Section {
			return writes(key, func(sink export.Sink) error {
				for i := range 1000 { // ten seconds
					time.Sleep(10 * time.Millisecond)
					if err := sink.Record("r"+strings.Repeat("x", i%200)+strings.Repeat("/y", i/200)+".yaml", row("i", i)); err != nil {
						return err
					}
					export.Progress(sink, int64(i+1), 1000)
				}
				return sink.Binary("b", strings.NewReader("12345"))
			})
		}
		var inside atomic.Int64
		kinds := make(map[string][]export.EventKind)
		last := make(map[string]export.Event)
		r := request()
		r.Observe = func(e export.Event) {
			if inside.Add(1) != 1 {
				t.Error("two observers at once")
			}
			defer inside.Add(-1)
			kinds[e.Section] = append(kinds[e.Section], e.Kind)
			if before := last[e.Section]; e.Records < before.Records || e.Done < before.Done && e.Kind == export.SectionAdvanced {
				t.Errorf("progress goes back from %+v to %+v", before, e)
			}
			last[e.Section] = e
		}
		run(t, engine(t, nil, busy("a"), busy("b")), r)
		for _, key := range []string{"a", "b"} {
			k := kinds[key]
			if len(k) < 50 || len(k) > 110 {
				t.Errorf("%d events in ten seconds, want about 100", len(k))
			}
			if k[0] != export.SectionStarted || k[len(k)-1] != export.SectionFinished {
				t.Errorf("first event is %s, last %s", k[0], k[len(k)-1])
			}
			for _, kind := range k[1 : len(k)-1] {
				if kind != export.SectionAdvanced {
					t.Errorf("%s in between", kind)
				}
			}
			if e := last[key]; e.Records != 1000 || e.Binaries != 1 || e.Bytes < 5000 || e.Done != 1000 || e.Result == nil || e.Result.Status != "ok" {
				t.Errorf("last event is %+v", e)
			}
		}
	})
}

func TestSameJobTwiceAtOnce(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		close(started)
		<-release
		return sink.Record("a.yaml", row("a", 1))
	}))
	first := make(chan error, 1)
	go func() {
		_, err := e.Export(t.Context(), request(), io.Discard)
		first <- err
	}()
	<-started
	if _, err := e.Export(t.Context(), request(), io.Discard); !errors.Is(err, export.ErrRunning) {
		t.Errorf("a second export of the job gives %v, want ErrRunning", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Errorf("the first export gives %v", err)
	}
}

func TestConcurrentSinkCalls(t *testing.T) {
	e := engine(t, nil, writes("s", func(sink export.Sink) error {
		var wg sync.WaitGroup
		errs := make([]error, 50)
		for i := range errs {
			wg.Go(func() {
				errs[i] = sink.Binary("f"+strings.Repeat("f", i), strings.NewReader(strings.Repeat("x", i*1000)))
				sink.Skip("x", closedError{})
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	}))
	result, files := run(t, e, request())
	if result.Sections[0].Binaries != 50 || strings.Count(files["s/_skipped.ndjson"], "\n") != 50 {
		t.Errorf("got %+v", result.Sections)
	}
}

func TestScope(t *testing.T) {
	e := engine(t, nil, section("s", func(_ context.Context, scope export.Scope, sink export.Sink) error {
		r := request()
		if want := (export.Scope{Organization: acme, JobID: r.JobID, AsOf: r.AsOf}); scope != want {
			t.Errorf("scope is %+v, want %+v", scope, want)
		}
		return nil
	}))
	r := request()
	r.AsOf = r.AsOf.Add(time.Second / 3).In(time.FixedZone("", -3600))
	run(t, e, r)
}
