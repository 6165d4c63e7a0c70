package wire

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
	"github.com/orgexport/orgexport/httpapi/connlimit"
	"github.com/orgexport/orgexport/httpapi/docsui"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
	"github.com/orgexport/orgexport/httpapi/forwarded"
	"github.com/orgexport/orgexport/sign"
)

// downloads is where links are served.
const downloads = "/downloads"

// openLinks makes what signs and serves links. Clients reach them below the public URL.
// A path of that has been removed before a request comes here, by a proxy or by the API.
func (s *Server) openLinks(c *config.Config, o ServerOptions, keys *sign.Keyring) (*sign.Links, error) {
	return sign.New(sign.Config{
		Keys:          keys,
		URL:           o.PublicURL + downloads,
		Path:          downloads,
		Jobs:          s.jobs,
		Destination:   s.archives,
		Audit:         s.Store,
		ClientAddress: clientAddress(c),
		Limits:        sign.Limits{PerLink: c.Limits.PerLink, PerAddress: c.Limits.PerDownloader},
		AtOnce:        s.room.downloads,
		OnLimit:       s.limitHit,
		Bound:         c.Links.Bound,
		MayDownload: func(ctx context.Context, holder access.Principal, organizationID string) (bool, error) {
			return access.MayStillExport(ctx, holder, organizationID, s.Store, s.Store, s.clock.Now())
		},
		Formats:      config.Formats(),
		ErrorHandler: httpapi.WriteError,
		Now:          s.clock.Now,
		Logger:       o.Logger,

		RefuseUnaudited: c.Audit.RefuseUnaudited,
	})
}

// clientAddress returns what tells the address of the client of a request.
func clientAddress(c *config.Config) func(r *http.Request) string {
	return forwarded.Proxies{Trusted: c.Server.TrustedProxies, Header: c.Server.ForwardedHeader.Value}.Client
}

// limitHit counts a request over a limit by what is limited, and not by whom.
func (s *Server) limitHit(who string) {
	kind, _, _ := strings.Cut(who, ":")
	s.metrics.LimitHit(kind)
}

// Connections are the limits of those that the Handler is served on.
func (s *Server) Connections(c *config.Config) connlimit.Limits {
	return connlimit.Limits{
		Total: s.room.connections, Waiting: c.Server.MaxWaiting, Exempt: c.Server.TrustedProxies,
		OnLimit: func(string) { s.limitHit("connection") },
	}
}

// openHandler makes the API over the service.
func (s *Server) openHandler(c *config.Config, o ServerOptions, links *sign.Links) error {
	bearer, err := openBearer(c, s.clock, o.Logger)
	if err != nil {
		return err
	}
	settings := httpapi.Config{
		Service:        s.service,
		Keys:           s.Store,
		Bearer:         bearer,
		Sessions:       s.Store,
		TrustedOrigins: c.Server.TrustedOrigins,
		Members:        s.Store,
		Counter:        s.Store,
		Limits:         access.Limits{PerMinute: c.Limits.PerMinute, PerDay: c.Limits.PerDay},
		Streams:        httpapi.StreamLimits{PerPrincipal: c.Limits.Streams, Total: c.Limits.StreamsInAll},
		OnLimit:        s.limitHit,
		Audit:          s.trail,
		ClientAddress:  clientAddress(c),
		Downloads:      s.metrics.Downloads(links),
		DownloadsPath:  downloads + "/",
		PublicURL:      o.PublicURL,
		Now:            s.clock.Now,
		Docs:           docsui.Handler(),
		LogRequests:    true,
		Stopping:       o.Stopping,
		Logger:         o.Logger,
	}
	c.API.Name(&settings)
	api, err := httpapi.New(settings)
	if err != nil {
		return err
	}
	s.Handler = observed(api, s.tracer, s.metrics)
	return nil
}

// openBearer returns what checks bearer tokens, or nil if there is no provider.
func openBearer(c *config.Config, clock *clock, logger *slog.Logger) (access.TokenVerifier, error) {
	o := c.OIDC
	if o.Issuer.Value == "" {
		return nil, nil
	}
	verifier, err := oidc.New(oidc.Config{
		Issuer: o.Issuer.Value, Audience: o.Audience.Value, Scope: o.Scope.Value, Now: clock.Now, Logger: logger,
	})
	if err != nil {
		return nil, config.FileErrors{{File: c.File, Line: o.Issuer.Line, Message: err.Error()}}
	}
	return verifier, nil
}
