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
func (a *api) Handler(r *http.Request) (http.Handler, string) { return a.mux.Handler(r) }

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
