package httpapi

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rs/cors"
)

// preflightAge is how long browsers may keep what they were told about requests that a page
// may send.
const preflightAge = 10 * time.Minute

// readable returns the header fields that pages of other origins can read, beside those
// that they always can, such as Content-Type.
func readable() []string {
	return []string{
		"RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
		"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After",
		"Content-Disposition", "ETag", "Repr-Digest", "Accept-Ranges", "Content-Range", "Allow", "WWW-Authenticate", requestIDHeader,
	}
}

// forOtherOrigins lets pages of trusted origins send requests, with credentials, and read
// every response, errors too. It answers preflight requests, which have no credentials:
// they are not counted, and nothing is looked up for them. Pages of origins that are not
// trusted get what they always get, and their browsers keep it from them.
//
// All methods and header fields are allowed: what is wrong with a request the API says
// better than a browser, and a trusted origin has nothing to gain by either.
func (a *api) forOtherOrigins(next http.Handler) http.Handler {
	if len(a.config.TrustedOrigins) == 0 {
		return next // cors would let all origins in
	}
	allowed := cors.New(cors.Options{
		AllowedOrigins: a.config.TrustedOrigins,
		AllowedMethods: []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch,
		},
		AllowedHeaders:   []string{"*"}, // not sent as such: a response names those that were asked for
		ExposedHeaders:   readable(),
		AllowCredentials: true,
		MaxAge:           int(preflightAge / time.Second),
	}).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values("Origin")) > 1 { // cors looks at the first one, and names all of them
			w.Header().Add("Vary", "Origin")
			next.ServeHTTP(w, r)
			return
		}
		allowed.ServeHTTP(w, r)
	})
}

// CheckOrigin returns an error unless text is an origin as browsers write it, such as
// "https://dashboard.example.com" or "http://localhost:3000": in lower case, without a
// path, and without the port if it is the usual one. The error says what to write instead.
func CheckOrigin(text string) error {
	switch {
	case strings.Contains(text, "*"):
		return fmt.Errorf("%q has a wildcard: pages of trusted origins act with their users' credentials, so list each origin", text)
	case text == "null":
		return fmt.Errorf("%q is the origin of any page that hides its own", text)
	}
	if !strings.Contains(text, "://") {
		return fmt.Errorf("%q must be an origin such as https://dashboard.example.com: it has no scheme", text)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return fmt.Errorf("%q must be an origin such as https://dashboard.example.com", text)
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r >= 0x80 }):
		return fmt.Errorf("%q has letters in its name that browsers write in ASCII, beginning with xn--", text)
	}
	want, err := originOf(u)
	if err != nil {
		return fmt.Errorf("%q: %w", text, err)
	}
	if text != want {
		return fmt.Errorf("%q is not how browsers write an origin: write %s", text, want)
	}
	return nil
}

// originOf returns the origin of a URL.
func originOf(u *url.URL) (string, error) {
	host := strings.ToLower(u.Hostname())
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is6() {
		host = "[" + addr.WithZone("").String() + "]"
	}
	if u.Port() == "" {
		return u.Scheme + "://" + host, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil || port == 0:
		return "", fmt.Errorf("%s is no port", u.Port())
	case u.Scheme == "https" && port == 443 || u.Scheme == "http" && port == 80:
		return u.Scheme + "://" + host, nil
	}
	return fmt.Sprintf("%s://%s:%d", u.Scheme, host, port), nil
}
