package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of the API. Service is required, and one way to
// authenticate: Keys, Bearer, Sessions or Authenticate. The rest has defaults.
type Config struct {
	Service *jobs.Service

	// Keys has the API keys that requests are made with. Nil means that they are
	// not looked at.
	Keys access.KeyStore

	// Bearer says who bearer tokens are from. Nil means that they are not looked
	// at.
	Bearer access.TokenVerifier

	// Sessions has the sessions of browsers, whose cookie is "sessionid". Nil means
	// that cookies are not looked at. A session that is used in the second half of
	// SessionTTL, which defaults to 14 days, gets all of it again, unless it was
	// made for a shorter time.
	Sessions   access.SessionStore
	SessionTTL time.Duration

	// TrustedOrigins are the origins, such as "https://dashboard.example.com",
	// whose pages may make browsers send requests that change something with the
	// cookie of a session. The API's own origin always may.
	TrustedOrigins []string

	// Authenticate says who makes a request, in place of all others. An error that
	// matches [ErrUnauthorized] means nobody who is known (status 401), any other
	// one that it cannot be told (status 500). The name of the principal is what
	// its requests are counted by. While events are streamed it is called again
	// from time to time.
	Authenticate func(r *http.Request) (access.Principal, error)

	// Challenge is the header field WWW-Authenticate of a response with status
	// 401. Defaults to what the ways to authenticate are and, with Authenticate
	// set, to none.
	Challenge string

	// Members tells which organizations a principal with a Subject, such as a
	// user's key, may export. Without it they may export none.
	Members access.MemberStore

	// MayExport decides about who may export an organization. For an organization
	// that does not exist the answer is no. Defaults to [access.MayExport] with
	// Members.
	MayExport func(ctx context.Context, p access.Principal, organizationID string) (bool, error)

	// Counter counts requests for rate limits. Defaults to one in memory, which is
	// right where a single process serves.
	Counter access.Counter

	// Limits are those of each API key, session or subject that has none of its
	// own, AddressLimits those of each address, or IPv6 network of 64 bits, for
	// requests without good credentials. They default to 300 a minute and 10,000 a
	// day, and to 60 and 1,000. Requests that are refused count as well.
	Limits        access.Limits
	AddressLimits access.Limits

	// OnLimit is told who was over a limit: a principal's name, or "address:" and
	// an address or network. Optional.
	OnLimit func(who string)

	// Trail records requests for exports, cancellations and purges, who was given
	// links, once an hour for each principal and job, and who has logged out. Nil
	// means that they are not recorded.
	Trail audit.Trail

	// Downloads serves signed links, as a handler of package sign does. It gets
	// all requests whose path begins with DownloadsPath, and their paths as they
	// are. It answers errors by [Fail]. Nil means that links lead elsewhere, for
	// example to a bucket.
	Downloads http.Handler

	// DownloadsPath begins and ends with a slash. Defaults to "/downloads/".
	DownloadsPath string

	// PublicURL is where clients reach the API, without a path of it: the server
	// of the OpenAPI document. Defaults to that of the contract,
	// "https://www.closient.com".
	PublicURL string

	// ErrorBase begins the type of every error; its code is appended. Defaults to
	// that of the contract, "https://closient.com/docs/errors/".
	ErrorBase string

	// Docs serves a page of documentation below /docs/, for example that of
	// package docsui. It gets paths relative to that, such as "/". Nil means that
	// there is none.
	Docs http.Handler

	// Stopping is closed when the server is to stop: streams of events end then
	// and /readyz fails, so that clients go to another server. Optional.
	Stopping <-chan struct{}

	// Ready are checks of /readyz beside [jobs.Service.Ready].
	Ready []Check

	// ReadyTimeout bounds all checks of /readyz together. Defaults to 5 seconds.
	ReadyTimeout time.Duration

	// Logger gets causes that clients do not see. Defaults to [slog.Default].
	Logger *slog.Logger

	// Now is the clock of timestamps and of the expiry of API keys and sessions.
	// Defaults to [time.Now].
	Now func() time.Time
}

// Check tells whether something is ready to be used.
type Check struct {
	// Name is what /readyz calls it if it is not. Anybody may see it.
	Name string

	// Run returns why it is not ready. Only the log shows that.
	Run func(ctx context.Context) error
}

func (c Config) withDefaults() Config {
	setDefault(&c.DownloadsPath, "/downloads/")
	setDefault(&c.PublicURL, "https://www.closient.com")
	setDefault(&c.ErrorBase, defaultErrorBase)
	setDefault(&c.ReadyTimeout, 5*time.Second)
	if c.Authenticate == nil {
		setDefault(&c.Challenge, c.challenge())
	}
	setDefault(&c.SessionTTL, 14*24*time.Hour)
	if c.Counter == nil {
		c.Counter = &access.MemCounter{Now: c.Now}
	}
	c.Limits = within(c.Limits, defaultLimits())
	c.AddressLimits = within(c.AddressLimits, defaultAddressLimits())
	if c.MayExport == nil {
		members := c.Members
		c.MayExport = func(ctx context.Context, p access.Principal, organizationID string) (bool, error) {
			return access.MayExport(ctx, p, organizationID, members)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) challenge() string {
	var ways []string
	if c.Keys != nil {
		ways = append(ways, `ApiKey realm="data-export", header="X-API-Key"`)
	}
	if c.Bearer != nil {
		ways = append(ways, `Bearer realm="data-export"`)
	}
	return strings.Join(ways, ", ")
}

func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("httpapi: Config."+format, args...))
		}
	}
	bad(c.Service == nil, "Service is nil")
	bad(c.Keys == nil && c.Bearer == nil && c.Sessions == nil && c.Authenticate == nil, "Keys, Bearer, Sessions and Authenticate are nil")
	bad(c.SessionTTL < time.Minute, "SessionTTL is %v, want a minute or more", c.SessionTTL)
	bad(c.Limits.PerMinute < 0 || c.Limits.PerDay < 0, "Limits are negative")
	bad(c.AddressLimits.PerMinute < 0 || c.AddressLimits.PerDay < 0, "AddressLimits are negative")
	for _, origin := range c.TrustedOrigins {
		err := http.NewCrossOriginProtection().AddTrustedOrigin(origin)
		bad(err != nil, "TrustedOrigins: %w", err)
	}
	bad(!validPrefix(c.DownloadsPath), "DownloadsPath is %q, want a path such as /downloads/", c.DownloadsPath)
	bad(!validURL(c.PublicURL), "PublicURL is %q, want an address such as https://example.com", c.PublicURL)
	bad(!validURL(c.ErrorBase), "ErrorBase is %q, want an address such as https://example.com/errors/", c.ErrorBase)
	bad(c.ReadyTimeout < 0, "ReadyTimeout is negative")
	for i, check := range c.Ready {
		bad(check.Name == "" || check.Run == nil, "Ready[%d] lacks its name or function", i)
	}
	return errors.Join(errs...)
}

// validPrefix tells whether all paths that begin with p can be handed to another
// handler.
func validPrefix(p string) bool {
	if len(p) < 3 || !strings.HasPrefix(p, "/") || !strings.HasSuffix(p, "/") || strings.ContainsAny(p, "{}? %") {
		return false
	}
	if path.Clean(p)+"/" != p {
		return false
	}
	for _, own := range []string{dataExport, docsPath, healthPath, readyPath, documentPath} {
		if strings.HasPrefix(p, own+"/") || strings.HasPrefix(own+"/", p) {
			return false
		}
	}
	return true
}

func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func setDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}
