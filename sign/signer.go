package sign

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/jobs"
)

// MaxTTL is the longest time that a link lives. A longer one is shortened to it.
const MaxTTL = 7 * 24 * time.Hour

// Config is the configuration of a [Signer]. Ring and BaseURL are required.
type Config struct {
	// Ring has the keys. Its first key signs.
	Ring *Ring

	// BaseURL is what stands before the object's key in links: the absolute URL
	// at which clients reach the [Handler], such as
	// "https://example.com/downloads". It is http or https and has neither user
	// nor query nor fragment.
	BaseURL string

	// Now is the clock. Defaults to [time.Now].
	Now func() time.Time
}

// Signer makes links that a [Handler] with the same keys serves. It implements
// [jobs.Signer] and is safe for concurrent use. Make one with [NewSigner].
type Signer struct {
	ring *Ring
	base string
	now  func() time.Time
}

// NewSigner returns a Signer, or everything that is wrong with c.
func NewSigner(c Config) (*Signer, error) {
	var errs []error
	if c.Ring.size() == 0 {
		errs = append(errs, errors.New("sign: Config.Ring is missing"))
	}
	if err := checkBaseURL(c.BaseURL); err != nil {
		errs = append(errs, fmt.Errorf("sign: Config.BaseURL %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Signer{c.Ring, strings.TrimRight(c.BaseURL, "/"), c.Now}, nil
}

// checkBaseURL does not quote the URL, which may hold a password by mistake.
func checkBaseURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return errors.New("is missing")
	case err != nil:
		return errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("is not an absolute URL of http or https")
	case u.User != nil || strings.ContainsAny(text, "?#"):
		return errors.New("has a user, a query or a fragment")
	}
	return nil
}

// Sign implements [jobs.Signer]. The key has the form
// ORGANIZATION/JOB/ATTEMPT.EXT; the file name is one element of a path of at
// most 255 bytes of UTF-8, without control characters. The ttl is at least one
// second. The link expires at a whole second, at most ttl and [MaxTTL] from now;
// its ExpiresAt tells when.
func (s *Signer) Sign(_ context.Context, key, filename string, ttl time.Duration) (jobs.Link, error) {
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
	expires := s.now().Add(min(ttl, MaxTTL)).Unix()
	l := s.ring.sign(link{object: o, filename: filename, expires: expires})
	return jobs.Link{
		URL:       s.base + l.path() + "?" + l.query(),
		ExpiresAt: time.Unix(expires, 0).UTC(),
	}, nil
}
