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
	line line // in which a statement waits as one look-up

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
	ctx  context.Context // once it has ended nobody waits
	call C
	err  error // may be read once done is closed
	done chan struct{}
}

// do waits until run has run for a call, for lookUpLimit at most: then the error is errSlow. It
// begins to do so after do was called, and so sees what was written before. If do returns an
// error run may still use the call.
func (g *gathering[C]) do(ctx context.Context, call C) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	all := context.WithoutCancel(ctx)
	ctx, cancel := context.WithTimeoutCause(ctx, lookUpLimit, errSlow)
	defer cancel()
	c := &gathered[C]{ctx: ctx, call: call, done: make(chan struct{})}
	g.mu.Lock()
	g.waiting = append(g.waiting, c)
	begin := !g.running
	g.running = true
	g.mu.Unlock()
	if begin {
		go g.runWaiting(all)
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
		err := g.runInLine(ctx, calls)
		for _, c := range waiting {
			c.err = err
			close(c.done)
		}
		if g.after != nil {
			g.after(ctx, len(calls))
		}
	}
}

func (g *gathering[C]) runInLine(ctx context.Context, calls []C) error {
	ctx, leave, err := g.line.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return slow(ctx, g.run(ctx, calls))
}

// next takes the calls that run next. Those that nobody waits for any more are left out: while
// the database does not answer, others would wait for them in vain.
func (g *gathering[C]) next() (calls []*gathered[C]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) > 0 && len(calls) < gatherMost {
		if c := g.waiting[0]; c.ctx.Err() == nil {
			calls = append(calls, c)
		}
		g.waiting = g.waiting[1:]
	}
	g.running = len(calls) > 0
	return calls
}
