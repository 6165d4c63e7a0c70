package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

// logRequest writes the line of a request that was answered, with Config.LogRequests. It has
// the pattern that led to the operation, and neither the path nor the query, in which ids and
// links are, nor a header field.
func (a *api) logRequest(r *http.Request, info *request, answer *response, began time.Time) {
	if !a.config.LogRequests {
		return
	}
	_, route := a.mux.Handler(r)
	if route == "" {
		route = "none"
	}
	status := answer.status
	if status == 0 {
		status = http.StatusOK // the server writes it
	}
	kind := info.kind
	if route == a.config.DownloadsPath && status < http.StatusBadRequest {
		kind = "link"
	}
	level := slog.LevelInfo
	if (route == "GET "+healthPath || route == "GET "+readyPath) && status == http.StatusOK {
		level = slog.LevelDebug // load balancers ask all the time
	}
	attrs := []any{
		"method", methodOf(r), "route", route, "status", status, "duration", time.Since(began).Round(time.Microsecond), "principal", kind,
	}
	if answer.broken {
		attrs = append(attrs, "broken_off", true)
	}
	a.log(r.Context()).Log(r.Context(), level, "request", attrs...)
}

// methodOf returns the method of a request, if it is one of HTTP's. Clients can write
// anything there.
func methodOf(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return r.Method
	}
	return "other"
}
