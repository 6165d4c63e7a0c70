package jobstest

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/internal/kittest"
	"github.com/orgexport/orgexport/export/jobs"
)

// MemSigner is a [jobs.Signer] for tests. Its links lead nowhere. Two links are
// equal if key, file name and end are. Its zero value is ready for use. It is safe
// for concurrent use.
type MemSigner struct {
	// Now is the clock. Defaults to [time.Now], which is fake in a bubble of
	// testing/synctest.
	Now func() time.Time

	// MaxTTL limits how long a link is good for. Defaults to no limit.
	MaxTTL time.Duration

	mu    sync.Mutex
	calls []SignCall
}

// SignCall has the arguments of a call of [MemSigner.Sign].
type SignCall struct {
	Key, Filename string
	TTL           time.Duration
}

// Sign implements [jobs.Signer].
func (s *MemSigner) Sign(ctx context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return jobs.Link{}, context.Cause(ctx)
	}
	s.calls = append(s.calls, SignCall{key, filename, ttl})
	if s.MaxTTL > 0 {
		ttl = min(ttl, s.MaxTTL)
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	expires := kittest.Instant(now().Add(ttl))
	u := url.URL{
		Scheme: "https", Host: "archives.test", Path: "/" + key,
		RawQuery: url.Values{"filename": {filename}, "expires": {expires.Format(time.RFC3339Nano)}}.Encode(),
	}
	return jobs.Link{URL: u.String(), ExpiresAt: expires}, nil
}

// Calls returns all calls of Sign, in their order.
func (s *MemSigner) Calls() []SignCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
