package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// maxBody is how large the body of a request may be. No operation needs one.
const maxBody = 4 << 10

// checkRequest refuses a request that no operation can serve: one that does not accept
// the response, or has a malformed query or a body.
func (a *api) checkRequest(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	media := []string{"application/json", problemType}
	if ctx.Operation().Path == a.paths.events {
		media = []string{eventsType}
	}
	if !accepts(r.Header.Values("Accept"), media) {
		a.fail(w, r, a.problem(http.StatusNotAcceptable, fmt.Sprintf(detailOnlyAs, media[0])))
		return
	}
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		a.fail(w, r, a.invalid([]fault{{Loc: []any{"query"}, Msg: faultQuery, Type: "query_malformed"}}))
		return
	}
	if err := a.checkBody(w, r); err != nil {
		a.fail(w, r, err)
		return
	}
	next(ctx)
}

// accepts reports whether a client takes one of the media types. These have the same
// first half, such as application. What cannot be read of accept is ignored.
func accepts(accept, types []string) bool {
	kind, _, _ := strings.Cut(types[0], "/")
	best, quality := -1, 1.0 // of the most specific range that they are in
	for field := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		given, params, err := mime.ParseMediaType(field)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			q = 1
		}
		rank := -1
		switch {
		case slices.Contains(types, given):
			rank = 2
		case given == kind+"/*":
			rank = 1
		case given == "*/*":
			rank = 0
		}
		switch {
		case rank > best:
			best, quality = rank, q
		case rank == best && rank >= 0:
			quality = max(quality, q)
		case best < 0:
			quality = 0 // until a range comes that they are in
		}
	}
	return quality > 0
}

// checkBody refuses a body that says something, because nobody would read it. An empty
// object is fine: many clients send one where no body is needed.
func (a *api) checkBody(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return a.problem(http.StatusRequestEntityTooLarge, "")
	case err != nil:
		return a.problem(http.StatusBadRequest, detailUnreadableBody)
	case len(body) == 0:
		return nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, _, _ := mime.ParseMediaType(ct)
		if media != "application/json" && !strings.HasSuffix(media, "+json") {
			return a.problem(http.StatusUnsupportedMediaType, "")
		}
	}
	if string(bytes.Join(bytes.Fields(body), nil)) != "{}" {
		return a.invalid([]fault{{Loc: []any{"body"}, Msg: faultBody, Type: "extra_forbidden"}})
	}
	return nil
}
