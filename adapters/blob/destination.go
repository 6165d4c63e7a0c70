package blob

import (
	"context"
	"io"
	"strings"

	gocloud "gocloud.dev/blob"

	"github.com/orgexport/orgexport/internal/partname"
)

// Destination keeps archives in a bucket. It implements [jobs.Destination], [jobs.Sizer],
// [jobs.Bounder], [jobs.Confirmer] and [export.Checker]. It is safe for concurrent use.
// Make one with [NewDestination].
type Destination struct{ *Bucket }

// NewDestination returns the Destination of a bucket's prefix.
func NewDestination(b *Bucket) *Destination { return &Destination{b} }

// Put implements [jobs.Destination]. See the package's documentation for its memory.
func (d *Destination) Put(ctx context.Context, key string, write func(io.Writer) error) error {
	return d.PutBounded(ctx, key, d.config.MaxBytes, write)
}

// PutBounded implements [jobs.Bounder]: pieces are as large as an object of that size needs,
// whatever [Config.MaxBytes] is.
func (d *Destination) PutBounded(ctx context.Context, key string, most int64, write func(io.Writer) error) error {
	if err := checkKey(key); err != nil {
		return err
	}
	return d.put(ctx, key, most, write)
}

// Open implements [jobs.Destination]. Seeking sends no request.
func (d *Destination) Open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return nil, err
	}
	return d.open(ctx, key)
}

// Size implements [jobs.Sizer].
func (d *Destination) Size(ctx context.Context, key string) (int64, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return 0, err
	}
	is, err := d.attributes(ctx, d.object(key))
	if err != nil {
		return 0, err
	}
	return is.Size, nil
}

// Delete implements [jobs.Destination]. In a bucket that keeps versions, or what was deleted
// for some days, the object stays there: let a rule of the bucket remove it.
func (d *Destination) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, checkKey(key)); err != nil {
		return err
	}
	return d.remove(ctx, key)
}

// List implements [jobs.Destination]. It leaves out objects whose name is not a key.
func (d *Destination) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	err := d.list(ctx, prefix, "", func(key string) {
		if checkKey(key) == nil {
			keys = append(keys, key)
		}
	})
	return keys, err
}

// Confirms implements [jobs.Confirmer]. It reports whether the provider computes the MD5 of
// what it has got.
func (d *Destination) Confirms() bool { return d.config.Provider.MD5 }

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

func (b *Bucket) remove(ctx context.Context, key string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := b.config.Bucket.Delete(ctx, b.object(key))
	if err != nil && b.config.Provider.NotFound(err) {
		return b.reach(ctx) // it is the object that is not there, or the bucket
	}
	return wrap("delete", err)
}

// list calls yield with each key that begins with prefix. With a delimiter it calls it once for
// all keys that have the same beginning up to that, which it includes.
func (b *Bucket) list(ctx context.Context, prefix, delimiter string, yield func(key string)) error {
	const page = 1000
	options := &gocloud.ListOptions{Prefix: b.object(prefix), Delimiter: delimiter}
	for token := gocloud.FirstPageToken; len(token) > 0; {
		objects, next, err := b.page(ctx, token, page, options)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if key, ok := strings.CutPrefix(o.Key, b.prefix()); ok && strings.HasPrefix(key, prefix) {
				yield(key)
			}
		}
		token = next
	}
	return nil
}

func (b *Bucket) page(ctx context.Context, token []byte, size int, options *gocloud.ListOptions) ([]*gocloud.ListObject, []byte, error) {
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	objects, next, err := b.config.Bucket.ListPage(ctx, token, size, options)
	return objects, next, wrap("list", err)
}
