package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/orgexport/orgexport/export"
)

const (
	firstRange = 256 << 10 // what is asked for after a seek
	lastRange  = 32 << 20  // what is asked for once a reader has read much

	// readTries is how often in a row a range may fail without a byte.
	readTries = 5

	// stall is how long a connection may give nothing.
	stall = time.Minute
)

// reader reads an object range by range.
type reader struct {
	ctx  context.Context //nolint:containedctx // that of Open, as [jobs.Destination] has it
	b    *Bucket
	key  string
	etag string
	size int64

	modified time.Time

	at     int64 // where Read goes on
	ahead  int64 // how much the next range has
	body   io.ReadCloser
	bodyAt int64 // where body goes on, and
	until  int64 // where it ends
	closed bool
}

// open returns a reader of an object. It asks for the beginning at once: a small object is
// read as it is now, even if another replaces it.
func (b *Bucket) open(ctx context.Context, key string) (*reader, error) {
	r := &reader{ctx: ctx, b: b, key: b.object(key), ahead: firstRange}
	out, cancel, err := r.get(nil, 0, firstRange)
	if errorCode(err) == "InvalidRange" {
		return r, nil // it is empty
	}
	if err != nil {
		return nil, b.missing(ctx, err)
	}
	r.etag, r.modified = aws.ToString(out.ETag), aws.ToTime(out.LastModified)
	if r.size, err = sizeOf(out); err != nil {
		cancel(nil)
		return nil, errors.Join(err, out.Body.Close())
	}
	r.take(out, cancel, min(firstRange, r.size))
	return r, nil
}

// sizeOf returns the size of the object of which out has a range (RFC 9110, section 14.4), or
// all if the server has sent that.
func sizeOf(out *s3.GetObjectOutput) (int64, error) {
	if out.ContentRange == nil {
		return aws.ToInt64(out.ContentLength), nil
	}
	_, total, _ := strings.Cut(*out.ContentRange, "/")
	size, err := strconv.ParseInt(total, 10, 64)
	if err != nil || size < 0 {
		return 0, fmt.Errorf("s3: a range is %.40q", *out.ContentRange)
	}
	return size, nil
}

// head asks what an object is. The error matches [export.ErrNotFound] if there is none.
func (b *Bucket) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.config.Client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.config.Name, Key: aws.String(b.object(key))})
	if err != nil {
		return nil, b.missing(ctx, err)
	}
	b.noteClock(out.ResultMetadata)
	return out, nil
}

// missing makes [export.ErrNotFound] of what a server says about an object that is not
// there. An answer to HEAD has no text, and does not say whether it is the bucket: that is
// asked then.
func (b *Bucket) missing(ctx context.Context, err error) error {
	if !notFound(err) {
		return wrap("open", err)
	}
	if errorCode(err) == "NoSuchKey" {
		return fmt.Errorf("s3: %w", export.ErrNotFound)
	}
	_, bucketErr := b.config.Client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &b.config.Name})
	if notFound(bucketErr) {
		return fmt.Errorf("s3: there is no bucket %q", b.config.Name)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("s3: %w", export.ErrNotFound)
}

func notFound(err error) bool {
	code := errorCode(err)
	return code == "NotFound" || code == "NoSuchKey"
}

// errorCode returns the code of an answer that is an error of the server, or nothing.
func errorCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// Read implements [io.Reader]. What is not read before the connection breaks is asked for
// again.
func (r *reader) Read(p []byte) (int, error) {
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
		r.ahead = firstRange
	}
	var failure error
	for range readTries {
		if r.ctx.Err() != nil {
			return 0, context.Cause(r.ctx)
		}
		if err := r.ask(); err != nil {
			return 0, err
		}
		n, err := r.body.Read(p)
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
	return 0, wrap("read", failure)
}

// ask opens the next range, unless one is open. The library tries again if the server does
// not answer.
func (r *reader) ask() error {
	if r.body != nil {
		return nil
	}
	until := min(r.at+r.ahead, r.size)
	out, cancel, err := r.get(&r.etag, r.at, until)
	if err != nil {
		return r.refused(err)
	}
	if got := aws.ToInt64(out.ContentLength); got != until-r.at {
		cancel(nil)
		return errors.Join(fmt.Errorf("s3: a range of %d bytes has %d", until-r.at, got), out.Body.Close())
	}
	r.take(out, cancel, until)
	return nil
}

// get asks for the bytes from at to until. cancel ends the request with its body.
func (r *reader) get(etag *string, at, until int64) (*s3.GetObjectOutput, context.CancelCauseFunc, error) {
	ctx, cancel := context.WithCancelCause(r.ctx)
	out, err := r.b.config.Client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &r.b.config.Name, Key: &r.key, IfMatch: etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", at, until-1)),
	})
	if err != nil {
		cancel(nil)
	}
	return out, cancel, err
}

// take reads on in an answer.
func (r *reader) take(out *s3.GetObjectOutput, cancel context.CancelCauseFunc, until int64) {
	r.body, r.bodyAt, r.until = newStallBody(out.Body, cancel), r.at, until
	r.ahead = min(2*r.ahead, lastRange)
}

// refused tells what is wrong with an object that was there when it was opened.
func (r *reader) refused(err error) error {
	if errorCode(err) == "PreconditionFailed" {
		return errReplaced
	}
	if notFound(err) {
		return fmt.Errorf("s3: the object was deleted while it was read: %w", export.ErrNotFound)
	}
	return wrap("read", err)
}

func (r *reader) drop() {
	if r.body != nil {
		_ = r.body.Close() // it was only read
		r.body = nil
	}
}

// Seek implements [io.Seeker]. It sends no request.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
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
		return 0, fmt.Errorf("s3: seek: whence %d", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("s3: seek to %d", offset)
	}
	r.at = offset
	return offset, nil
}

// Close implements [io.Closer].
func (r *reader) Close() error {
	r.drop()
	r.closed = true
	return nil
}

var errReplaced = errors.New("s3: the object was replaced while it was read")

func isEOF(err error) bool { return err == io.EOF } //nolint:errorlint // as io.Reader has it

var errStalled = errors.New("s3: the server sent nothing for a minute")

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
