package httpapi

import "net/http"

// Where things are served. The contract says where exports are.
const (
	dataExport   = "/dashboard/api/v1/data-export"
	jobsPath     = dataExport + "/{organization_id}"
	jobPath      = jobsPath + "/{job_id}"
	healthPath   = "/healthz"
	readyPath    = "/readyz"
	documentPath = "/openapi"
	docsPath     = "/docs"
)

// Handler tells which handler a request would get and by which pattern, such as
// "GET /healthz": that of [http.ServeMux], for metrics and traces, which must not
// name requests by their paths. The pattern is empty if there is no operation.
func (a *api) Handler(r *http.Request) (http.Handler, string) { return a.mux.Handler(r) }
