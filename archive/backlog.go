package archive

import (
	"context"
	"sync"
)

// mostInScratch is how many files of a part may wait in scratch before no further one is begun.
const mostInScratch = 2

// backlog counts the files of a part that wait in scratch until it is their turn to be written.
// Without a bound a slow destination would have scratch grow with the files that are read ahead
// of it. It is safe for concurrent use.
type backlog struct {
	mu    sync.Mutex
	files int
	fewer chan struct{} // closed when there are fewer; nil if nobody waits
}

func (b *backlog) add() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files++
}

func (b *backlog) remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files--
	if b.fewer != nil {
		close(b.fewer)
		b.fewer = nil
	}
}

// wait waits until there are less than mostInScratch files. Whoever waits must hold nothing that
// they need for their turn.
func (b *backlog) wait(ctx context.Context) error {
	for {
		fewer := b.full()
		if fewer == nil {
			return nil
		}
		select {
		case <-fewer:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// full returns a channel that is closed when there are fewer files, or nil if there are few
// enough.
func (b *backlog) full() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.files < mostInScratch {
		return nil
	}
	if b.fewer == nil {
		b.fewer = make(chan struct{})
	}
	return b.fewer
}
