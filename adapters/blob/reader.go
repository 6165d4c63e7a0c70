package blob

import (
	"context"
	"errors"
	"io"

	gocloud "gocloud.dev/blob"

	"github.com/orgexport/orgexport/internal/ranges"
)

// open returns a reader of an object. It asks for the beginning at once: a small object is
// read as it is now, even if another replaces it.
func (b *Bucket) open(ctx context.Context, key string) (io.ReadSeekCloser, error) {
	key = b.object(key)
	var version string
	first := func(ctx context.Context, until int64) (io.ReadCloser, int64, error) {
		r, err := b.config.Bucket.NewRangeReader(ctx, key, 0, until, nil)
		if err != nil {
			return nil, 0, b.first(ctx, key, err)
		}
		version = b.config.Provider.Version(r)
		return r, r.Size(), nil
	}
	next := func(ctx context.Context, at, until int64) (io.ReadCloser, error) {
		r, err := b.config.Bucket.NewRangeReader(ctx, key, at, until-at, nil)
		if err != nil {
			return nil, b.missing(ctx, "read", err)
		}
		if b.config.Provider.Version(r) != version {
			return nil, errors.Join(errReplaced, r.Close())
		}
		return r, nil
	}
	r, err := ranges.Open(ctx, first, next)
	if err != nil {
		return nil, err
	}
	return r, nil
}

var errReplaced = errors.New("blob: the object was replaced while it was read")

// first returns nil if an object could not be read because it is empty, and has no ranges. Else
// it returns what is wrong.
func (b *Bucket) first(ctx context.Context, key string, failure error) error {
	if b.config.Provider.NotFound(failure) {
		return b.missing(ctx, "open", failure)
	}
	is, err := b.attributes(ctx, key)
	if err == nil && is.Size == 0 {
		return nil
	}
	return wrap("open", failure)
}

func (b *Bucket) attributes(ctx context.Context, key string) (*gocloud.Attributes, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	is, err := b.config.Bucket.Attributes(ctx, key)
	if err != nil {
		return nil, b.missing(ctx, "look at an object", err)
	}
	return is, nil
}
