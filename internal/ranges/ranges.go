// Package ranges reads objects of a storage range by range.
package ranges

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

const (
	// First is how many bytes are asked for at the beginning of an object, and after a seek.
	First = 256 << 10

	last  = 32 << 20 // what is asked for once a reader has read much
	tries = 5        // how often in a row a range may fail without a byte
	stall = time.Minute

	// answer is how long a range may take to begin, with all that is tried again meanwhile. A
	// server that restarts is waited for about a minute by those who ask for ranges.
	answer = 2 * time.Minute
)

// Get asks for the bytes of an object from at to until, of which some may not be there. The
// body is read until ctx ends. All calls for one [Reader] must answer about the same object, or
// fail. They are made one after the other.
type Get func(ctx context.Context, at, until int64) (body io.ReadCloser, err error)

// Reader reads an object by ranges that grow from 256 KiB to 32 MiB, so that whoever reads
// its end, or stops early, pays for little more. A connection that breaks, or gives nothing for
// a minute, is made again where it stopped. A range that does not begin within two minutes is an
// error. It is used by one goroutine.
type Reader struct {
	ctx  context.Context //nolint:containedctx // that of Open
	get  Get
	size int64

	at     int64 // where Read goes on
	ahead  int64 // how much the next range has
	body   io.ReadCloser
	bodyAt int64 // where body goes on, and
	until  int64 // where it ends
	closed bool
}

// Open returns a Reader of an object. It calls first at once, which asks for the beginning, and
// tells the size of the object, too; the body of an empty one is nil. Errors of first and get
// are returned as they are.
func Open(ctx context.Context, first func(ctx context.Context, until int64) (body io.ReadCloser, size int64, err error), get Get) (*Reader, error) {
	r := &Reader{ctx: ctx, get: get, ahead: First}
	body, cancel, err := r.answered(func(ctx context.Context) (body io.ReadCloser, err error) {
		body, r.size, err = first(ctx, First)
		return body, err
	})
	if err != nil {
		return nil, err
	}
	if body == nil {
		cancel(nil)
		r.size = 0
		return r, nil
	}
	if r.size < 0 { // some storages do not know it of what they unpack on the way
		cancel(nil)
		return nil, errors.Join(errors.New("open: nobody knows the size of the object"), body.Close())
	}
	r.take(body, cancel, min(First, r.size))
	return r, nil
}

// answered calls ask with a context that ends if ask does not return in time, and with cancel.
// Without an error the caller has to call that.
func (r *Reader) answered(ask func(context.Context) (io.ReadCloser, error)) (body io.ReadCloser, cancel context.CancelCauseFunc, err error) {
	ctx, cancel := context.WithCancelCause(r.ctx)
	watch := time.AfterFunc(answer, func() { cancel(errNoAnswer) })
	body, err = ask(ctx)
	if !watch.Stop() && r.ctx.Err() == nil { // what ask says is that its context has ended, which is not r's
		if err == nil && body != nil {
			_ = body.Close() // nothing was read
		}
		err = fmt.Errorf("%w: %v", errNoAnswer, err) //nolint:errorlint // it may match the end of a context
	}
	if err != nil {
		cancel(nil)
		return nil, nil, err
	}
	return body, cancel, nil
}

// Size returns the size of the object in bytes.
func (r *Reader) Size() int64 { return r.size }

// Read implements [io.Reader]. What is not read before the connection breaks is asked for
// again.
func (r *Reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.body != nil && r.bodyAt != r.at { // it was sought
		r.drop()
		r.ahead = First
	}
	var failure error
	for range tries {
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		if err := r.ask(); err != nil {
			return 0, err
		}
		n, err := r.body.Read(p[:min(int64(len(p)), r.until-r.at)])
		r.at += int64(n)
		r.bodyAt = r.at
		if r.at >= r.until || err != nil {
			r.drop()
		}
		if n > 0 {
			return n, nil
		}
		failure = err
	}
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return 0, broken(failure)
}

// broken is the error of a range that failed again and again. It is neither the end of the object
// nor that of the reader's context, whatever connections that break, or were broken off, say.
func broken(failure error) error {
	switch {
	case failure == nil, errors.Is(failure, io.EOF):
		failure = io.ErrUnexpectedEOF
	case errors.Is(failure, context.Canceled):
		failure = errStalled
	}
	return fmt.Errorf("read: %w", failure)
}

// ask opens the next range, unless one is open. Whether it tries again if the server does not
// answer is the matter of get.
func (r *Reader) ask() error {
	if r.body != nil {
		return nil
	}
	until := min(r.at+r.ahead, r.size)
	body, cancel, err := r.answered(func(ctx context.Context) (io.ReadCloser, error) { return r.get(ctx, r.at, until) })
	if err != nil {
		return err
	}
	r.take(body, cancel, until)
	return nil
}

// take reads on in an answer.
func (r *Reader) take(body io.ReadCloser, cancel context.CancelCauseFunc, until int64) {
	r.body, r.bodyAt, r.until = newStallBody(body, cancel), r.at, until
	r.ahead = min(2*r.ahead, last)
}

func (r *Reader) drop() {
	if r.body != nil {
		_ = r.body.Close() // it was only read
		r.body = nil
	}
}

// Seek implements [io.Seeker]. It sends no request.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	case io.SeekStart:
	default:
		return 0, fmt.Errorf("seek: whence %d", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	r.at = offset
	return offset, nil
}

// Close implements [io.Closer].
func (r *Reader) Close() error {
	r.drop()
	r.closed = true
	return nil
}

var (
	errStalled  = errors.New("the server sent nothing for a minute")
	errNoAnswer = errors.New("the server did not answer for two minutes")
)

// stallBody breaks a connection that gives nothing.
type stallBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
	watch  *time.Timer
}

func newStallBody(body io.ReadCloser, cancel context.CancelCauseFunc) *stallBody {
	return &stallBody{body, cancel, time.AfterFunc(stall, func() { cancel(errStalled) })}
}

func (b *stallBody) Read(p []byte) (int, error) {
	b.watch.Reset(stall)
	return b.ReadCloser.Read(p)
}

func (b *stallBody) Close() error {
	b.watch.Stop()
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
