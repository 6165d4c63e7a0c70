package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
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
	var size int64
	first := func(ctx context.Context, until int64) (io.ReadCloser, int64, error) {
		out, err := b.get(ctx, key, nil, 0, until)
		if statusOf(err) == http.StatusRequestedRangeNotSatisfiable {
			r.modified, err = b.empty(ctx, key)
			return nil, 0, err
		}
		if err != nil {
			return nil, 0, b.missing(ctx, err)
		}
		if size, err = sizeOf(out, 0); err != nil {
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
		again, err := sizeOf(out, at)
		if err == nil && (again != size || aws.ToString(out.ETag) != aws.ToString(etag)) { // not all servers know If-Match
			err = errReplaced
		}
		if err != nil {
			return nil, errors.Join(err, out.Body.Close())
		}
		return out.Body, nil
	}
	var err error
	if r.Reader, err = ranges.Open(ctx, first, next); err != nil {
		return nil, err
	}
	return &r, nil
}

// empty returns when an object was modified that has no ranges because it is empty.
func (b *Bucket) empty(ctx context.Context, key string) (modified time.Time, err error) {
	head, err := b.head(ctx, key)
	if err != nil {
		return time.Time{}, err
	}
	if size, err := lengthOf(head.ContentLength); err != nil || size != 0 {
		return time.Time{}, errors.Join(err, fmt.Errorf("s3: the server has no ranges of an object of %d bytes", size))
	}
	return aws.ToTime(head.LastModified), nil
}

// get asks for the bytes of an object from at to until.
func (b *Bucket) get(ctx context.Context, key string, etag *string, at, until int64) (*s3.GetObjectOutput, error) {
	return b.config.Client.GetObject(ctx, &s3.GetObjectInput{
		Bucket: &b.config.Name, Key: aws.String(b.object(key)), IfMatch: etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", at, until-1)),
	})
}

// sizeOf returns the size of the object of which out has the range from at on (RFC 9110,
// section 14.4), or all if the server has sent that.
func sizeOf(out *s3.GetObjectOutput, at int64) (int64, error) {
	if out.ContentRange == nil && at == 0 && out.ETag != nil {
		return lengthOf(out.ContentLength)
	}
	said := aws.ToString(out.ContentRange)
	var begins, ends, size int64
	if n, err := fmt.Sscanf(said, "bytes %d-%d/%d", &begins, &ends, &size); n != 3 || err != nil || begins != at || size < 0 {
		return 0, fmt.Errorf("s3: the range from %d on is %.60q", at, said)
	}
	return size, nil
}

// lengthOf returns the size that an answer tells. What does not tell any is no empty object.
func lengthOf(said *int64) (int64, error) {
	if said == nil || *said < 0 {
		return 0, errors.New("s3: the server does not say how large an object is")
	}
	return *said, nil
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

// statusOf returns the status of an answer that is an error of the server, or 0.
func statusOf(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
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
