package accesstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// TestMemCounterInBubble has a fake clock, by which windows end.
func TestMemCounterInBubble(t *testing.T) {
	for _, p := range counterPromises {
		t.Run(p.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { p.Test(t, new(access.MemCounter)) })
		})
	}
}

// brokenCounter is a counter that counts in its own way.
type brokenCounter func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error)

func (c brokenCounter) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	return c(ctx, key, lengths)
}

// manglingCounter is one whose windows are all changed when they come out.
func manglingCounter(mangle func(w *access.Window)) access.Counter {
	inner := new(access.MemCounter)
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		windows, err := inner.Count(ctx, key, lengths...)
		for i := range windows {
			mangle(&windows[i])
		}
		return windows, err
	})
}

// keyedCounter is one that takes some keys for one.
func keyedCounter(name func(key string) string) access.Counter {
	inner := new(access.MemCounter)
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		return inner.Count(ctx, name(key), lengths...)
	})
}

func TestBrokenCounters(t *testing.T) {
	var bubbles []kittest.Promise[access.Counter] // in which nobody waits
	for _, p := range counterPromises {
		bubbles = append(bubbles, kittest.Promise[access.Counter]{p.Name, func(tb testing.TB, c access.Counter) {
			outer := tb.(*kittest.Recorder)
			synctest.Test(outer.TB.(*testing.T), func(t *testing.T) {
				outer.Note(kittest.Reasons(t, func(t testing.TB) { p.Test(t, c) }))
			})
		}})
	}
	kittest.TestDefects(t, bubbles, slices.Concat(brokenCounts(), brokenWindows()))
}

func brokenCounts() []kittest.Defect[access.Counter] {
	inOrder := func(change func(lengths []time.Duration, windows []access.Window)) access.Counter {
		inner := new(access.MemCounter)
		return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
			windows, err := inner.Count(ctx, key, slices.Sorted(slices.Values(lengths))...)
			change(lengths, windows)
			return windows, err
		})
	}
	still := manglingCounter(func(w *access.Window) { w.Count = 1 })
	return []kittest.Defect[access.Counter]{
		{"stands still", "CountsUp", "counts are [1 1], want [2 2]", still},
		{"stands still", "Concurrent", "is missing, or there twice", still},
		{"from zero", "CountsUp", "counts are [0 0]", manglingCounter(func(w *access.Window) { w.Count-- })},
		{"loses some", "Concurrent", "is missing, or there twice", manglingCounter(func(w *access.Window) { w.Count -= w.Count / 100 })},
		{"read, then write", "ConcurrentKeys", "is missing, or there twice", readThenWrite()},
		{"busy", "Concurrent", "busy", busyCounter()},
		{"one length", "LengthsApart", "want [4 2]", onlyLast()},
		{"sorts the lengths", "InTheOrderOfLengths", "has the length", inOrder(func([]time.Duration, []access.Window) {})},
		{"sorts the counts", "InTheOrderOfLengths", "counts are [2 3]", inOrder(func(lengths []time.Duration, windows []access.Window) {
			for i := range windows {
				windows[i].Length, windows[i].Reset = lengths[i], min(windows[i].Reset, lengths[i])
			}
		})},
		{"keys without case", "KeysApart", `"Key"`, keyedCounter(strings.ToLower)},
		{"keys trimmed", "KeysApart", `"key "`, keyedCounter(strings.TrimSpace)},
		{"keys as a database's text", "KeysApart", `"key\xfe"`, keyedCounter(func(key string) string { return strings.ToValidUTF8(key, "\ufffd") })},
		{"keys up to a NUL", "KeysApart", `"key\x00"`, keyedCounter(func(key string) string { return strings.Split(key, "\x00")[0] })},
		{"needs a length", "NoLengths", "syntax", func() access.Counter {
			inner := new(access.MemCounter)
			return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
				if len(lengths) == 0 {
					return nil, errors.New("syntax error")
				}
				return inner.Count(ctx, key, lengths...)
			})
		}()},
		{"deaf", "CancelledContext", "Count with", func() access.Counter {
			inner := new(access.MemCounter)
			return brokenCounter(func(_ context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
				return inner.Count(context.Background(), key, lengths...)
			})
		}()},
		{"counts what is cancelled", "CancelledContext", "counts are [3 3]", func() access.Counter {
			inner := new(access.MemCounter)
			return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
				windows, err := inner.Count(context.Background(), key, lengths...)
				return windows, errors.Join(err, ctx.Err())
			})
		}()},
	}
}

// onlyLast has one count for all lengths of a key.
func onlyLast() access.Counter {
	n := make(map[string]int64)
	inner := new(access.MemCounter)
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		windows, err := inner.Count(ctx, key, lengths...)
		n[key]++
		for i := range windows {
			windows[i].Count = n[key]
		}
		return windows, err
	})
}

// readThenWrite is a counter that does not count in one step: two that meet get
// the same.
func readThenWrite() access.Counter {
	inner := new(access.MemCounter)
	p := kittest.NewPair()
	var mu sync.Mutex
	last := make(map[string][]access.Window)
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		if key == "which?" {
			return inner.Count(ctx, key, lengths...)
		}
		mu.Lock()
		old := last[""]
		mu.Unlock()
		p.Arrive()
		mu.Lock()
		defer mu.Unlock()
		windows, err := inner.Count(ctx, key, lengths...)
		for i := range windows {
			windows[i].Count = 1
			if old != nil {
				windows[i].Count = old[i].Count + 1
			}
		}
		last[""] = windows
		return windows, err
	})
}

// busyCounter fails when it is asked by two at once.
func busyCounter() access.Counter {
	inner := new(access.MemCounter)
	var use sync.Mutex
	p := kittest.NewPair()
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		if key == "which?" {
			return inner.Count(ctx, key, lengths...)
		}
		free := use.TryLock()
		p.Arrive()
		if !free {
			return nil, errors.New("database is busy")
		}
		defer use.Unlock()
		return inner.Count(ctx, key, lengths...)
	})
}

func brokenWindows() []kittest.Defect[access.Counter] {
	clock := func(now func() time.Time) access.Counter { return &access.MemCounter{Now: now} }
	// windows from another instant than 1970
	from := func(off time.Duration) access.Counter {
		return clock(func() time.Time { return time.Now().Add(off) })
	}
	return []kittest.Defect[access.Counter]{
		{"over already", "CountsUp", "ends in 0s", manglingCounter(func(w *access.Window) { w.Reset = 0 })},
		{"longer than long", "CountsUp", "a window of", manglingCounter(func(w *access.Window) { w.Reset += w.Length })},
		{"half an hour off", "WindowsFromTheEpoch", "from 1970 on", from(30 * time.Minute)},
		{"days of another zone", "WindowsFromTheEpoch", "a window of 24h0m0s", from(-5 * time.Hour)},
		{"weeks from Monday", "WindowsFromTheEpoch", "a window of 168h0m0s", from(3 * 24 * time.Hour)},
		{"from the first request", "WindowsFromTheEpoch", "from 1970 on", manglingCounter(func(w *access.Window) { w.Reset = w.Length - 10*time.Minute })},
		{"a clock for each length", "WindowsFromTheEpoch", "after one of an hour", manglingCounter(func(w *access.Window) {
			if w.Length == 2*time.Hour {
				w.Reset -= time.Millisecond
			}
		})},
		{"never changes", "ResetGoesDown", "Reset of a window", clock(kittest.SomeTime)},
		{"never ends", "NextWindowBeginsAtOne", "does not end", clock(kittest.SomeTime)},
		{"goes on counting", "NextWindowBeginsAtOne", "want [1 ", func() access.Counter {
			var n int64
			return manglingCounter(func(w *access.Window) {
				if w.Length == time.Second {
					n++
					w.Count = n
				}
			})
		}()},
		{"ends all at once", "NextWindowBeginsAtOne", "counts are [1 1]", endingAll()},
	}
}

// endingAll begins all windows of a key anew when one has ended.
func endingAll() access.Counter {
	var mu sync.Mutex
	inner := new(access.MemCounter)
	last := make(map[time.Duration]access.Window)
	return brokenCounter(func(ctx context.Context, key string, lengths []time.Duration) ([]access.Window, error) {
		mu.Lock()
		defer mu.Unlock()
		windows, err := inner.Count(ctx, key, lengths...)
		for _, w := range windows {
			if key == "key" && w.Reset > last[w.Length].Reset && last[w.Length].Length != 0 {
				inner = new(access.MemCounter)
				windows, err = inner.Count(ctx, key, lengths...)
				break
			}
		}
		for _, w := range windows {
			last[w.Length] = w
		}
		return windows, err
	})
}
