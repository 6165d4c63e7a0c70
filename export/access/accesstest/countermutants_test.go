package accesstest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenCounter is a MemCounter with a defect. in changes what it is asked for, out
// what it tells.
type brokenCounter struct {
	access.MemCounter
	deaf kittest.Deaf
	in   func(key string, lengths []time.Duration) (string, []time.Duration, error)
	out  func(w *access.Window)
	err  func(ctx context.Context) error
}

func breakCounter(breaks func(*brokenCounter)) access.Counter {
	c := &brokenCounter{
		in:  func(key string, lengths []time.Duration) (string, []time.Duration, error) { return key, lengths, nil },
		out: func(*access.Window) {},
		err: func(context.Context) error { return nil },
	}
	breaks(c)
	return c
}

func (c *brokenCounter) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	key, lengths, wrong := c.in(key, lengths)
	windows, err := c.MemCounter.Count(c.deaf.Hears(ctx), key, lengths...)
	for i := range windows {
		c.out(&windows[i])
	}
	return windows, errors.Join(wrong, err, c.err(ctx))
}

func TestCounterMutants(t *testing.T) {
	type C = *brokenCounter
	out := func(change func(w *access.Window)) func(C) { return func(c C) { c.out = change } }
	keys := func(name func(key string) string) func(C) {
		return func(c C) {
			c.in = func(key string, lengths []time.Duration) (string, []time.Duration, error) {
				return name(key), lengths, nil
			}
		}
	}
	lengths := func(change func(lengths []time.Duration) ([]time.Duration, error)) func(C) {
		return func(c C) {
			c.in = func(key string, lengths []time.Duration) (string, []time.Duration, error) {
				lengths, err := change(lengths)
				return key, lengths, err
			}
		}
	}
	later := func(off time.Duration) func(C) {
		return func(c C) { c.Now = func() time.Time { return time.Now().Add(off) } }
	}
	stands := func(c C) { c.Now = kittest.SomeTime }
	twice := out(func(w *access.Window) {
		if w.Count == 2 {
			w.Count = 1
		}
	})
	n := int64(0)
	goesOn := out(func(w *access.Window) { n++; w.Count = n }) // has one count for all
	kittest.TestMutants(t, counterPromises, breakCounter, []kittest.Mutant[C]{
		{"CountsUp", twice, "counts are [1 1], want [2 2]"},
		{"CountsUp", out(func(w *access.Window) { w.Reset = 0 }), "ends in 0s"},
		{"Concurrent", twice, "is missing, or there twice"},
		{"ConcurrentKeys", twice, "is missing, or there twice"},
		{"InTheOrderOfLengths", lengths(func(l []time.Duration) ([]time.Duration, error) {
			return slices.Sorted(slices.Values(l)), nil
		}), "has the length"},
		{"NoLengths", lengths(func(l []time.Duration) ([]time.Duration, error) {
			if len(l) == 0 {
				return l, errors.New("syntax error")
			}
			return l, nil
		}), "syntax"},
		{"LengthsApart", goesOn, "want [4 2]"},
		{"KeysApart", keys(strings.ToLower), `"Key"`},
		{"KeysApart", keys(func(key string) string { return strings.ToValidUTF8(key, "\ufffd") }), `"key\xfe"`},
		{"KeysApart", keys(func(key string) string { return strings.Split(key, "\x00")[0] }), `"key\x00"`},
		{"WindowsFromTheEpoch", later(30 * time.Minute), "from 1970 on"},
		{"WindowsFromTheEpoch", later(-5 * time.Hour), "a window of 24h0m0s"},
		{"WindowsFromTheEpoch", out(func(w *access.Window) { w.Reset -= w.Length / 1000 }), "after one of an hour"},
		{"ResetGoesDown", stands, "Reset of a window"},
		{"NextWindowBeginsAtOne", stands, "does not end"},
		{"NextWindowBeginsAtOne", goesOn, "counts are ["},
		{"CancelledContext", func(c C) { c.deaf = true }, "Count with"},
		{"CancelledContext", func(c C) { // counts, and then fails
			c.deaf = true
			c.err = context.Cause
		}, "counts are [3 3]"},
	})
}
