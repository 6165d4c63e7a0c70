package httpapi

import (
	"net/http"
	"path"
	"regexp"
	"strings"
)

// DefaultBasePath is where the contract has exports: see [Config].
const DefaultBasePath = "/dashboard/api/v1/data-export"

// What is not below the base path.
const (
	healthPath   = "/healthz"
	readyPath    = "/readyz"
	documentPath = "/openapi"
	docsPath     = "/docs"
)

// paths are where operations are served, as huma writes them.
type paths struct {
	jobs    string
	job     string
	events  string
	session string
}

func pathsBelow(base string) paths {
	jobs := base + "/{organization_id}"
	job := jobs + "/{job_id}"
	return paths{jobs: jobs, job: job, events: job + "/events", session: path.Join(path.Dir(base), "session")}
}

// Handler returns the handler of a request and the pattern that led to it, such as
// "GET /healthz", as [http.ServeMux.Handler] does. It is for metrics and traces,
// which must not name requests by their paths. The pattern is empty if there is no
// operation for the request.
func (a *api) Handler(r *http.Request) (http.Handler, string) { return a.mux.Handler(a.local(r)) }

// local returns the request as the routes know it: without the path of PublicURL, if it
// is there. It may not be, because a proxy has removed it. A path that is served as it is
// and without its beginning is taken without: no path of the API has another one in it.
func (a *api) local(r *http.Request) *http.Request {
	local, ok := strings.CutPrefix(r.URL.Path, a.prefix.Path)
	escaped, same := strings.CutPrefix(r.URL.RawPath, a.prefix.EscapedPath())
	if a.prefix.Path == "" || !ok || !same && r.URL.RawPath != "" || !strings.HasPrefix(local, "/") {
		return r
	}
	if !a.serves(local) && a.serves(r.URL.Path) {
		return r
	}
	at := *r.URL
	at.Path, at.RawPath = local, escaped
	shallow := *r
	shallow.URL = &at
	return &shallow
}

// serves reports whether a path leads to something of the API, or below it.
func (a *api) serves(p string) bool {
	p = path.Clean(p) // the mux redirects there
	for _, served := range []string{a.config.BasePath, a.paths.session, healthPath, readyPath, docsPath, a.config.DownloadsPath} {
		if p == served || strings.HasPrefix(p, strings.TrimSuffix(served, "/")+"/") {
			return true
		}
	}
	return strings.HasPrefix(p, documentPath+".")
}

var basePathForm = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// validBasePath reports whether operations can be served below p, beside the rest of
// the API. Characters that would have to be escaped, in a path or in a pattern, are
// not allowed.
func validBasePath(p, downloads string) bool {
	return basePathForm.MatchString(p) && path.Clean(p) == p && !overlap(p, healthPath, readyPath, documentPath, docsPath, downloads)
}

// validDownloadsPath reports whether all paths that begin with p can be handed to
// another handler.
func validDownloadsPath(p, base string) bool {
	if len(p) < 3 || !strings.HasPrefix(p, "/") || !strings.HasSuffix(p, "/") || strings.ContainsAny(p, "{}? %") {
		return false
	}
	return path.Clean(p)+"/" == p && !overlap(p, healthPath, readyPath, documentPath, docsPath, base)
}

// overlap reports whether p is, or is below or above, one of the others.
func overlap(p string, others ...string) bool {
	p = strings.TrimSuffix(p, "/") + "/"
	for _, other := range others {
		other = strings.TrimSuffix(other, "/") + "/"
		if strings.HasPrefix(p, other) || strings.HasPrefix(other, p) {
			return true
		}
	}
	return false
}
