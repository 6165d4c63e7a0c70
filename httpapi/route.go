package httpapi

import "net/http"

// Handler tells which handler a request would get and by which pattern, such as
// "GET /healthz": that of [http.ServeMux], for metrics and traces, which must not
// name requests by their paths. The pattern is empty if there is no operation.
func (a *api) Handler(r *http.Request) (http.Handler, string) { return a.mux.Handler(r) }
