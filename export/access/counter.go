package access

import (
	"context"
	"sync"
	"time"
)

// Window is a span of time in which requests are counted. Windows of one length follow
// each other without a gap, from 1970 UTC on.
type Window struct {
	Length time.Duration
	Count  int64         // of requests in it so far, the counted one included
	Reset  time.Duration // until it ends: more than 0, at most Length
}

// Counter counts requests for rate limits. It is safe for concurrent use, also by several
// processes that share it. Its own clock decides which windows a request falls into.
type Counter interface {
	// Count adds a request to the current window of each length and returns these
	// windows, in the order of lengths. The key is any text. Lengths are whole seconds
	// and all different. No request is lost or counted twice, also if others count at
	// the same time. After an error the request may be counted or not.
	Count(ctx context.Context, key string, lengths ...time.Duration) ([]Window, error)
}

// MemCounter is a [Counter] for one process. It forgets windows that are over. The zero
// value is ready for use.
type MemCounter struct {
	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time

	mu    sync.Mutex
	swept time.Time
	spans map[span]*tally
}

// span names the windows of a key of one length, tally counts in the current one.
type span struct {
	key    string
	length time.Duration
}

type tally struct {
	end   time.Time
	count int64
}

// sweepEvery is how often windows that are over are forgotten.
const sweepEvery = time.Minute

// Count implements [Counter].
func (c *MemCounter) Count(ctx context.Context, key string, lengths ...time.Duration) ([]Window, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := now()
	c.sweep(at)
	windows := make([]Window, len(lengths))
	for i, length := range lengths {
		t := c.tally(span{key, length}, at)
		t.count++
		windows[i] = Window{Length: length, Count: t.count, Reset: t.end.Sub(at)}
	}
	return windows, nil
}

func (c *MemCounter) tally(s span, at time.Time) *tally {
	t := c.spans[s]
	if t == nil {
		t = new(tally)
		c.spans[s] = t
	}
	if !at.Before(t.end) || t.end.Sub(at) > s.length { // or the clock was put back
		*t = tally{end: time.UnixMilli(at.UnixMilli() - at.UnixMilli()%s.length.Milliseconds()).Add(s.length)}
	}
	return t
}

func (c *MemCounter) sweep(at time.Time) {
	if c.spans == nil {
		c.spans = make(map[span]*tally)
	}
	if at.Sub(c.swept).Abs() < sweepEvery {
		return
	}
	c.swept = at
	for s, t := range c.spans {
		if !at.Before(t.end) {
			delete(c.spans, s)
		}
	}
}
