package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

const (
	problemType      = "application/problem+json"
	defaultErrorBase = "https://closient.com/docs/errors/"

	// timestampLayout writes the offset of UTC as +00:00.
	timestampLayout = "2006-01-02T15:04:05-07:00"

	// maxDetails is how many problems of a request one response lists.
	maxDetails = 20
)

// kind is what errors of a status have in common.
type kind struct {
	code, title, detail string
	retryable           bool
}

var kinds = map[int]kind{
	http.StatusBadRequest:            {"bad_request", "Bad Request", "The request could not be understood.", false},
	http.StatusUnauthorized:          {"unauthorized", "Unauthorized", "Valid credentials are required.", false},
	http.StatusForbidden:             {"forbidden", "Forbidden", "You do not have permission to perform this action.", false},
	http.StatusNotFound:              {"not_found", "Not Found", "The requested resource was not found.", false},
	http.StatusMethodNotAllowed:      {"method_not_allowed", "Method Not Allowed", "The resource does not have this method.", false},
	http.StatusNotAcceptable:         {"not_acceptable", "Not Acceptable", "The response is only available as application/json.", false},
	http.StatusConflict:              {"conflict", "Conflict", "The request conflicts with the state of the resource.", false},
	http.StatusRequestEntityTooLarge: {"content_too_large", "Content Too Large", "The body of the request is too large.", false},
	http.StatusUnsupportedMediaType:  {"unsupported_media_type", "Unsupported Media Type", "The body of the request has a type that is not supported.", false},
	http.StatusUnprocessableEntity:   {"validation_error", "Validation Error", "Validation error.", false},
	http.StatusTooManyRequests:       {"rate_limited", "Rate Limited", "Rate limit exceeded. Please try again later.", true},
	http.StatusInternalServerError:   {"internal_error", "Internal Error", "An internal error occurred.", true},
	http.StatusServiceUnavailable:    {"service_unavailable", "Service Unavailable", "The service is not ready. Please try again later.", true},
}

// kindOf makes one up for a status that has none, of the words of HTTP.
func kindOf(status int) kind {
	if k, ok := kinds[status]; ok {
		return k
	}
	title := http.StatusText(status)
	if title == "" {
		title = "Error"
	}
	code := strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(title), " ", "_"), "-", "_")
	return kind{code, title, title + ".", status >= http.StatusInternalServerError}
}

// problem returns an error to answer with. An empty detail means the usual one
// of the status.
func (a *api) problem(status int, detail string) *errorOut {
	k := kindOf(status)
	setDefault(&detail, k.detail)
	return &errorOut{
		Type:      a.config.ErrorBase + k.code,
		Title:     k.title,
		Status:    status,
		Detail:    detail,
		ErrorCode: k.code,
		Retryable: k.retryable,
		Timestamp: a.config.Now().UTC().Format(timestampLayout),
	}
}

// problemOf returns what a client may know of err. What it may not goes to the
// log.
func (a *api) problemOf(ctx context.Context, err error) *errorOut {
	var e *errorOut
	var bad *jobs.RequestError
	var quota *jobs.QuotaError
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, ErrUnauthorized):
		e = a.problem(http.StatusUnauthorized, publicText(err))
		if a.config.Challenge != "" {
			e.header = http.Header{"Www-Authenticate": {a.config.Challenge}}
		}
		return e
	case errors.As(err, &bad):
		return a.invalid(requestFaults(err))
	case errors.Is(err, export.ErrNotFound):
		return a.problem(http.StatusNotFound, "")
	case errors.As(err, &quota):
		return a.tooMany(quota.Public(), quota.RetryAfter)
	case errors.Is(err, jobs.ErrInFlight):
		return a.problem(http.StatusConflict, publicText(err))
	}
	if ctx.Err() == nil { // else the client has gone, and nobody reads this
		a.log(ctx).ErrorContext(ctx, "request failed", "error", err)
	}
	return a.problem(http.StatusInternalServerError, "")
}

// invalid returns the error of a request that is not valid.
func (a *api) invalid(faults []fault) *errorOut {
	e := a.problem(http.StatusUnprocessableEntity, "")
	e.Details = faults[:min(len(faults), maxDetails)]
	return e
}

// fail answers a request with what a client may know of err.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.writeProblem(w, a.problemOf(r.Context(), err))
}

// WriteError answers a request by an error like those of the API's operations:
// problem details, with the text that clients may see of err (see
// [export.PublicText]) or, if it has none, the usual one of the status. Use it in
// handlers that [Config] mounts. It is the ErrorHandler for package sign:
//
//	sign.New(sign.Config{ErrorHandler: httpapi.WriteError, …})
//
// If the request came through a handler of [New], the configuration of that one
// holds, otherwise the defaults do. WriteError logs nothing.
func WriteError(w http.ResponseWriter, r *http.Request, status int, err error) {
	a := &api{config: Config{ErrorBase: defaultErrorBase, Now: time.Now}}
	if request := requestOf(r.Context()); request != nil {
		a = request.api
	}
	a.writeProblem(w, a.problem(status, publicText(err)))
}

// publicText returns the public text of err, empty if it has none.
func publicText(err error) string {
	var p interface{ Public() string }
	if errors.As(err, &p) {
		return p.Public()
	}
	return ""
}

// ofAnotherBody are the header fields that may have been set for a body that is
// not sent after all.
var ofAnotherBody = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Etag", "Expires", "Last-Modified", "Vary",
}

func (a *api) writeProblem(w http.ResponseWriter, e *errorOut) {
	for _, name := range ofAnotherBody {
		w.Header().Del(name)
	}
	maps.Copy(w.Header(), e.header)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(e.Status)
	if err := marshal(w, e); err != nil { // of our own types only
		panic(err)
	}
}
