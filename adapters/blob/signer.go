package blob

import (
	"context"
	"errors"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/attachment"
)

// SignerConfig has the settings of a [Signer]. Its zero value is ready for use.
type SignerConfig struct {
	// MediaType returns the media type that a download of a file of that name has.
	// Defaults to application/octet-stream for all.
	MediaType func(filename string) string

	// Now is the clock, which must be that of the provider. Defaults to [time.Now].
	Now func() time.Time
}

// Signer makes signed links to the objects of a [Bucket]. It implements [jobs.Signer], and
// is safe for concurrent use. Make one with [NewSigner].
//
// Whoever has a link can download the object from the bucket until the link expires, or
// the object is deleted, whatever happens to whom it was made for. Downloads are not
// audited, except by the provider itself.
type Signer struct {
	bucket *Bucket
	config SignerConfig
}

// NewSigner returns a Signer of the objects of a [Destination] of the same Bucket.
func NewSigner(b *Bucket, c SignerConfig) *Signer {
	if c.MediaType == nil {
		c.MediaType = func(string) string { return "application/octet-stream" }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Signer{b, c}
}

// Sign implements [jobs.Signer]. A link lives for [Provider.MaxLink] at most. The error matches
// [errors.ErrUnsupported] if the provider signs no links.
func (s *Signer) Sign(ctx context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	if err := ready(ctx, checkKey(key)); err != nil {
		return jobs.Link{}, err
	}
	provider := s.bucket.config.Provider
	if provider.Link == nil {
		return jobs.Link{}, wrap("sign", errors.ErrUnsupported)
	}
	if provider.MaxLink > 0 {
		ttl = min(ttl, provider.MaxLink)
	}
	// Providers count from the last whole second, and in whole seconds.
	now := s.config.Now().UTC().Truncate(time.Second)
	expires := now.Add(ttl).Truncate(time.Second)
	if !expires.After(now) {
		return jobs.Link{}, wrap("sign", errors.New("a link must live for a second"))
	}
	address, err := provider.Link(ctx, s.bucket.config.Bucket, Link{
		Key: s.bucket.object(key), Begins: now, Expires: expires,
		ContentDisposition: attachment.Disposition(filename),
		ContentType:        s.config.MediaType(filename),
		CacheControl:       "no-store, no-transform",
	})
	if err != nil {
		return jobs.Link{}, wrap("sign", err)
	}
	return jobs.Link{URL: address, ExpiresAt: expires}, nil
}
