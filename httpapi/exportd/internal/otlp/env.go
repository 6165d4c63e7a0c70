package otlp

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/orgexport/orgexport/internal/httpfield"
)

// prefix is what the names of all variables begin with.
const prefix = "OTEL_EXPORTER_OTLP_"

// defaultTimeout is how long a try may take (the exporter, "Timeout").
const defaultTimeout = 10 * time.Second

// settings are what the environment sets.
type settings struct {
	headers http.Header
	secrets []string // what values of headers have, the longest first
	gzip    bool
	timeout time.Duration // of a try; no limit if it is zero
	tls     *tls.Config   // nil unless there are certificates
}

// environment is where settings come from.
type environment struct {
	getenv func(string) string
	logger *slog.Logger
}

// settings reads all of them.
func (e environment) settings(secure bool) (settings, error) {
	s := settings{timeout: defaultTimeout}
	e.each("HEADERS", func(name, value string) { s.headers = e.headers(name, value) })
	e.each("COMPRESSION", func(name, value string) {
		s.gzip = value == "gzip"
		if value != "gzip" && value != "none" {
			e.passedOver(name, "it is not gzip or none")
		}
	})
	e.each("TIMEOUT", func(name, value string) {
		// A duration has 292 years of milliseconds.
		if ms, err := strconv.ParseInt(value, 10, 32); err != nil || ms < 0 {
			e.passedOver(name, "it is not a number of milliseconds")
		} else {
			s.timeout = time.Duration(ms) * time.Millisecond
		}
	})
	e.each("PROTOCOL", func(name, value string) {
		if value != "http/protobuf" {
			e.passedOver(name, "spans are sent by http/protobuf")
		}
	})
	s.secrets = secrets(s.headers)
	var err error
	s.tls, err = e.certificates()
	if err == nil && s.tls != nil && !secure {
		err = errors.New(prefix + "CERTIFICATE and CLIENT_CERTIFICATE are for an https endpoint, and this one is http")
	}
	return s, err
}

// each calls set with the value of a variable for all signals, if there is one, and then with that for
// traces, which "MUST" be able to override it (the exporter, "Configuration Options").
// An empty variable is the same as none.
func (e environment) each(key string, set func(name, value string)) {
	for _, name := range []string{prefix + key, prefix + "TRACES_" + key} {
		if value := strings.TrimSpace(e.getenv(name)); value != "" {
			set(name, value)
		}
	}
}

// passedOver says that a variable is not as it should be. What it is may be a secret.
func (e environment) passedOver(name, why string, args ...any) {
	e.logger.Warn("variable of the environment passed over", append([]any{"variable", name, "reason", why}, args...)...)
}

// headers returns the headers of a list in the form of W3C Baggage without metadata (the
// exporter, "Specifying headers via environment variables"): only values are encoded.
func (e environment) headers(variable, list string) http.Header {
	headers := make(http.Header)
	for i, pair := range strings.Split(list, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, found := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		if !found || !httpfield.IsToken(name) {
			// Without a sign, or with a space, all of it may be a secret.
			e.passedOver(variable, "a header has no name and value", "header", i+1)
			continue
		}
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || strings.ContainsFunc(value, isControl) {
			e.passedOver(variable, "the value of a header is not percent-encoded text", "header", name)
			continue
		}
		headers.Set(name, strings.TrimSpace(value))
	}
	return headers
}

// secrets returns the values of headers, and words of them that are not short, such as what
// stands behind Bearer.
func secrets(headers http.Header) []string {
	var found []string
	for name := range headers {
		value := headers.Get(name)
		for _, word := range append(strings.Fields(value), value) {
			if len(word) >= 8 || word == value && len(word) >= 4 {
				found = append(found, word)
			}
		}
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	return found
}

// isControl tells what net/http refuses in a header.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
