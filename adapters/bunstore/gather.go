package bunstore

import (
	"context"
	"runtime"
	"sync"
)

// gatherMost is for how many calls one statement runs at most.
const gatherMost = 256

// gathering are calls of one kind that wait. While a statement runs for some of them, others
// come: the next one runs for all of those, and costs about as much as for one.
type gathering[C any] struct {
	// run does what the calls are for. Its error is that of all of them. The context ends
	// with none of theirs. It is called by one goroutine at a time.
	run func(ctx context.Context, calls []C) error

	// after is called by the same goroutine when so many calls have been told. It may be nil.
	after func(ctx context.Context, calls int)

	mu      sync.Mutex
	waiting []*gathered[C]
	running bool // there is a goroutine that runs
}

// gathered is a call that waits.
type gathered[C any] struct {
	call C
	err  error // may be read once done is closed
	done chan struct{}
}

// do waits until run has run for a call. It begins to do so after do was called, and so sees
// what was written before. If do returns an error run may still use the call.
func (g *gathering[C]) do(ctx context.Context, call C) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c := &gathered[C]{call: call, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	begin := !g.running
	g.running = true
	g.mu.Unlock()
	if begin {
		go g.runWaiting(context.WithoutCancel(ctx))
	}
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// runWaiting runs until no call waits.
func (g *gathering[C]) runWaiting(ctx context.Context) {
	for {
		runtime.Gosched() // others that can run may have a call, too
		waiting := g.next()
		if len(waiting) == 0 {
			return
		}
		calls := make([]C, len(waiting))
		for i, c := range waiting {
			calls[i] = c.call
		}
		err := g.run(ctx, calls)
		for _, c := range waiting {
			c.err = err
			close(c.done)
		}
		if g.after != nil {
			g.after(ctx, len(calls))
		}
	}
}

// next takes the calls that run next.
func (g *gathering[C]) next() []*gathered[C] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), gatherMost)
	calls := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	g.running = n > 0
	return calls
}
