package archive

import (
	"context"
	"sync"
)

// lane packs segments in parallel and hands on the results in the order of the
// segments. One goroutine hands segments in; the lane's own goroutine hands the
// results on. close must be called.
type lane struct {
	pool  *Pool
	key   encoderKey
	queue chan *load
	ended chan struct{}

	mu  sync.Mutex
	err error // the first failure
}

// load is an entry of the queue: a segment that is being packed, or an action.
type load struct {
	ready  chan struct{}
	seg    Segment
	packed []byte
	err    error
	put    func(seg Segment, packed []byte) error
	act    func(failed bool) error
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

// pack hands in a segment. It takes raw over; dict must not change until the
// segment has been packed. put gets the result when its turn has come.
func (l *lane) pack(ctx context.Context, raw, dict []byte, last bool, put func(Segment, []byte) error) error {
	if err := l.failure(); err != nil {
		return err
	}
	if err := l.pool.board(ctx); err != nil {
		return err
	}
	j := &load{ready: make(chan struct{}), seg: Segment{Raw: int64(len(raw))}, put: put}
	go func() {
		defer close(j.ready)
		buf := l.pool.buffer(packedSize(len(raw)))
		j.packed, j.seg.Mark, j.err = l.pool.encode(l.key, buf, raw, dict, last)
		j.seg.Packed = int64(len(j.packed))
		l.pool.release(raw)
	}()
	// This does not stop when ctx ends, because the segment has to land. The
	// lane always drains, so there is room soon.
	l.queue <- j
	return nil
}

// then queues an action behind all segments so far. If it returns nil the action
// will be called; failed tells it whether something before it has failed.
func (l *lane) then(act func(failed bool) error) error {
	if err := l.failure(); err != nil {
		return err
	}
	l.queue <- &load{act: act}
	return nil
}

// run hands on results until the queue is closed. After a failure it only waits
// for the segments that are being packed.
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
	defer l.pool.release(j.packed)
	if failed || j.err != nil {
		return j.err
	}
	return j.put(j.seg, j.packed)
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

// close waits until everything is handed on and returns the first failure.
func (l *lane) close() error {
	close(l.queue)
	<-l.ended
	return l.failure()
}
