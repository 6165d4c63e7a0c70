package httpapi

import (
	"net/http"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// The texts of all errors that the API answers with. The default text of a status is in
// kinds; it is also the example of the document. An operation that says more passes a
// text of its own.
//
// Texts in the body of a job come from elsewhere: why it failed (jobs.Job.Error) from
// package jobs, what went wrong in a section from package export. What the service
// refuses has the text of package jobs, and a download that of package sign.

// kind is what all errors of a status have in common. The detail is the one of
// errors that do not have their own.
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
	http.StatusGone:                  {"gone", "Gone", "The resource does not exist any more.", false},
	http.StatusRequestEntityTooLarge: {"content_too_large", "Content Too Large", "The body of the request is too large.", false},
	http.StatusUnsupportedMediaType:  {"unsupported_media_type", "Unsupported Media Type", "The body of the request has a type that is not supported.", false},
	http.StatusUnprocessableEntity:   {"validation_error", "Validation Error", "Validation error.", false},
	http.StatusTooManyRequests:       {"rate_limited", "Rate Limited", "Rate limit exceeded. Please try again later.", true},
	http.StatusInternalServerError:   {"internal_error", "Internal Error", "An internal error occurred.", true},
	http.StatusServiceUnavailable:    {"service_unavailable", "Service Unavailable", "The service is not ready. Please try again later.", true},
}

// kindOf returns the kind of a status. If there is none it makes one of HTTP's words.
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

// What is wrong with credentials.
var (
	errNoCredentials = export.WithPublic(ErrUnauthorized, "Credentials are required, such as an API key in the header field X-API-Key.")
	errBadKey        = export.WithPublic(ErrUnauthorized, "The API key is not valid.")
	errBadToken      = export.WithPublic(ErrUnauthorized, "The bearer token is not valid.")
	errBadSession    = export.WithPublic(ErrUnauthorized, "The session is not valid or has ended.")
)

// Details of errors that say more than that of their kind.
const (
	detailOnlyAs         = "The response is only available as %s." // a media type
	detailUnreadableBody = "The body of the request could not be read."
	detailOtherSite      = "The request comes from another site."
	detailTokensDown     = "Bearer tokens cannot be checked for now. Please try again later."
	detailStreams        = "Too many streams of events are open with these credentials. Close one, or poll the status of the export."
	detailAllStreams     = "Too many streams of events are open. Poll the status of the export, or try again later."
	detailNotReady       = "Not ready: %s." // names, separated by commas
)

// Messages about single parameters of a request, in the words of the contract's
// server.
const (
	faultTooShort  = "String should have at least %d characters"
	faultTooLong   = "String should have at most %d characters"
	faultPattern   = "String should match pattern '%s'"
	faultTooMuch   = "Input should be less than or equal to %d"
	faultTooLittle = "Input should be greater than or equal to %d"
	faultNoNumber  = "Input should be a valid integer, unable to parse string as an integer"
	faultQuery     = "The query is malformed"
	faultBody      = "There is no body: parameters go into the query"
)
