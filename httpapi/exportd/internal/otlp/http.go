package otlp

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxHeaders is how long the headers of an answer may be.
const maxHeaders = 64 << 10

// newHTTP makes the client for HTTP. The numbers are those of http.DefaultTransport, which
// is not used itself because others of the program may change it.
func newHTTP(s settings) *http.Client {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Client{
		Timeout:       s.timeout, // with the reading of the answer
		CheckRedirect: checkRedirect,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        s.tls,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           2, // of one host
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// checkRedirect follows a redirect only if the spans go with it, and the headers, which are secret,
// stay on their host and encrypted. Another one is an answer that is no success.
func checkRedirect(r *http.Request, via []*http.Request) error {
	from := via[len(via)-1]
	if len(via) > 3 || r.Method != http.MethodPost || !strings.EqualFold(r.URL.Hostname(), from.URL.Hostname()) ||
		from.URL.Scheme == "https" && r.URL.Scheme != "https" {
		return http.ErrUseLastResponse
	}
	return nil
}

// withoutURL returns the cause of an error of net/http.
func withoutURL(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
