package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/internal/rarely"
)

// Config has the settings of a [Bucket]. Client and Name are required.
type Config struct {
	// Client speaks to the server. [Open] makes one. Its retries are those of all
	// requests; it must not compute check sums of its own if the server does not know
	// them ([aws.RequestChecksumCalculationWhenRequired]).
	Client *s3.Client

	// Name is the name of the bucket, which must exist.
	Name string

	// Prefix is what all keys begin with, such as "exports/prod". A slash follows. Defaults
	// to none.
	Prefix string

	// KMSKey encrypts new objects with that key of AWS KMS (SSE-KMS): its id, ARN or alias.
	// Defaults to what the bucket does by itself.
	KMSKey string

	// PartSize is the size of a piece of an upload in bytes, 5 MiB to 5 GiB. Defaults to
	// 16 MiB. An upload takes twice that memory.
	PartSize int64

	// MaxBytes is the size of the largest object in bytes of which nothing else is known, such
	// as a part; up to 5 TiB. Defaults to 9,000 pieces (140 GiB). If it is more than that,
	// pieces are larger.
	MaxBytes int64

	// UploadAge is when an upload that another process has begun, and that is not
	// complete, counts as left behind: see [Bucket.Sweep]. It must be longer than an
	// upload can take. Defaults to 48 hours.
	UploadAge time.Duration

	// Logger gets what is no error of a call. Defaults to [slog.Default].
	Logger *slog.Logger
}

const (
	mib = 1 << 20

	minPartSize     = 5 * mib // what servers take
	maxPartSize     = 5 << 30
	defaultPartSize = 16 * mib
	maxObject       = 5 << 40
	// pieces is how many pieces an object of MaxBytes has. Servers take 10,000.
	pieces = 9000
)

// Bucket is a prefix of a bucket. It is safe for concurrent use. Make one with [Open] or
// [NewBucket].
type Bucket struct {
	config  Config
	begun   *uploads
	clock   *atomic.Int64 // see noteClock
	checked *rarely.Check
	buffers *sync.Pool // of *[]byte that hold a piece
}

// NewBucket returns a Bucket, or an error that tells all that is wrong with the
// configuration. It sends no request: see [Bucket.Check].
func NewBucket(c Config) (*Bucket, error) {
	setDefault(&c.PartSize, defaultPartSize)
	setDefault(&c.MaxBytes, pieces*c.PartSize)
	setDefault(&c.UploadAge, 48*time.Hour)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	var errs []error
	bad := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("s3: "+format, args...))
		}
	}
	bad(c.Client == nil, "Config.Client is nil")
	bad(c.Name == "", "Config.Name is empty")
	bad(c.Prefix != "" && (!fs.ValidPath(c.Prefix) || c.Prefix == "."), "Config.Prefix is %q, want a path without slashes at its ends", c.Prefix)
	bad(c.PartSize < minPartSize || c.PartSize > maxPartSize, "Config.PartSize is %d, want %d to %d", c.PartSize, minPartSize, int64(maxPartSize))
	bad(c.MaxBytes < 0 || c.MaxBytes > maxObject, "Config.MaxBytes is %d, want up to %d", c.MaxBytes, int64(maxObject))
	bad(c.UploadAge < 0, "Config.UploadAge is %v", c.UploadAge)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return &Bucket{config: c, begun: newUploads(), clock: new(atomic.Int64), checked: new(rarely.Check), buffers: new(sync.Pool)}, nil
}

func setDefault[T comparable](v *T, to T) {
	var zero T
	if *v == zero {
		*v = to
	}
}

// Sub returns the Bucket of a prefix below that of b, such as "archives". It panics if that
// is no path.
func (b *Bucket) Sub(prefix string) *Bucket {
	if !fs.ValidPath(prefix) || prefix == "." {
		panic(fmt.Sprintf("s3: prefix %q", prefix))
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
	page, err := b.page(ctx, &s3.ListObjectsV2Input{Bucket: &b.config.Name, Prefix: aws.String(b.prefix()), MaxKeys: aws.Int32(1)})
	if err == nil {
		b.noteClock(page.ResultMetadata)
	}
	return err
}

const (
	// callTimeout is how long a small request may take, with its retries.
	callTimeout = time.Minute

	// slowest is the rate in bytes per second that is waited for.
	slowest = 64 << 10
)

// wrap returns what err says about one of this package's own steps.
func wrap(step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("s3: %s: %w", step, err)
}
