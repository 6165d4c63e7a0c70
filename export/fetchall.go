package export

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
	"time"
)

const (
	// readAhead is how much of a file [FetchAll] has in memory before its turn comes.
	readAhead = 128 << 10

	// aheadShares is how many times n files may wait with all of that: those under way, and
	// as many that are finished.
	aheadShares = 2

	// maxWaiting is how many files may wait for one that comes.
	maxWaiting = 1 << 16

	// aheadFiles is how many times n files may wait in all.
	aheadFiles = 16
)

// Item is a file for [FetchAll].
type Item struct {
	Name string // below the section's folder: see Sink
	Ref  string // says to the customer which item it is, if it is skipped; defaults to Name

	// Open opens the file. Its ctx ends when nothing of the file is wanted any more, and
	// then Open and reads of the file have to return soon. Open is called by other
	// goroutines than the caller's, for several items at once. An error that customers may
	// see has a public text (see [WithPublic]).
	Open func(ctx context.Context) (Content, error)
}

// Content is an open file.
type Content struct {
	Body     io.ReadCloser
	Size     int64     // how many bytes Body has; 0 or less: not known
	Modified time.Time // see BinaryModified; may be zero
}

// FetchAll writes files into the sink, in the order of items, and opens those to come while
// others are written: where opening is slow, as over a network, n are under way at once. The
// calls of the sink are the same and in the same order as without that.
//
// At most n files are open. Up to 128 KiB of each are read before it is its turn, and a file
// that has no more is closed then, and waits in memory: for that, FetchAll takes n times 256
// KiB at most, and lets n times 16 files wait. Of a larger file the rest is read as the sink
// takes it. So a source should bear that a file is open for long and not read.
//
// An item that cannot be opened or read, or has a name that the sink refuses, is skipped with
// the public text of its error; so is one whose Body has not as many bytes as Size says. What
// belongs to the machine ([MachineFault]) skips nothing: it is returned, and so is an error
// that items yields, behind all files that come before. ctx is that of the section.
//
// A source may not know whether it is to blame, or the machine: nothing has come from anywhere.
// If the error of Open is such a fault, and has a method NoneYet() bool that returns true, in the
// last run of a section (see [IsLastRun]) the item waits: it is skipped before the next one that
// has come, or whose failure is its own, and if there is none the fault is returned.
//
// items is read in another goroutine, and must not use the sink. When FetchAll returns, all
// calls have ended that it has made, and every Body is closed.
func FetchAll(ctx context.Context, sink Sink, items iter.Seq2[Item, error], n int) error {
	n = max(n, 1)
	inner, cancel := context.WithCancel(ctx)
	f := &fetching{
		slots:  make(chan struct{}, n),
		memory: budget{free: int64(n) * aheadShares * readAhead, more: make(chan struct{}, 1)},
		queue:  make(chan *fetched, n*aheadFiles-1), // one more is being committed
	}
	f.working.Go(func() { f.ahead(inner, items) })
	defer f.working.Wait()
	defer func() { // before that
		cancel()
		for file := range f.queue {
			<-file.ready
			file.close()
		}
	}()
	for file := range f.queue {
		if err := f.commit(ctx, sink, file); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.end == nil && len(f.waiting) > 0 {
		return &SourceError{Name: f.waiting[0].name, Err: f.waiting[0].err}
	}
	return f.end
}

// fetching is what goes on ahead of the sink.
type fetching struct {
	slots   chan struct{} // has one of each file that is open
	memory  budget
	queue   chan *fetched // in the order of the items
	working sync.WaitGroup
	end     error // of the items, once queue is closed

	waiting []missing // for a file that has come
}

// ahead opens items until they end or ctx does. It takes what a file needs in the order of the
// items, so that the one whose turn it is never waits for those behind it.
func (f *fetching) ahead(ctx context.Context, items iter.Seq2[Item, error]) {
	defer close(f.queue)
	defer func() {
		if v := recover(); v != nil {
			f.end = asPanicError(v)
		}
	}()
	f.end = errEnded
	for item, err := range items {
		if err != nil {
			f.end = err
			return
		}
		select {
		case f.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		if !f.memory.take(ctx, readAhead) {
			<-f.slots
			return
		}
		file := f.file(ctx, item)
		select {
		case f.queue <- file:
			f.working.Go(file.fetch)
		case <-ctx.Done():
			file.close()
			return
		}
	}
	f.end = nil
}

// file returns a file for which a slot and memory were taken.
func (f *fetching) file(ctx context.Context, item Item) *fetched {
	ctx, cancel := context.WithCancel(ctx)
	return &fetched{item: item, from: f, ctx: ctx, cancel: cancel, ready: make(chan struct{}), taken: readAhead}
}

// fetched is a file on its way. Once ready is closed it belongs to the caller of FetchAll.
type fetched struct {
	item   Item
	from   *fetching
	ctx    context.Context // lives as long as the file is open
	cancel context.CancelFunc
	ready  chan struct{}

	content Content
	open    bool   // content.Body is
	start   []byte // of the file, that was read ahead
	read    int64  // of the file, all in all
	taken   int64  // of the memory
	idle    bool   // it has no slot any more
	err     error  // why it cannot be written, or why nothing comes behind start
}

// errEnded is the error of items, or an Open, that end their goroutine.
var errEnded = errors.New("export: what was called for a file ended its goroutine")

// fetch opens the file and reads its start. What is read to its end is closed.
func (f *fetched) fetch() {
	defer close(f.ready)
	err := errEnded
	defer func() {
		if v := recover(); v != nil {
			err = asPanicError(v)
		}
		if f.err = err; err != nil {
			f.closeBody()
			f.keep(cap(f.start))
		}
	}()
	err = f.openStart()
}

// openStart opens the file and reads its start. The error is io.EOF if that is all of it.
func (f *fetched) openStart() error {
	content, err := f.item.Open(f.ctx)
	if err != nil {
		return err
	}
	f.content, f.open = content, true
	most := readAhead
	if content.Size > 0 && content.Size < readAhead {
		most = int(content.Size) + 1 // so that its end shows
		f.keep(most)
	}
	f.start = make([]byte, 0, min(most, 4<<10))
	for len(f.start) < most {
		if len(f.start) == cap(f.start) {
			f.start = append(make([]byte, 0, min(most, 4*cap(f.start))), f.start...)
		}
		n, err := f.content.Body.Read(f.start[len(f.start):cap(f.start)])
		f.start = f.start[:len(f.start)+n]
		if err != nil {
			return err
		}
	}
	return nil
}

// Read implements [io.Reader]: all of the file.
func (f *fetched) Read(p []byte) (n int, err error) {
	if f.read < int64(len(f.start)) {
		n = copy(p, f.start[f.read:])
	} else if err = f.err; err == nil {
		n, err = f.content.Body.Read(p)
	}
	f.read += int64(n)
	if err == io.EOF && f.content.Size > 0 && f.read != f.content.Size { //nolint:errorlint // as io.Reader has it
		err = WithPublic(fmt.Errorf("export: the file has %d bytes and not %d, as was said", f.read, f.content.Size),
			"The file has not the size that its source says.")
	}
	return n, err
}

// commit commits a file, and before it those that have waited for it.
func (f *fetching) commit(ctx context.Context, sink Sink, file *fetched) error {
	<-file.ready // Open has to return soon after ctx ends
	if file.open || MachineFault(file.err) == "" {
		for _, w := range f.waiting {
			reason := errors.New(LogText(w.err)) // which is no fault of the machine any more
			sink.Skip(w.ref, WithPublic(reason, PublicTextOr(w.err, "The item could not be exported.")))
			if err := CheckScratch(sink, 0); err != nil {
				file.close()
				return err
			}
		}
		f.waiting = nil
	} else if file.noneYet() && IsLastRun(ctx) && ctx.Err() == nil && len(f.waiting) < maxWaiting {
		file.close()
		f.waiting = append(f.waiting, missing{file.item.Name, file.ref(), file.err})
		return nil
	}
	return file.commit(ctx, sink)
}

// missing is a file that could not be opened.
type missing struct {
	name, ref string
	err       error
}

// noneYet tells that the file could not be opened, and no other one either.
func (f *fetched) noneYet() bool {
	none, ok := errors.AsType[interface {
		error
		NoneYet() bool
	}](f.err)
	return ok && none.NoneYet()
}

func (f *fetched) ref() string { return cmp.Or(f.item.Ref, f.item.Name) }

// commit writes the file into the sink, or skips it. It is ready.
func (f *fetched) commit(ctx context.Context, sink Sink) error {
	defer f.close()
	var err error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !f.open:
		err = &SourceError{Name: f.item.Name, Err: f.err}
	default:
		err = BinaryModified(sink, f.item.Name, f, f.content.Modified)
	}
	if err == nil || errors.Is(err, ErrSinkFailed) {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	source, unread := errors.AsType[*SourceError](err)
	name, bad := errors.AsType[*NameError](err)
	_, panicked := errors.AsType[*PanicError](err)
	if !unread && !bad || panicked || MachineFault(err) != "" {
		return err
	}
	reason := error(name)
	if unread {
		reason = source.Err
	}
	sink.Skip(f.ref(), reason)
	return CheckScratch(sink, 0) // the sink may have failed with what it was to skip
}

// closeBody closes the file and gives its slot back.
func (f *fetched) closeBody() {
	if f.idle {
		return
	}
	f.idle = true
	if f.open {
		_ = f.content.Body.Close() // it was only read
	}
	f.cancel()
	<-f.from.slots
}

// keep gives back the memory that the file has taken, but for n bytes.
func (f *fetched) keep(n int) {
	f.from.memory.give(f.taken - int64(n))
	f.taken = int64(n)
}

// close gives back all that the file has.
func (f *fetched) close() {
	f.closeBody()
	f.start = nil
	f.keep(0)
}

// budget is a number of bytes, which one goroutine takes of and others give back.
type budget struct {
	mu   sync.Mutex
	free int64
	more chan struct{} // tells who waits that something was given back
}

// take waits until there are n bytes. It reports false if ctx has ended before.
func (b *budget) take(ctx context.Context, n int64) bool {
	for {
		b.mu.Lock()
		enough := b.free >= n
		if enough {
			b.free -= n
		}
		b.mu.Unlock()
		if enough {
			return true
		}
		select {
		case <-b.more:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	b.free += n
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
}
