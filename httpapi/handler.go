package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/orgexport/orgexport/export/access"
)

// api is the handler that New makes.
type api struct {
	config      Config
	prefix      *url.URL // its path may begin those of requests
	paths       paths
	huma        huma.API
	mux         *http.ServeMux
	routes      http.Handler // the mux, behind what comes first
	crossOrigin *http.CrossOriginProtection
	touched     touched
	blocked     blocked
	watchers    watchers
	streams     streams
	readiness   recent[readiness]
	spare       access.MemCounter // counts while the Counter fails
}

// New returns the handler of the API. The error joins a [*FieldError] for each problem
// of the configuration.
//
// The handler is safe for concurrent use. It shares nothing with other handlers of New,
// nor with another use of huma in the same process. Like an [http.ServeMux] it has a
// method Handler, which returns the pattern of a request, for metrics and traces.
func New(c Config) (http.Handler, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	a := &api{config: c, paths: pathsBelow(c.BasePath), mux: http.NewServeMux(), crossOrigin: http.NewCrossOriginProtection()}
	for _, origin := range c.TrustedOrigins {
		_ = a.crossOrigin.AddTrustedOrigin(origin) // validate has tried it
	}
	a.spare.Now = c.Now
	a.prefix, _ = url.Parse(strings.TrimRight(c.PublicURL, "/")) // validate has tried it
	a.watchers.get, a.watchers.log = c.Service.Get, c.Logger
	a.routes = a.forOtherOrigins(a.countUnmatched(a.mux))
	a.huma = humago.New(a.mux, a.humaConfig())
	a.huma.UseMiddleware(a.authenticate, a.checkRequest)
	a.registerOperations()
	a.mux.HandleFunc("GET "+healthPath, a.healthy)
	a.mux.HandleFunc("GET "+readyPath, a.ready)
	if c.Downloads != nil {
		a.mux.Handle(c.DownloadsPath, c.Downloads)
	}
	if c.Docs != nil {
		a.mux.Handle(docsPath+"/", http.StripPrefix(docsPath, c.Docs))
		a.mux.HandleFunc("GET "+docsPath, toDocs)
	}
	if err := a.serveDocument(); err != nil {
		return nil, err
	}
	return a, nil
}

// humaConfig sets all that huma would otherwise take from its variables. A host may
// have changed those for its own API.
func (a *api) humaConfig() huma.Config {
	format := huma.Format{Marshal: marshal, Unmarshal: json.Unmarshal}
	return huma.Config{
		OpenAPI:       a.newDocument(),
		Formats:       map[string]huma.Format{"application/json": format, "json": format}, // and what ends in +json
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{a.transform},
	}
}

// marshal writes v as JSON, or nothing if it cannot be encoded. It is no error if the
// client has gone.
func marshal(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // links have ampersands
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("httpapi: encode a response: %w", err)
	}
	_, _ = w.Write(b.Bytes())
	return nil
}

// transform makes an errorOut of any error that huma itself answers with. Today no
// operation lets it. Such errors quote their cause; it goes to the log.
func (a *api) transform(ctx huma.Context, _ string, v any) (any, error) {
	if _, ours := v.(*errorOut); ours {
		return v, nil
	}
	e, ok := v.(huma.StatusError)
	if !ok {
		return v, nil
	}
	if e.GetStatus() >= http.StatusInternalServerError {
		cause := []any{"error", e}
		if m, ok := v.(*huma.ErrorModel); ok {
			cause = append(cause, "causes", m.Errors)
		}
		a.log(ctx.Context()).ErrorContext(ctx.Context(), "request failed", cause...)
	}
	return a.problem(e.GetStatus(), ""), nil
}

// toDocs redirects to the page of documentation. The link is relative because a host
// may have stripped a prefix.
func toDocs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Location", strings.TrimPrefix(docsPath, "/")+"/")
	w.WriteHeader(http.StatusFound)
}

// serveDocument serves the OpenAPI document, which is complete by now.
func (a *api) serveDocument() error {
	asJSON, err := json.Marshal(a.huma.OpenAPI())
	if err != nil {
		return fmt.Errorf("httpapi: encode the OpenAPI document: %w", err)
	}
	asYAML, err := a.huma.OpenAPI().YAML()
	if err != nil {
		return fmt.Errorf("httpapi: encode the OpenAPI document: %w", err)
	}
	for suffix, body := range map[string][]byte{"json": asJSON, "yaml": asYAML} {
		a.mux.HandleFunc("GET "+documentPath+"."+suffix, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/vnd.oai.openapi+"+suffix+";version=3.1")
			_, _ = w.Write(body)
		})
	}
	return nil
}
