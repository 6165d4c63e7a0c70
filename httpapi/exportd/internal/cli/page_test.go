//go:build unix

package cli_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// page is the script of a page in a browser, with what the Fetch standard
// (https://fetch.spec.whatwg.org/) makes of requests to another origin: which of them are
// asked for first, by a preflight, and what of a response the page may read.
type page struct {
	t       *testing.T
	origin  string
	cookie  string // of the server; sent if a request includes credentials
	allowed map[string]time.Time
	sent    []string // methods of all requests that were sent
}

// pageRequest is what a script hands to fetch(). The body is sent as it is.
type pageRequest struct {
	method  string
	header  map[string]string
	body    string
	include bool // credentials: "include"
}

// errNetwork is all that a script is told if it may not see a response. What follows it is
// what a browser shows on its console.
var errNetwork = errors.New("TypeError: Failed to fetch")

// fetch does what fetch() does in mode "cors". The reply has the header fields that the page
// may read.
func (p *page) fetch(address string, q pageRequest) (reply, error) {
	p.t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	unsafe := unsafeNames(q.header)
	if !isSafeMethod(q.method) || len(unsafe) > 0 {
		if err := p.preflight(address, q, unsafe); err != nil {
			return reply{}, err
		}
	}
	got := p.send(address, q)
	if err := p.check(got.header, q.include); err != nil {
		return reply{}, err
	}
	if location := got.header.Get("Location"); got.code/100 == 3 && location != "" {
		here, err := url.Parse(address)
		if err != nil {
			return reply{}, err
		}
		there, err := here.Parse(location)
		if err != nil || there.Host != here.Host || there.Scheme != here.Scheme {
			return reply{}, fmt.Errorf("%w: the redirect leads to a third origin", errNetwork)
		}
		return p.fetch(there.String(), q)
	}
	got.header = p.readable(got.header, q.include)
	return got, nil
}

// send sends a request as a browser does. Nothing is redirected.
func (p *page) send(address string, q pageRequest) reply {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), q.method, address, strings.NewReader(q.body))
	if err != nil {
		p.t.Fatal(err)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	r.Header.Set("Origin", p.origin)
	r.Header.Set("Sec-Fetch-Mode", "cors")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if q.include && p.cookie != "" {
		r.Header.Set("Cookie", p.cookie)
	}
	p.sent = append(p.sent, q.method)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// preflight is the CORS-preflight fetch, with its cache.
func (p *page) preflight(address string, q pageRequest, unsafe []string) error {
	p.t.Helper()
	known := func(what string) bool {
		return time.Now().Before(p.allowed[fmt.Sprint(address, q.include, what)])
	}
	if (isSafeMethod(q.method) || known("method "+q.method)) && !slices.ContainsFunc(unsafe, func(name string) bool { return !known("field " + name) }) {
		return nil
	}
	ask := map[string]string{"Accept": "*/*", "Access-Control-Request-Method": q.method}
	if len(unsafe) > 0 {
		ask["Access-Control-Request-Headers"] = strings.Join(unsafe, ",")
	}
	got := p.send(address, pageRequest{method: http.MethodOptions, header: ask})
	if err := p.check(got.header, q.include); err != nil {
		return fmt.Errorf("preflight: %w", err)
	}
	if got.code/100 != 2 {
		return fmt.Errorf("%w: the preflight has the status %d", errNetwork, got.code)
	}
	methods := listOf(got.header, "Access-Control-Allow-Methods")
	fields := listOf(got.header, "Access-Control-Allow-Headers")
	if !isSafeMethod(q.method) && !slices.Contains(methods, q.method) && (q.include || !slices.Contains(methods, "*")) {
		return fmt.Errorf("%w: the method %s is not allowed", errNetwork, q.method)
	}
	for _, name := range unsafe {
		listed := slices.ContainsFunc(fields, func(field string) bool { return strings.EqualFold(field, name) })
		if wildcard := slices.Contains(fields, "*") && !q.include && name != "authorization"; !listed && !wildcard {
			return fmt.Errorf("%w: the header field %s is not allowed", errNetwork, name)
		}
	}
	age, err := strconv.Atoi(got.header.Get("Access-Control-Max-Age"))
	if err != nil {
		age = 5
	}
	until := time.Now().Add(time.Duration(min(age, 7200)) * time.Second)
	if p.allowed == nil {
		p.allowed = make(map[string]time.Time)
	}
	p.allowed[fmt.Sprint(address, q.include, "method "+q.method)] = until
	for _, name := range unsafe {
		p.allowed[fmt.Sprint(address, q.include, "field "+name)] = until
	}
	return nil
}

// check is the CORS check.
func (p *page) check(h http.Header, include bool) error {
	origin := strings.Join(h.Values("Access-Control-Allow-Origin"), ", ")
	switch {
	case !include && origin == "*":
		return nil
	case origin != p.origin:
		return fmt.Errorf("%w: Access-Control-Allow-Origin is %q", errNetwork, origin)
	case include && strings.Join(h.Values("Access-Control-Allow-Credentials"), ", ") != "true":
		return fmt.Errorf("%w: Access-Control-Allow-Credentials is not true", errNetwork)
	}
	return nil
}

// readable returns the fields of the CORS filtered response.
func (p *page) readable(h http.Header, include bool) http.Header {
	exposed := listOf(h, "Access-Control-Expose-Headers")
	seen := make(http.Header)
	for name, values := range h {
		safe := slices.Contains([]string{
			"Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified", "Pragma",
		}, name)
		named := slices.ContainsFunc(exposed, func(field string) bool { return strings.EqualFold(field, name) })
		if (safe || named || !include && slices.Contains(exposed, "*")) && name != "Set-Cookie" {
			seen[name] = values
		}
	}
	return seen
}

// listOf reads a list of names.
func listOf(h http.Header, name string) (list []string) {
	for item := range strings.SplitSeq(strings.Join(h.Values(name), ","), ",") {
		if item = strings.Trim(item, " \t"); item != "" {
			list = append(list, item)
		}
	}
	return list
}

func isSafeMethod(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodPost
}

// unsafeNames are the CORS-unsafe request-header names.
func unsafeNames(header map[string]string) (names []string) {
	for name, value := range header {
		if name = strings.ToLower(name); !isSafeField(name, value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

var simpleRange = regexp.MustCompile(`^bytes=\d+-\d*$`)

// isSafeField reports whether a field is a CORS-safelisted request-header.
func isSafeField(name, value string) bool {
	unsafeByte := strings.ContainsFunc(value, func(r rune) bool {
		return r < ' ' && r != '\t' || strings.ContainsRune("\"():<>?@[\\]{}\x7f", r)
	})
	switch name {
	case "accept":
		return !unsafeByte && len(value) <= 128
	case "accept-language", "content-language":
		const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz *,-.;="
		return strings.Trim(value, alphabet) == "" && len(value) <= 128
	case "content-type":
		media, _, _ := strings.Cut(value, ";")
		simple := []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
		return !unsafeByte && slices.Contains(simple, strings.ToLower(strings.TrimSpace(media))) && len(value) <= 128
	case "range":
		return simpleRange.MatchString(value) && len(value) <= 128
	}
	return false
}
