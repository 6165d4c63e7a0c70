package archive

import (
	"context"
	"sync"
)

// Segment tells about one packed piece of a part.
type Segment struct {
	Raw    int64  // bytes before packing
	Packed int64  // bytes in the part's body
	Mark   uint64 // what the codec wants to remember, such as a check sum
}

// lane packs segments in parallel and hands the results on in the order in
// which the segments came in. One goroutine writes, one goroutine (its own)
// hands on; close must be called.
type lane struct {
	pool  *Pool
	key   encoderKey
	queue chan *load
	ended chan struct{}

	mu  sync.Mutex
	err error // the first failure
}

// load is one entry of the queue: a segment that is being packed, or an action
// that is due when everything before it has been handed on, and that is told
// if that failed.
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

// pack hands in a segment and takes over raw; dict is read until the segment
// has been packed and must not change meanwhile. put gets the result when its
// turn has come.
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
	// Not given up when ctx ends: the segment has to land. The lane always
	// drains, so there is room soon.
	l.queue <- j
	return nil
}

// then queues an action behind all segments so far.
func (l *lane) then(act func(failed bool) error) error {
	if err := l.failure(); err != nil {
		return err
	}
	l.queue <- &load{act: act}
	return nil
}

// run hands on until the queue is closed. After a failure it only waits for
// what is on its way.
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

// fail notes an error; nothing is handed on after the first.
func (l *lane) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

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
