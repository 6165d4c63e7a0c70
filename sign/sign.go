package sign

import (
	"context"
	"fmt"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// MaxTTL is the longest time that a link lives. A longer one is shortened to it.
const MaxTTL = 7 * 24 * time.Hour

// Sign implements [jobs.Signer]. The key has the form
// ORGANIZATION/JOB/ATTEMPT.EXT. The file name is one element of a path, of at most
// 255 bytes of UTF-8, without control characters. The ttl is at least one second.
// The link expires at a whole second, at most ttl and [MaxTTL] from now: its
// ExpiresAt. With Config.Bound it is for the principal of ctx, which must have one: see
// [access.WithPrincipal].
func (l *Links) Sign(ctx context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
	o, err := parseObject(key)
	if err != nil {
		return jobs.Link{}, fmt.Errorf("sign: key %q: %w", key, err)
	}
	if err := checkFilename(filename); err != nil {
		return jobs.Link{}, fmt.Errorf("sign: file name %q %w", filename, err)
	}
	if ttl < time.Second {
		return jobs.Link{}, fmt.Errorf("sign: a link cannot live for %v, want at least 1s", ttl)
	}
	expires := l.config.Now().Add(min(ttl, MaxTTL)).Unix()
	made := link{object: o, filename: filename, expires: expires}
	if l.config.Bound {
		if err := l.bind(ctx, &made); err != nil {
			return jobs.Link{}, err
		}
	}
	signed := l.config.Keys.sign(made)
	return jobs.Link{
		URL:       l.url + signed.path() + "?" + signed.query(),
		ExpiresAt: time.Unix(expires, 0).UTC(),
	}, nil
}
