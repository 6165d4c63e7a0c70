package httpapi

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strconv"
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

// problem returns an error to answer with. An empty detail means the usual one
// of the status.
func (a *api) problem(status int, detail string) *errorOut {
	k := kindOf(status)
	setDefault(&detail, k.detail)
	e := &errorOut{
		Type:      a.config.ErrorBase + k.code,
		Title:     k.title,
		Status:    status,
		Detail:    detail,
		ErrorCode: k.code,
		Retryable: k.retryable,
		Timestamp: a.config.Now().UTC().Format(timestampLayout),
	}
	if status == http.StatusServiceUnavailable {
		e.comeAgain(outageRetry)
	}
	return e
}

// outageRetry is when a client may come again that was told that the service is not ready.
const outageRetry = 5 * time.Second

// comeAgain tells the client to come again after a time.
func (e *errorOut) comeAgain(after time.Duration) {
	whole := int(max(seconds(after), 1))
	e.RetryAfter, e.RetryAfterSeconds = whole, whole
	e.header = http.Header{"Retry-After": {strconv.Itoa(whole)}}
}

// problemOf returns what a client may know of err. The rest goes to the log.
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
	if errors.Is(err, export.ErrUnavailable) {
		return a.problem(http.StatusServiceUnavailable, "")
	}
	return a.problem(http.StatusInternalServerError, "")
}

// invalid returns the error of a request that is not valid.
func (a *api) invalid(faults []fault) *errorOut {
	e := a.problem(http.StatusUnprocessableEntity, "")
	e.Details = faults[:min(len(faults), maxDetails)]
	return e
}

// fail answers a request by what a client may know of err.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.writeProblem(w, a.problemOf(r.Context(), err))
}

// WriteError answers a request with an error in the form of the API's own errors. The
// detail is the public text of err (see [export.PublicText]), or a usual text for the
// status if err has none. Seconds in the header field Retry-After, if it is set, are told in
// the body as well. It logs nothing. Use it in handlers that [Config] mounts, such
// as that of package sign:
//
//	sign.New(sign.Config{ErrorHandler: httpapi.WriteError, …})
//
// Such a request has come through a handler of [New], whose configuration is used. For
// any other request WriteError uses the defaults.
func WriteError(w http.ResponseWriter, r *http.Request, status int, err error) {
	a := &api{config: Config{ErrorBase: defaultErrorBase, Now: time.Now}}
	if request := requestOf(r.Context()); request != nil {
		a = request.api
	}
	e := a.problem(status, publicText(err))
	if after, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil && after > 0 {
		e.RetryAfter, e.RetryAfterSeconds = after, after
	}
	a.writeProblem(w, e)
}

// publicText returns the public text of err, empty if it has none.
func publicText(err error) string {
	var p interface{ Public() string }
	if errors.As(err, &p) {
		return p.Public()
	}
	return ""
}

// ofAnotherBody are header fields that a handler may have set for its own body before
// it failed.
var ofAnotherBody = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Length", "Etag", "Expires", "Last-Modified",
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
