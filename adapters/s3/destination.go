package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/partname"
)

// Destination keeps archives in a bucket. It implements [jobs.Destination], [jobs.Sizer],
// [jobs.Bounder], [jobs.Confirmer], [export.Checker] and [export.Sweeper]. It is safe for concurrent use.
// Make one with [NewDestination].
type Destination struct{ *Bucket }

// NewDestination returns the Destination of a bucket's prefix.
func NewDestination(b *Bucket) *Destination { return &Destination{b} }

// Put implements [jobs.Destination]. See the package's documentation for its memory.
func (d *Destination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return d.put(ctx, key, d.config.MaxBytes, write)
}

// PutBounded implements [jobs.Bounder]: pieces are as large as an object of that size needs,
// whatever [Config.MaxBytes] is.
func (d *Destination) PutBounded(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if most > maxObject {
		return fmt.Errorf("s3: an object of up to %d bytes, of which a bucket takes %d at most", most, int64(maxObject))
	}
	return d.put(ctx, key, most, write)
}

// Open implements [jobs.Destination]. Seeking sends no request.
func (d *Destination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return nil, err
	}
	return opened(d.open(ctx, key))
}

// Size implements [jobs.Sizer].
func (d *Destination) Size(ctx context.Context, key string) (int64, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return 0, err
	}
	head, err := d.head(ctx, key)
	if err != nil {
		return 0, err
	}
	return lengthOf(head.ContentLength)
}

// Delete implements [jobs.Destination]. In a bucket with versions the object stays as an
// old version: let a rule of the bucket remove those.
func (d *Destination) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, checkKey(key)); err != nil {
		return err
	}
	return d.remove(ctx, key)
}

// List implements [jobs.Destination]. It leaves out objects whose name is not a key.
func (d *Destination) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := d.list(ctx, prefix, func(key string) bool {
		if checkKey(key) == nil {
			keys = append(keys, key)
		}
		return true
	})
	return keys, err
}

// Confirms implements [jobs.Confirmer]: the server compares the MD5 of each piece, and the
// size of the object is looked at once it is complete.
func (d *Destination) Confirms() bool { return true }

// checkKey returns an error if key is not one of a [jobs.Destination].
func checkKey(key string) error { return wrap("object", partname.CheckKey(key)) }

// ready returns err, which is about the arguments of a call, or the cause of ctx if
// that has ended.
func ready(ctx context.Context, err error) error {
	if err == nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// opened turns a nil reader into a nil interface.
func opened(r *reader, err error) (io.ReadSeekCloser, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// isPage reports whether an answer is a page for people.
func isPage(m middleware.Metadata) bool {
	raw, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response)
	return ok && strings.HasPrefix(raw.Header.Get("Content-Type"), "text/html")
}

func (b *Bucket) remove(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := b.config.Client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.config.Name, Key: aws.String(b.object(key))})
	if notFound(err) { // AWS never says so of an object; others do, and so do proxies that do not reach them
		if err = b.missing(ctx, err); errors.Is(err, export.ErrNotFound) {
			return nil
		}
		return err
	}
	if err == nil && isPage(out.ResultMetadata) {
		err = errNoAnswer
	}
	return wrap("delete", err)
}
