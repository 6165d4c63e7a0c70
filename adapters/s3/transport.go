package s3

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

const (
	// quickAnswer is how long a server may think about a request that sends nothing, and
	// slowAnswer about others: to join many pieces takes it long.
	quickAnswer = 30 * time.Second
	slowAnswer  = 5 * time.Minute

	// pingAfter is how long a connection of HTTP/2 may be silent before the other side is asked
	// whether it is there, and has to say so. Without that a dead one is used again and again.
	pingAfter = 10 * time.Second

	// maxAnswer is the size of an answer that is read at most, of which ranges of an object are
	// the largest, and maxFailure that of one that is an error. The library has those in memory.
	maxAnswer  = 64 << 20
	maxFailure = 1 << 20

	// maxRedirects is how often one request may be sent elsewhere.
	maxRedirects = 5
)

// careful returns a client that does what c does, with its TLS, and bounds what a server can do:
// it is given up if it does not answer, answers without end, or redirects again and again, which
// the library leaves to the context.
func careful(c aws.HTTPClient) aws.HTTPClient {
	built, ok := c.(*awshttp.BuildableClient)
	if !ok {
		return c
	}
	waits := func(answer time.Duration) http.RoundTripper {
		t := built.GetTransport()
		t.MaxIdleConnsPerHost = 64
		t.ResponseHeaderTimeout = answer
		t.DisableCompression = true
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingAfter}
		return t
	}
	return &http.Client{Transport: &carefulTransport{quick: waits(quickAnswer), slow: waits(slowAnswer)}, CheckRedirect: checkRedirect}
}

var errRedirects = errors.New("the server redirects again and again")

// checkRedirect follows what keeps the method, as the library does, and not to where anybody can
// read and change what is sent.
func checkRedirect(r *http.Request, via []*http.Request) error {
	before := via[len(via)-1]
	switch status := r.Response.StatusCode; {
	case status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect, before.URL.Scheme == "https" && r.URL.Scheme != "https":
		return http.ErrUseLastResponse
	case len(via) > maxRedirects:
		return errRedirects
	}
	if before.URL.Host != r.URL.Host {
		r.Header.Del("X-Amz-Security-Token") // Authorization is removed by net/http
	}
	return nil
}

// carefulTransport bounds the time until an answer begins, and its size.
type carefulTransport struct{ quick, slow http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (t *carefulTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	by := t.slow
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete {
		by = t.quick
	}
	resp, err := by.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	most := int64(maxAnswer)
	if resp.StatusCode >= http.StatusMultipleChoices {
		most = maxFailure
	}
	resp.Body = &boundedBody{resp.Body, most}
	return resp, nil
}

var errTooLarge = errors.New("s3: the answer is too large")

// boundedBody fails after a number of bytes.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
