package accesstest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// RunCounter checks an [access.Counter] against its documentation. newCounter
// returns, for each subtest, one that has counted nothing. Its clock must be right
// to five minutes. The kit waits until some windows of a second have ended.
func RunCounter(t *testing.T, newCounter func(t *testing.T) access.Counter) {
	t.Helper()
	kittest.Run(t, counterPromises, newCounter)
}

var counterPromises = []kittest.Promise[access.Counter]{
	{"CountsUp", counterCounts},
	{"InTheOrderOfLengths", counterOrder},
	{"LengthsApart", counterLengths},
	{"KeysApart", counterKeys},
	{"WindowsFromTheEpoch", counterEpoch},
	{"ResetGoesDown", counterReset},
	{"NextWindowBeginsAtOne", counterBorder},
	{"NoLengths", counterNothing},
	{"CancelledContext", counterCancelled},
	{"Concurrent", counterConcurrent},
	{"ConcurrentKeys", counterConcurrentKeys},
}

// count counts once and checks the lengths and the ends of the windows.
func count(t testing.TB, c access.Counter, key string, lengths ...time.Duration) []access.Window {
	t.Helper()
	windows, err := c.Count(t.Context(), key, lengths...)
	if err != nil || len(windows) != len(lengths) {
		t.Fatalf("Count gives %d windows, %v, want %d", len(windows), err, len(lengths))
	}
	for i, w := range windows {
		if w.Length != lengths[i] {
			t.Fatalf("window %d has the length %v, want %v", i, w.Length, lengths[i])
		}
		if w.Reset <= 0 || w.Reset > w.Length {
			t.Fatalf("a window of %v ends in %v", w.Length, w.Reset)
		}
	}
	return windows
}

func wantCounts(t testing.TB, windows []access.Window, want ...int64) {
	t.Helper()
	got := make([]int64, len(windows))
	for i, w := range windows {
		got[i] = w.Count
	}
	if !slices.Equal(got, want) {
		t.Errorf("counts are %v, want %v", got, want)
	}
}

// twoLengths returns two lengths whose windows do not end while a test runs. It
// chooses from several, whose windows seldom end together.
func twoLengths(t testing.TB, c access.Counter) (short, long time.Duration) {
	t.Helper()
	candidates := []time.Duration{23 * time.Hour, 24 * time.Hour, 25 * time.Hour, 29 * time.Hour, 31 * time.Hour, 37 * time.Hour}
	var found []time.Duration
	for _, w := range count(t, c, "which?", candidates...) {
		if w.Reset > 10*time.Minute {
			found = append(found, w.Length)
		}
	}
	if len(found) < 2 {
		t.Fatal("too many windows end in ten minutes: run the test again then")
	}
	return found[0], found[1]
}

func counterCounts(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	for n := int64(1); n <= 20; n++ {
		wantCounts(t, count(t, c, "key", short, long), n, n)
	}
}

func counterOrder(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	count(t, c, "key", long)
	wantCounts(t, count(t, c, "key", short, long), 1, 2)
	wantCounts(t, count(t, c, "key", long, short), 3, 2)
}

func counterLengths(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	for n := int64(1); n <= 3; n++ {
		wantCounts(t, count(t, c, "key", short), n)
	}
	wantCounts(t, count(t, c, "key", long), 1)
	wantCounts(t, count(t, c, "key", short, long), 4, 2)
}

// counterKeys counts keys that look alike, and some that a database cannot keep as
// text.
func counterKeys(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	keys := []string{"key", "Key", "key ", " key", "ke", "key1", "k_y", "k%", "", "kéy", "ke\u0301y", "key\x00", "key\x00a",
		"key\xff", "key\xfe", "key\ufffd", "'key'", `key\`, "?", "$1"}
	for round := int64(1); round <= 2; round++ {
		for _, key := range keys {
			windows := count(t, c, key, short, long)
			if windows[0].Count != round || windows[1].Count != round {
				t.Errorf("counts of %q are %d and %d, want %d", key, windows[0].Count, windows[1].Count, round)
			}
		}
	}
}

// counterEpoch compares the ends of windows with its own clock, and with each
// other.
func counterEpoch(t testing.TB, c access.Counter) {
	const off = 5 * time.Minute
	lengths := []time.Duration{time.Hour, 2 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 30 * 24 * time.Hour}
	before := time.Now()
	windows := count(t, c, "key", lengths...)
	for _, w := range windows {
		end := before.Add(w.Reset)
		if past := (time.Duration(end.UnixMilli()) * time.Millisecond) % w.Length; past > off && past < w.Length-off {
			t.Errorf("a window of %v ends at %v, which is %v after the end of one that is counted from 1970 on", w.Length, end, past)
		}
		if apart := w.Reset - windows[0].Reset; apart%time.Hour != 0 {
			t.Errorf("a window of %v ends %v after one of an hour", w.Length, apart)
		}
	}
}

func counterReset(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	first := count(t, c, "key", short, long)
	began := time.Now()
	time.Sleep(20 * time.Millisecond)
	second := count(t, c, "key", short, long)
	for i := range first {
		if down := first[i].Reset - second[i].Reset; down <= 0 || down > time.Since(began)+5*time.Minute {
			t.Errorf("Reset of a window of %v goes from %v to %v", first[i].Length, first[i].Reset, second[i].Reset)
		}
	}
}

// counterBorder counts until two windows of a second have ended. If a second passes
// between two counts, the number of windows that ended is not known.
func counterBorder(t testing.TB, c access.Counter) {
	const length = time.Second
	_, long := twoLengths(t, c)
	last, asked := access.Window{Reset: length}, time.Now()
	for total, borders := int64(1), 0; borders < 2; total++ {
		if total > 1000 {
			t.Fatalf("a window of %v does not end", length)
		}
		before := asked
		asked = time.Now()
		windows := count(t, c, "key", length, long)
		switch {
		case time.Since(before) >= length:
			wantCounts(t, windows[1:], total)
		case windows[0].Reset > last.Reset: // the next one has begun
			borders++
			wantCounts(t, windows, 1, total)
		default:
			wantCounts(t, windows, last.Count+1, total)
		}
		last = windows[0]
		time.Sleep(20 * time.Millisecond)
	}
}

func counterNothing(t testing.TB, c access.Counter) {
	count(t, c, "key")
	short, long := twoLengths(t, c)
	wantCounts(t, count(t, c, "key", short, long), 1, 1)
}

func counterCancelled(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	count(t, c, "key", short, long)
	_, err := c.Count(kittest.Cancelled(t), "key", short, long)
	kittest.WantCancelled(t, "Count", err)
	wantCounts(t, count(t, c, "key", short, long), 2, 2)
}

const (
	counters  = 64 // at once
	countEach = 8  // times
)

// countAtOnce counts from many goroutines and returns all counts of each key.
func countAtOnce(t testing.TB, c access.Counter, keys int, lengths ...time.Duration) map[string][][]int64 {
	t.Helper()
	var mu sync.Mutex
	seen := make(map[string][][]int64)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for n := range counters {
		wg.Go(func() {
			<-begin
			for i := range countEach {
				key := string(rune('a' + (n+i)%keys))
				windows, err := c.Count(t.Context(), key, lengths...)
				if err != nil || len(windows) != len(lengths) {
					t.Errorf("Count gives %d windows, %v", len(windows), err)
					return
				}
				mu.Lock()
				if seen[key] == nil {
					seen[key] = make([][]int64, len(lengths))
				}
				for i, w := range windows {
					seen[key][i] = append(seen[key][i], w.Count)
				}
				mu.Unlock()
			}
		})
	}
	close(begin)
	wg.Wait()
	return seen
}

// wantEachOnce reports counts that are not the numbers from 1 to n.
func wantEachOnce(t testing.TB, counts []int64, n int) {
	t.Helper()
	slices.Sort(counts)
	if len(counts) != n {
		t.Errorf("there are %d counts, want %d", len(counts), n)
	}
	for i, got := range counts {
		if got != int64(i)+1 {
			t.Errorf("of the counts up to %d %d is missing, or there twice", n, i+1)
			return
		}
	}
}

// counterConcurrent gives the lengths in one order in half of the goroutines, and
// in the other order in the rest.
func counterConcurrent(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	var wg sync.WaitGroup
	var one, other map[string][][]int64
	wg.Go(func() { one = countAtOnce(t, c, 1, short, long) })
	wg.Go(func() { other = countAtOnce(t, c, 1, long, short) })
	wg.Wait()
	if t.Failed() || len(one) == 0 || len(other) == 0 {
		return
	}
	wantEachOnce(t, slices.Concat(one["a"][0], other["a"][1]), 2*counters*countEach)
	wantEachOnce(t, slices.Concat(one["a"][1], other["a"][0]), 2*counters*countEach)
}

func counterConcurrentKeys(t testing.TB, c access.Counter) {
	short, long := twoLengths(t, c)
	for key, counts := range countAtOnce(t, c, 4, short, long) {
		if len(counts) != 2 {
			t.Fatalf("no counts of %q", key)
		}
		for _, of := range counts {
			wantEachOnce(t, of, counters*countEach/4)
		}
	}
}
