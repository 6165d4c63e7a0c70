package archive

import (
	"context"
	"sync"
)

// lane packs batches of segments in parallel and hands on the results in the order of the
// batches. One goroutine hands batches in; the lane's own goroutine hands the
// results on. close must be called, or finish and wait.
type lane struct {
	pool  *Pool
	key   encoderKey
	queue chan *load
	ended chan struct{}

	mu  sync.Mutex
	err error // the first failure
}

// load is an entry of the queue: a batch that is being packed, or an action.
type load struct {
	ready    chan struct{}
	segments []Segment
	packed   []byte
	err      error
	put      putFunc
	act      func(failed bool) error
}

// putFunc gets what was packed of a batch, one segment behind the other. It takes packed
// over, and gives it back to the pool.
type putFunc func(segments []Segment, packed []byte) error

// batch is what one packer packs at a time: a segment, or several small ones.
type batch struct {
	raw  []byte
	ends []int  // where the segments end in raw; nil if it is one
	dict []byte // of the only segment
	last bool   // each segment ends its stream
	room int    // how long the result may be, if not as long as packing makes it
}

func newLane(pool *Pool, key encoderKey) *lane {
	l := &lane{
		pool:  pool,
		key:   key,
		queue: make(chan *load, cap(pool.flight)),
		ended: make(chan struct{}),
	}
	go l.run()
	return l
}

// pack hands in a batch. It takes raw over; dict must not change until the batch has been
// packed. put gets the result when its turn has come.
func (l *lane) pack(ctx context.Context, b batch, put putFunc) error {
	if err := l.failure(); err != nil {
		return err
	}
	if err := l.pool.board(ctx); err != nil {
		return err
	}
	j := &load{ready: make(chan struct{}), put: put}
	go func() {
		defer close(j.ready)
		j.packed, j.segments, j.err = l.pool.encode(l.key, b)
		l.pool.release(b.raw)
	}()
	// This does not stop when ctx ends, because the batch has to land. The
	// lane always drains, so there is room soon.
	l.queue <- j
	return nil
}

// then queues an action behind all batches so far. If it returns nil the action
// will be called; failed tells it whether something before it has failed.
func (l *lane) then(act func(failed bool) error) error {
	if err := l.failure(); err != nil {
		return err
	}
	l.queue <- &load{act: act}
	return nil
}

// run hands on results until the queue is closed. After a failure it only waits
// for the batches that are being packed.
func (l *lane) run() {
	defer close(l.ended)
	for j := range l.queue {
		l.fail(l.handOn(j))
	}
}

func (l *lane) handOn(j *load) error {
	failed := l.failure() != nil
	if j.act != nil {
		return j.act(failed)
	}
	<-j.ready
	defer l.pool.land()
	if failed || j.err != nil {
		l.pool.release(j.packed)
		return j.err
	}
	return j.put(j.segments, j.packed)
}

// fail notes an error. Nothing is handed on after the first.
func (l *lane) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// failure returns the first error.
func (l *lane) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// finish says that no more batches come.
func (l *lane) finish() { close(l.queue) }

// wait waits until everything is handed on, and returns the first failure. It is called
// after finish.
func (l *lane) wait() error {
	<-l.ended
	return l.failure()
}

// close is finish and wait.
func (l *lane) close() error {
	l.finish()
	return l.wait()
}
