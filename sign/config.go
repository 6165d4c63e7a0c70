package sign

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of [Links]. Keys, URL, Jobs, Destination and Audit
// are required.
type Config struct {
	// Keys are the signing keys. The first key signs, and all of them check.
	Keys *Keyring

	// URL is what links begin with: the absolute URL at which clients reach the
	// downloads, such as "https://example.com/downloads". It is http or https and
	// has neither user nor query nor fragment.
	URL string

	// Path begins the paths of requests as they arrive here, such as "/downloads". "/"
	// means that the key of the object follows at once. It
	// is made of letters, digits, slashes and -._~ and begins with a slash.
	// Defaults to the path of URL: set it if something before the handler changes the
	// path, such as a proxy or the handler of package httpapi, which removes the path of
	// its PublicURL.
	Path string

	// Jobs tells whether the archive of a link still exists.
	Jobs Jobs

	// Destination has the archives.
	Destination jobs.Destination

	// Audit records downloads, after they have ended. Those of a minute that differ only in their range become
	// two entries: see [audit.Summary], and call [Links.Flush] before the process ends.
	Audit audit.Log

	// Limits are how often links may be used.
	Limits Limits

	// AtOnce are how many downloads may be open at once.
	AtOnce AtOnce

	// Bound makes links that say, so that only this handler can read it, whom they are
	// made for: the principal that [access.WithPrincipal] has put into the context of
	// Sign, as package httpapi does. Such a link ends before its expiry when MayDownload
	// says so. Links that are not bound stay good, and bound ones bound, whatever is set
	// here later. Handlers of older versions refuse bound links.
	Bound bool

	// MayDownload reports whether the principal that a bound link was made for may still
	// have archives of an organization: see [access.MayStillExport]. It is asked at each
	// request for an archive by such a link, before anything else is. The principal has
	// no Limits. Required with Bound; without it bound links are refused.
	MayDownload func(ctx context.Context, holder access.Principal, organizationID string) (bool, error)

	// OnLimit is called when a request is over a limit, also one of AtOnce, with "link:" and
	// the ids of organization and job, "downloader:" and an address or IPv6 network, or
	// "downloads:" if all downloads of this process are too many. Optional.
	OnLimit func(who string)

	// RefuseUnaudited refuses downloads with status 503 while Audit is an
	// [export.Checker] that is not ready, as a database on a full disk: it is asked once
	// a second at most. By default downloads go on then, and the log says that they are
	// not recorded.
	RefuseUnaudited bool

	// Formats give an archive its media type, by the extension of its key. An
	// archive with another extension is application/octet-stream. Defaults to
	// [archive.DefaultFormats].
	Formats []archive.Format

	// ClientAddress returns the address of the client that makes a request, without a
	// port, for the audit log. Behind proxies that is not the address of the connection.
	// Defaults to the address of the connection, which is also taken where it returns
	// none.
	ClientAddress func(r *http.Request) string

	// ErrorHandler answers a request that is refused. The status is 403 with an error
	// that matches [ErrLink], [ErrExpired] or [ErrRevoked], 404 with [export.ErrNotFound],
	// 405, 410 with [jobs.ErrDamaged], 412, 416, 429 with [ErrLimit], 500, or 503 with
	// [export.ErrUnavailable]. The cause of the last two has been logged.
	// [export.PublicText] of err is the text for the client. Header fields that belong to
	// the status, such as Allow, Content-Range and Retry-After, are set already. Defaults to
	// plain text.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, status int, err error)

	// IdleTimeout is how long a client may take for the next 32 KiB of a
	// download. It takes the place of the server's WriteTimeout, so that a
	// download may take hours. Defaults to 5 minutes.
	IdleTimeout time.Duration

	// Logger gets causes that clients do not see, those of outages once a minute. It is made
	// discreet: see [export.Discreet]. Defaults
	// to [slog.Default].
	Logger *slog.Logger

	// Now is the clock that links expire by. Defaults to [time.Now].
	Now func() time.Time
}

// Jobs is what [Links] asks about jobs. A [jobs.Store] is one, a [jobs.Service]
// another.
type Jobs interface {
	// Get returns a job of an organization. The error matches [export.ErrNotFound]
	// if there is none.
	Get(ctx context.Context, organizationID, jobID string) (jobs.Job, error)
}

// Links makes links to archives, and serves an archive to whoever has a link to it.
// It implements [jobs.Signer] and [http.Handler]. Links that one process has made
// are good in all processes that have the same keys. Links is safe for concurrent
// use. Make it with [New].
type Links struct {
	config  Config
	url     string // without a slash at its end
	path    string // the same
	counter *access.MemCounter
	open    downloads
	audit   *audit.Summary
	trail   trail
}

// New returns Links, or everything that is wrong with c.
func New(c Config) (*Links, error) {
	var errs []error
	bad := func(wrong bool, problem string) {
		if wrong {
			errs = append(errs, errors.New("sign: Config."+problem))
		}
	}
	bad(c.Keys.size() == 0, "Keys is missing")
	u, err := parseURL(c.URL)
	bad(err != nil, fmt.Sprintf("URL %v", err))
	bad(c.Path != "" && !plainPath(c.Path), fmt.Sprintf("Path %q is not like /downloads", c.Path))
	bad(err == nil && c.Path == "" && !plainPath(u.EscapedPath()), "URL has a path that is not like /downloads, and Path is missing")
	bad(c.Jobs == nil, "Jobs is missing")
	bad(c.Destination == nil, "Destination is missing")
	bad(c.Audit == nil, "Audit is missing")
	bad(c.Bound && c.MayDownload == nil, "MayDownload is missing, without which links cannot be bound")
	bad(slices.Contains(c.Formats, nil), "Formats has a nil format")
	bad(c.IdleTimeout < 0, fmt.Sprintf("IdleTimeout %v is negative", c.IdleTimeout))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Path == "" {
		c.Path = u.EscapedPath()
	}
	c = c.withDefaults()
	return &Links{
		config:  c,
		url:     strings.TrimRight(c.URL, "/"),
		path:    strings.TrimRight(c.Path, "/"),
		counter: newCounter(c),
		audit:   audit.NewSummary(audit.SummaryConfig{Log: c.Audit, Logger: c.Logger}),
	}, nil
}

// Flush records downloads in the audit log of which only the number is known yet. Call it
// before the process ends, when no archive is served any more.
func (l *Links) Flush(ctx context.Context) error {
	if err := l.audit.Flush(ctx); err != nil {
		return fmt.Errorf("sign: record downloads: %w", err)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.Formats == nil {
		c.Formats = archive.DefaultFormats()
	}
	if c.ErrorHandler == nil {
		c.ErrorHandler = plainError
	}
	if c.IdleTimeout == 0 {
		c.IdleTimeout = 5 * time.Minute
	}
	c.Logger = export.QuietOutages(export.Discreet(c.Logger))
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Limits = c.Limits.withDefaults()
	c.AtOnce = c.AtOnce.withDefaults()
	return c
}

// parseURL checks Config.URL. The error does not quote it: it may hold a password
// by mistake.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case text == "":
		return nil, errors.New("is missing")
	case err != nil:
		return nil, errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("is not an absolute URL of http or https")
	case u.User != nil || strings.ContainsAny(text, "?#"):
		return nil, errors.New("has a user, a query or a fragment")
	case !strings.EqualFold(u.String(), text) || !cleanPath(u.EscapedPath()):
		return nil, errors.New("is not written as clients write it: see RFC 3986, section 6")
	}
	return u, nil
}

// plainPath reports whether a path has one spelling only, a slash at its end aside.
// Clients and multiplexers change any other one. Empty is as good as "/".
func plainPath(p string) bool {
	return p == "" || cleanPath(p) && strings.Trim(p, keyAlphabet+"~/") == ""
}

// cleanPath reports whether a path has neither dots nor empty elements that go away, a
// slash at its end aside.
func cleanPath(p string) bool {
	return p == "" || p == "/" || p[0] == '/' && path.Clean(p) == strings.TrimSuffix(p, "/") && !strings.HasSuffix(p, "//")
}

// plainError is the default of Config.ErrorHandler.
func plainError(w http.ResponseWriter, _ *http.Request, status int, err error) {
	http.Error(w, export.PublicText(err), status)
}
