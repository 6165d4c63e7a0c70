package s3

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/attachment"
)

// maxLink is the longest life of a link: see "Authenticating Requests: Using Query
// Parameters" of the Amazon S3 API reference.
const maxLink = 7 * 24 * time.Hour

// SignerConfig has the settings of a [Signer]. Its zero value is ready for use.
type SignerConfig struct {
	// MediaType returns the media type that a download of a file of that name has.
	// Defaults to application/octet-stream for all.
	MediaType func(filename string) string

	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Signer makes presigned links to the objects of a [Bucket]. It implements
// [jobs.Signer], and is safe for concurrent use. Make one with [NewSigner].
//
// Whoever has a link can download the object from the bucket until the link expires, or
// the object is deleted, whatever happens to whom it was made for. Downloads are not
// audited, except by the bucket itself.
type Signer struct {
	bucket *Bucket
	config SignerConfig
	links  *s3.PresignClient
}

// NewSigner returns a Signer of the objects of a [Destination] of the same Bucket.
func NewSigner(b *Bucket, c SignerConfig) *Signer {
	if c.MediaType == nil {
		c.MediaType = func(string) string { return "application/octet-stream" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Signer{b, c, s3.NewPresignClient(b.config.Client)}
}

// Sign implements [jobs.Signer]. A link ends when the credentials that signed it do, if that
// is sooner, and after 7 days at most. Its address is that of the bucket. Sign sends a
// request only if the credentials have to be renewed. A wrong clock of this machine does not
// matter once the server has answered to Size or Check of the same Bucket.
func (s *Signer) Sign(ctx context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return jobs.Link{}, err
	}
	credentials, err := s.bucket.config.Client.Options().Credentials.Retrieve(ctx)
	if err != nil {
		return jobs.Link{}, wrap("credentials", err)
	}
	now := s.config.Now()
	ttl = min(ttl, maxLink)
	if credentials.CanExpire {
		ttl = min(ttl, credentials.Expires.Sub(now))
	}
	ttl = ttl.Truncate(time.Second)
	if ttl < time.Second {
		return jobs.Link{}, wrap("sign", errExpired)
	}
	signed, err := s.links.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket: &s.bucket.config.Name, Key: aws.String(s.bucket.object(key)),
		ResponseContentDisposition: aws.String(attachment.Disposition(filename)),
		ResponseContentType:        aws.String(s.config.MediaType(filename)),
		ResponseCacheControl:       aws.String("no-store, no-transform"),
	}, func(o *s3.PresignOptions) {
		o.Expires = ttl
		o.Presigner = skewed{v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), s.bucket.skew()} // S3's paths are not escaped twice
		o.ClientOptions = append(o.ClientOptions, func(o *s3.Options) {
			o.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return credentials, nil })
		})
	})
	if err != nil {
		return jobs.Link{}, wrap("sign", err)
	}
	return jobs.Link{URL: signed.URL, ExpiresAt: now.Add(ttl).Truncate(time.Second).UTC()}, nil
}

// skewed signs with the clock of the server: a link that is signed in its future, or too
// long ago, is refused.
type skewed struct {
	s3.HTTPPresignerV4
	by time.Duration
}

// PresignHTTP implements [s3.HTTPPresignerV4].
func (s skewed) PresignHTTP(
	ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	optFns ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	return s.HTTPPresignerV4.PresignHTTP(ctx, credentials, r, payloadHash, service, region, at.Add(s.by), optFns...)
}

// noteClock remembers how far the server's clock is ahead of ours, by an answer of it.
func (b *Bucket) noteClock(m middleware.Metadata) {
	if skew, ok := awsmiddleware.GetAttemptSkew(m); ok {
		b.clock.Store(int64(skew))
	}
}

// skew returns how far the server's clock is ahead of ours, as far as that matters.
func (b *Bucket) skew() time.Duration {
	const precise = time.Minute // less than that is the way of the answer
	if skew := time.Duration(b.clock.Load()); skew.Abs() > precise {
		return skew
	}
	return 0
}
