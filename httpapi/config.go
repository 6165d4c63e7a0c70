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

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/audit"
)

// Config is the configuration of the API. Service is required, and one of Keys
// and Authenticate; the rest has defaults.
type Config struct {
	Service *export.Service

	// Keys has the API keys that requests are made with. With Authenticate set it
	// is not used.
	Keys access.KeyStore

	// Authenticate says who makes a request, in place of API keys. An error that
	// matches [ErrUnauthorized] means nobody who is known (status 401), any other
	// one that it cannot be told (status 500).
	Authenticate func(r *http.Request) (access.Principal, error)

	// Challenge is the header field WWW-Authenticate of a response with status
	// 401. Defaults to one that names X-API-Key and, with Authenticate set, to
	// none.
	Challenge string

	// Members tells which organizations a principal with a Subject, such as a
	// user's key, may export. Without it they may export none.
	Members access.MemberStore

	// MayExport decides about who may export an organization. For an organization
	// that does not exist the answer is no. Defaults to [access.MayExport] with
	// Members.
	MayExport func(ctx context.Context, p access.Principal, organizationID string) (bool, error)

	// Trail records requests for exports, cancellations and purges. Nil means
	// that they are not recorded.
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

	// Ready are checks of /readyz beside [export.Service.Ready].
	Ready []Check

	// ReadyTimeout bounds all checks of /readyz together. Defaults to 5 seconds.
	ReadyTimeout time.Duration

	// Logger gets causes that clients do not see. Defaults to [slog.Default].
	Logger *slog.Logger

	// Now is the clock of timestamps and of the expiry of API keys. Defaults to
	// [time.Now].
	Now func() time.Time
}

// Check tells whether something is ready to be used.
type Check struct {
	// Name is what /readyz calls it if it is not. Anybody may see it.
	Name string

	// Run returns why it is not ready. Only the log shows that.
	Run func(ctx context.Context) error
}

// ErrUnauthorized is matched by the error of [Config.Authenticate] if a request
// has no credentials that are good. [export.WithPublic] gives it a text for the
// client.
var ErrUnauthorized = errors.New("httpapi: no valid credentials")

func (c Config) withDefaults() Config {
	setDefault(&c.DownloadsPath, "/downloads/")
	setDefault(&c.PublicURL, "https://www.closient.com")
	setDefault(&c.ErrorBase, defaultErrorBase)
	setDefault(&c.ReadyTimeout, 5*time.Second)
	if c.Authenticate == nil {
		setDefault(&c.Challenge, `ApiKey realm="data-export", header="X-API-Key"`)
	}
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

func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("httpapi: Config."+format, args...))
		}
	}
	bad(c.Service == nil, "Service is nil")
	bad(c.Keys == nil && c.Authenticate == nil, "Keys and Authenticate are nil")
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
