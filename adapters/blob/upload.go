package blob

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // it is no secret: it finds damage on the way
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	gocloud "gocloud.dev/blob"
)

// markName is the name of an object's mark in its metadata: it tells which upload made it.
// All providers take that name.
const markName = "orgexport_upload"

const (
	// settleTimeout is how long it may take to look at an object that was sent, and
	settleGrace   = 5 * time.Second // once the context has ended
	settleTimeout = 30 * time.Second
)

// slowest is the rate in bytes per second that is waited for.
const slowest = 64 << 10

var (
	errBrokenOff = errors.New("blob: upload broken off")
	errStalled   = errors.New("blob: upload: the server takes nothing")
)

// put stores what write writes, of up to most bytes. See [jobs.Destination].
func (b *Bucket) put(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	u := &upload{b: b, key: b.object(key), mark: rand.Text(), md5: md5.New(), piece: b.piece(most), cancel: cancel} //nolint:gosec // see the import
	w, err := b.config.Bucket.NewWriter(sending, u.key, &gocloud.WriterOptions{
		BufferSize: u.piece, MaxConcurrency: 1, ContentType: "application/octet-stream",
		Metadata: map[string]string{markName: u.mark}, BeforeWrite: b.config.Provider.BeforeWrite,
	})
	if err != nil {
		return wrap("put", err)
	}
	u.to = w
	closed := false
	defer func() {
		if !closed { // an error, or write has panicked: a Close would make an object of what there is
			cancel(errBrokenOff)
			_ = w.Close()
		}
	}()
	if err := write(u); err != nil || ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err) // the cause is nil if ctx has not ended
	}
	closed = true
	if err := u.settle(ctx, u.stalls(w.Close)); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return nil
}

// piece returns how many bytes of an object of up to most bytes are sent at a time. Some libraries
// take the memory of a piece for each object, however small that is.
func (b *Bucket) piece(most int64) int {
	size := min(int64(b.config.PartSize), max(most, minPartSize))
	if pieces := b.config.Provider.MaxPieces; pieces > 0 {
		size = max(size, (most+pieces-1)/pieces)
	}
	return int(size)
}

// upload writes one object. It is used by one goroutine.
type upload struct {
	b    *Bucket
	key  string
	mark string
	to   io.Writer
	md5  hash.Hash
	size int64

	piece  int // how many bytes are sent at a time
	cancel context.CancelCauseFunc
}

// Write implements [io.Writer].
func (u *upload) Write(p []byte) (total int, err error) {
	for len(p) > 0 && err == nil {
		var n int
		err = u.stalls(func() (err error) {
			n, err = u.to.Write(p[:min(len(p), u.piece)])
			return err
		})
		_, _ = u.md5.Write(p[:n])
		p = p[n:]
		total += n
	}
	u.size += int64(total)
	return total, err
}

// stalls calls send, which sends a piece at most, and breaks the upload off if that takes too
// long: the libraries wait for a server that does not answer as long as the context lives.
func (u *upload) stalls(send func() error) error {
	watch := time.AfterFunc(callTimeout+time.Duration(u.piece/slowest)*time.Second, func() { u.cancel(errStalled) })
	err := send()
	if !watch.Stop() && err != nil {
		return errStalled // what send says is that a context has ended, which is not the caller's
	}
	return wrap("put", err)
}

// settle returns nil if the object is there as it was sent. An upload that failed may have made
// it: the answer to its last request was lost.
func (u *upload) settle(ctx context.Context, failure error) error {
	timeout := settleTimeout
	if ctx.Err() != nil {
		timeout = settleGrace // somebody waits
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	is, err := u.b.config.Bucket.Attributes(ctx, u.key)
	switch {
	case err != nil && failure != nil:
		return failure
	case err != nil:
		return wrap("look at what was put", err)
	case is.Metadata[markName] != u.mark: // it was not made, or is replaced already
		return failure
	}
	if err := u.compare(is); err != nil {
		return errors.Join(failure, err, wrap("delete", u.b.config.Bucket.Delete(ctx, u.key)))
	}
	return nil
}

// compare returns an error if an object is not what was sent.
func (u *upload) compare(is *gocloud.Attributes) error {
	switch {
	case is.Size != u.size:
		return fmt.Errorf("blob: an object has %d bytes, of %d that were sent", is.Size, u.size)
	case len(is.MD5) == 0 && u.b.config.Provider.MD5:
		return errors.New("blob: an object has no MD5")
	case len(is.MD5) > 0 && !bytes.Equal(is.MD5, u.md5.Sum(nil)):
		return errors.New("blob: an object was damaged on the way")
	}
	return nil
}
