package access

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// wantWindows counts once.
func wantWindows(t *testing.T, c *MemCounter, key string, want ...Window) {
	t.Helper()
	var lengths []time.Duration
	for _, w := range want {
		lengths = append(lengths, w.Length)
	}
	got, err := c.Count(t.Context(), key, lengths...)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Count gives %v, %v", got, err)
	}
	for i, w := range want {
		if got[i] != w {
			t.Errorf("the window is %+v, want %+v", got[i], w)
		}
	}
}

// TestMemCounterBorder crosses the border of a minute and of a day, by a clock
// that is somewhere else.
func TestMemCounterBorder(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 6, 27, 0, 58, 30, 500, time.FixedZone("", 3600)) // 23:58:30 in UTC
	c := &MemCounter{Now: func() time.Time { return now }}
	minute := func(count int64, reset time.Duration) Window { return Window{time.Minute, count, reset} }
	wantWindows(t, c, "key", minute(1, 30*time.Second-500), Window{day, 1, 90*time.Second - 500})
	now = now.Add(30*time.Second - 501) // a nanosecond before the minute ends
	wantWindows(t, c, "key", minute(2, 1), Window{day, 2, time.Minute + 1})
	now = now.Add(1)
	wantWindows(t, c, "key", minute(1, time.Minute), Window{day, 3, time.Minute})
	wantWindows(t, c, "another", minute(1, time.Minute), Window{day, 1, time.Minute})
	now = now.Add(time.Minute)
	wantWindows(t, c, "key", minute(1, time.Minute), Window{day, 1, day})
	now = now.Add(100 * day)
	wantWindows(t, c, "key", minute(1, time.Minute), Window{day, 1, day})
}

// TestMemCounterInBubble goes by the clock that it has without Now.
func TestMemCounterInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c MemCounter
		for n := range 60 {
			wantWindows(t, &c, "key", Window{time.Minute, int64(n) + 1, time.Minute - time.Duration(n)*time.Second})
			time.Sleep(time.Second)
		}
		wantWindows(t, &c, "key", Window{time.Minute, 1, time.Minute})
	})
}

// TestMemCounterClockBack has a clock that is put back: by little, counting goes on in the
// window that was the current one; by much, nobody has to wait for that to end.
func TestMemCounterClockBack(t *testing.T) {
	now := time.Date(2026, 6, 26, 21, 0, 30, 0, time.UTC)
	c := &MemCounter{Now: func() time.Time { return now }}
	wantWindows(t, c, "key", Window{time.Minute, 1, 30 * time.Second})
	now = now.Add(-20 * time.Second)
	wantWindows(t, c, "key", Window{time.Minute, 2, 50 * time.Second})
	now = now.Add(-5 * time.Hour)
	wantWindows(t, c, "key", Window{time.Minute, 1, 50 * time.Second})
	wantWindows(t, c, "key", Window{time.Minute, 2, 50 * time.Second})
}

// TestMemCounterForgets has requests of ever new keys, as a guesser sends them.
func TestMemCounterForgets(t *testing.T) {
	now := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	c := &MemCounter{Now: func() time.Time { return now }}
	most := 0
	for n := range 100_000 { // 100 a second
		if _, err := c.Count(t.Context(), fmt.Sprint("address:", n), time.Minute); err != nil {
			t.Fatal(err)
		}
		now = now.Add(10 * time.Millisecond)
		most = max(most, len(c.spans))
	}
	// Those of a minute, and of the one before if nobody has swept since.
	if most > 2*60*100+1 {
		t.Errorf("it remembers up to %d windows of 100,000", most)
	}
	wantWindows(t, c, "key", Window{24 * time.Hour, 1, 24*time.Hour - now.Sub(now.Truncate(24*time.Hour))})
	now = now.Add(2 * time.Hour)
	wantWindows(t, c, "other", Window{time.Hour, 1, time.Hour - now.Sub(now.Truncate(time.Hour))})
	if len(c.spans) != 2 {
		t.Errorf("it remembers %d windows, want that of the day and the new one", len(c.spans))
	}
}
