package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	gocloud "gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/rarely"
)

// Config has the settings of a [Bucket]. Bucket is required.
type Config struct {
	// Bucket is that of gocloud.dev. Whoever opened it closes it.
	Bucket *gocloud.Bucket

	// Prefix is what all keys begin with, such as "exports/prod". A slash follows. Defaults
	// to none.
	Prefix string

	// Provider is what is special about whoever stores the bucket. Its zero value is good for
	// buckets in memory, which tests use.
	Provider Provider

	// PartSize is how many bytes of an object are sent at a time, 256 KiB to 1 GiB. Defaults
	// to 16 MiB.
	PartSize int

	// MaxBytes is the size of the largest object in bytes of which nothing else is known,
	// such as a part. It matters if the provider has [Provider.MaxPieces]: pieces are larger
	// then if need be. Defaults to 100 GiB.
	MaxBytes int64
}

// Provider is what is special about one kind of bucket. All of its fields may be empty. Its
// functions are called by several goroutines at a time.
type Provider struct {
	// BeforeWrite is called before an upload begins, to change it. as is that of
	// [gocloud.WriterOptions].
	BeforeWrite func(as func(any) bool) error

	// Version returns what tells objects apart that have the same key, one after the other.
	// Defaults to the time of their last change.
	Version func(r *gocloud.Reader) string

	// NotFound reports whether an error of the bucket says that an object, or the bucket, is
	// not there. Defaults to [gcerrors.NotFound].
	NotFound func(err error) bool

	// MaxPieces is how many pieces an upload can have. 0 means any number.
	MaxPieces int64

	// MD5 is set if the provider computes the MD5 of each object that it has got.
	MD5 bool

	// Link returns a signed URL. Without it there is no [Signer].
	Link func(ctx context.Context, b *gocloud.Bucket, l Link) (url string, err error)

	// MaxLink is the longest life of a link. 0 means any.
	MaxLink time.Duration
}

// Link is what is signed.
type Link struct {
	Key     string    // of the object in the bucket, with the prefix
	Begins  time.Time // now
	Expires time.Time // whole seconds after Begins

	// The headers that the answer is to have.
	ContentDisposition, ContentType, CacheControl string
}

const (
	defaultPartSize = 16 << 20
	minPartSize     = 256 << 10
	maxPartSize     = 1 << 30
	defaultMaxBytes = 100 << 30
)

// Bucket is a prefix of a bucket. It is safe for concurrent use. Make one with [NewBucket].
type Bucket struct {
	config  Config
	checked *rarely.Check
}

// NewBucket returns a Bucket, or an error that tells all that is wrong with the
// configuration. It sends no request: see [Bucket.Check].
func NewBucket(c Config) (*Bucket, error) {
	if c.PartSize == 0 {
		c.PartSize = defaultPartSize
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = defaultMaxBytes
	}
	if c.Provider.Version == nil {
		c.Provider.Version = func(r *gocloud.Reader) string { return r.ModTime().String() }
	}
	if c.Provider.NotFound == nil {
		c.Provider.NotFound = func(err error) bool { return gcerrors.Code(err) == gcerrors.NotFound }
	}
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("blob: "+format, args...))
		}
	}
	bad(c.Bucket == nil, "Config.Bucket is nil")
	bad(c.Prefix != "" && (!fs.ValidPath(c.Prefix) || c.Prefix == "."), "Config.Prefix is %q, want a path without slashes at its ends", c.Prefix)
	bad(c.PartSize < minPartSize || c.PartSize > maxPartSize, "Config.PartSize is %d, want %d to %d", c.PartSize, minPartSize, maxPartSize)
	bad(c.MaxBytes < 0, "Config.MaxBytes is %d", c.MaxBytes)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Bucket{c, new(rarely.Check)}, nil
}

// Sub returns the Bucket of a prefix below that of b, such as "archives". It panics if that
// is no path.
func (b *Bucket) Sub(prefix string) *Bucket {
	if !fs.ValidPath(prefix) || prefix == "." {
		panic(fmt.Sprintf("blob: prefix %q", prefix))
	}
	sub := *b
	sub.config.Prefix = path.Join(b.config.Prefix, prefix)
	return &sub
}

// object returns the key of an object in the bucket.
func (b *Bucket) object(key string) string { return b.prefix() + key }

// prefix returns what all keys of b in the bucket begin with.
func (b *Bucket) prefix() string {
	if b.config.Prefix == "" {
		return ""
	}
	return b.config.Prefix + "/"
}

// Check implements [export.Checker]. It lists one object at most, and no more often than every
// five seconds: meanwhile it gives the last answer for all prefixes of the bucket.
func (b *Bucket) Check(ctx context.Context) error { return b.checked.Do(ctx, b.reach) }

// reach lists one object at most.
func (b *Bucket) reach(ctx context.Context) error {
	_, _, err := b.page(ctx, gocloud.FirstPageToken, 1, &gocloud.ListOptions{Prefix: b.prefix()})
	return err
}

// missing makes [export.ErrNotFound] of what a provider says about an object that is not
// there. It may say the same of one whose bucket is not there.
func (b *Bucket) missing(ctx context.Context, step string, err error) error {
	if !b.config.Provider.NotFound(err) {
		return wrap(step, err)
	}
	if err := b.reach(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return fmt.Errorf("blob: %w", export.ErrNotFound)
}

// callTimeout is how long a small request may take, with its retries.
const callTimeout = time.Minute

// wrap returns what err says about one of this package's own steps.
func wrap(step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("blob: %s: %w", step, err)
}
