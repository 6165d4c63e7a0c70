package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/export/jobs"
)

// Config is the configuration of the API. It needs Service and a way to authenticate:
// Keys, Bearer, Sessions or Authenticate. Everything else has a default.
type Config struct {
	Service *jobs.Service

	// Keys holds the API keys that requests are made with. Nil means that API keys
	// are not looked at.
	Keys access.KeyStore

	// Bearer checks bearer tokens. Nil means that they are not looked at.
	Bearer access.TokenVerifier

	// Sessions holds the sessions of browsers, whose cookie is "sessionid". Nil
	// means that cookies are not looked at.
	Sessions access.SessionStore

	// SessionTTL is how long a session lasts. A session that is used in the second
	// half of that time is extended to the full time again, unless it was made for
	// a shorter one. Defaults to 14 days.
	SessionTTL time.Duration

	// TrustedOrigins are origins, such as "https://dashboard.example.com", whose
	// pages may use the API with credentials: read responses (CORS), and send requests
	// that change something with the cookie of a session. The API's own origin always
	// may. They are written as [CheckOrigin] wants them.
	TrustedOrigins []string

	// Authenticate returns who makes a request; nothing else is asked then. It
	// returns an error that matches [ErrUnauthorized] if that is nobody known
	// (status 401), one that matches [export.ErrUnavailable] (status 503) or any other
	// error (status 500) if it cannot be found out.
	// Requests are counted by the name of the principal. While a client watches
	// events, it is called again from time to time.
	Authenticate func(r *http.Request) (access.Principal, error)

	// Challenge is the header field WWW-Authenticate of responses with status 401.
	// Defaults to a list of the ways to authenticate that are set, and to none with
	// Authenticate.
	Challenge string

	// Members says which organizations a principal with a Subject, such as that of
	// a user's key, may export. Nil means none.
	Members access.MemberStore

	// MayExport reports whether a principal may export an organization. It reports
	// false for an organization that does not exist. Defaults to
	// [access.MayExport] with Members.
	MayExport func(ctx context.Context, p access.Principal, organizationID string) (bool, error)

	// Counter counts requests for rate limits. Defaults to one in memory, which is
	// right if a single process serves.
	Counter access.Counter

	// Limits are those of an API key, session or subject that has none of its own.
	// They default to 300 requests a minute and 10,000 a day.
	Limits access.Limits

	// AddressLimits are those of an address, or of an IPv6 network of 64 bits, for
	// requests without good credentials. They default to 60 requests a minute and
	// 1,000 a day.
	AddressLimits access.Limits

	// ClientAddress returns the address of the client that makes a request, without a
	// port: limits, audit entries and the log go by it. Behind proxies that is not the
	// address of the connection; package forwarded has a function for them. Defaults to
	// the address of the connection, which is also taken where it returns none.
	ClientAddress func(r *http.Request) string

	// Streams are how many streams of events may be open at once in this process.
	Streams StreamLimits

	// OnLimit is called when a request is over a limit, with the name of the
	// principal, "address:" and an address or network, or "stream:" and the name of
	// the principal for one stream too many. Optional.
	OnLimit func(who string)

	// Audit records requests for exports, cancellations, purges, links (once an hour
	// for each principal and job) and the end of sessions. What cannot be recorded is
	// logged, because what was done cannot be undone: an [audit.Retry] tries it again. Nil
	// means that nothing is recorded.
	Audit audit.Log

	// Downloads serves signed links, as a handler of package sign does. It gets all
	// requests whose path begins with DownloadsPath, without the path of PublicURL, and
	// answers errors by [WriteError]. Nil means that links lead elsewhere, for example to a
	// bucket.
	Downloads http.Handler

	// DownloadsPath begins and ends with a slash. Defaults to "/downloads/".
	DownloadsPath string

	// Docs serves a page of documentation below /docs/, for example that of package
	// docsui. It gets paths below that, such as "/". Nil means that there is none.
	Docs http.Handler

	// Info is the title of the API and other texts of its document. Defaults to
	// those of the contract.
	Info Info

	// BasePath is what the paths of exports begin with, such as "/api/v1/exports". It
	// begins with a slash, does not end in one, and has only letters, digits, slashes
	// and "-._~". Sessions are ended at "session" in the place of its last element.
	// Defaults to [DefaultBasePath].
	BasePath string

	// ErrorBase is what the type of every error begins with; the code of the error
	// follows. It ends in a slash, "#" or "=". Defaults to that of the contract,
	// "https://closient.com/docs/errors/".
	ErrorBase string

	// KeyPrefixes are what API keys begin with. A key that begins with anything else
	// is refused without a look-up. Defaults to those of the contract.
	KeyPrefixes access.KeyPrefixes

	// PublicURL is where clients reach the API, without a path of the API: the server
	// of the OpenAPI document. If it has a path, such as https://example.com/exports, the
	// paths of requests may begin with that, or may be without it where a proxy or
	// [http.StripPrefix] has removed it. If it begins with http: cookies are not only for
	// https.
	// Defaults to that of the contract, "https://www.closient.com", or, if Info is
	// set, to the server that the document comes from.
	PublicURL string

	// Stopping is closed when the server is to stop. Then streams of events end and
	// /readyz fails, so that clients go to another server. Optional.
	Stopping <-chan struct{}

	// Ready are checks of /readyz in addition to [jobs.Service.Ready]. They are made once
	// for all who ask within a second.
	Ready []Check

	// ReadyTimeout bounds all checks of /readyz together. Defaults to 5 seconds.
	ReadyTimeout time.Duration

	// LogRequests lets the Logger have a line for each request once it is answered, at
	// the level info: its method, the pattern of its route, status, duration, the kind of
	// its credentials ("key", "token", "session", "host" by Authenticate, "link" of a
	// download, "none"), its id and the client's address. The line of a probe of /healthz
	// or /readyz that is well is at the level debug. Paths, queries and header fields are
	// never logged. The id is that of the header field X-Request-Id of the request, or
	// else a new one; every response has it, errors as well.
	LogRequests bool

	// Logger gets causes that clients do not see, those of outages once a minute. It is made
	// discreet: see [export.Discreet]. Defaults
	// to [slog.Default].
	Logger *slog.Logger

	// Now is the clock of timestamps and of the expiry of API keys and sessions.
	// Defaults to [time.Now].
	Now func() time.Time
}

// Check is a check of /readyz.
type Check struct {
	// Name is what /readyz calls it when it fails. Everybody can see it.
	Name string

	// Run returns an error if requests cannot be served. Only the log shows it.
	Run func(ctx context.Context) error
}

func (c Config) withDefaults() Config {
	setDefault(&c.DownloadsPath, "/downloads/")
	if !c.Info.own() {
		setDefault(&c.PublicURL, "https://www.closient.com")
	}
	setDefault(&c.BasePath, DefaultBasePath)
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
	setDefault(&c.Streams.PerPrincipal, 10)
	setDefault(&c.Streams.Total, 1000)
	if c.MayExport == nil {
		members := c.Members
		c.MayExport = func(ctx context.Context, p access.Principal, organizationID string) (bool, error) {
			return access.MayExport(ctx, p, organizationID, members)
		}
	}
	c.Logger = export.QuietOutages(export.Discreet(c.Logger))
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

func setDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}
