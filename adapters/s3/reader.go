package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/ranges"
)

// reader reads an object.
type reader struct {
	*ranges.Reader
	modified time.Time
}

// open returns a reader of an object. It asks for the beginning at once: a small object is
// read as it is now, even if another replaces it.
func (b *Bucket) open(ctx context.Context, key string) (*reader, error) {
	var r reader
	var etag *string
	first := func(ctx context.Context, until int64) (io.ReadCloser, int64, error) {
		out, err := b.get(ctx, key, nil, 0, until)
		if errorCode(err) == "InvalidRange" {
			return nil, 0, nil // it is empty
		}
		if err != nil {
			return nil, 0, b.missing(ctx, err)
		}
		size, err := sizeOf(out)
		if err != nil {
			return nil, 0, errors.Join(err, out.Body.Close())
		}
		etag, r.modified = out.ETag, aws.ToTime(out.LastModified)
		return out.Body, size, nil
	}
	next := func(ctx context.Context, at, until int64) (io.ReadCloser, error) {
		out, err := b.get(ctx, key, etag, at, until)
		if err != nil {
			return nil, refused(err)
		}
		if got := aws.ToInt64(out.ContentLength); got != until-at {
			return nil, errors.Join(fmt.Errorf("s3: a range of %d bytes has %d", until-at, got), out.Body.Close())
		}
		return out.Body, nil
	}
	var err error
	if r.Reader, err = ranges.Open(ctx, first, next); err != nil {
		return nil, err
	}
	return &r, nil
}

// get asks for the bytes of an object from at to until.
func (b *Bucket) get(ctx context.Context, key string, etag *string, at, until int64) (*s3.GetObjectOutput, error) {
	return b.config.Client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.config.Name, Key: aws.String(b.object(key)), IfMatch: etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", at, until-1)),
	})
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

// refused tells what is wrong with an object that was there when it was opened.
func refused(err error) error {
	if errorCode(err) == "PreconditionFailed" {
		return errReplaced
	}
	if notFound(err) {
		return fmt.Errorf("s3: the object was deleted while it was read: %w", export.ErrNotFound)
	}
	return wrap("read", err)
}

var errReplaced = errors.New("s3: the object was replaced while it was read")
