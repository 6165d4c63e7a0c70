package otlp

import (
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/orgexport/orgexport/internal/httpfield"
)

// maxAnswer is how much of an answer's body is read, and maxMessage how much of its
// message is in an error.
const (
	maxAnswer  = 64 << 10
	maxMessage = 300
)

// judge returns what an answer means, and closes it.
func (c *Client) judge(answer *http.Response) error {
	defer answer.Body.Close()
	// What cannot be read changes nothing: the status tells what became of the spans.
	body, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if answer.StatusCode >= 200 && answer.StatusCode <= 299 {
		if kind != contentType {
			return nil // "The server MUST use the same Content-Type"
		}
		return c.judgePartial(body)
	}
	err := fmt.Errorf("the collector answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	if message := c.clean(failure(kind, body)); message != "" {
		err = fmt.Errorf("%w: %s", err, message)
	}
	switch answer.StatusCode {
	// "All other 4xx or 5xx response status codes MUST NOT be retried" (the protocol, "Failures").
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &transientError{error: err, after: httpfield.RetryAfter(answer.Header.Get("Retry-After"), time.Now())}
	}
	return err
}

// judgePartial looks for the partial_success of an ExportTraceServiceResponse. "The client MUST
// NOT retry the request" then. Without rejected spans it is a warning (the protocol, "Partial Success").
func (c *Client) judgePartial(body []byte) error {
	var rejected int64
	var message string
	fields(body, nil, func(n protowire.Number, partial []byte) {
		if n != 1 {
			return
		}
		fields(partial, func(n protowire.Number, v uint64) {
			if n == 1 {
				rejected = int64(v) //nolint:gosec // protobuf has an int64 in the same bits
			}
		}, func(n protowire.Number, v []byte) {
			if n == 2 {
				message = string(v)
			}
		})
	})
	message = c.clean(message)
	if rejected != 0 {
		return fmt.Errorf("the collector rejected %d spans: %s", rejected, message)
	}
	if message != "" {
		c.logger.Warn("collector of spans warns", "message", message)
	}
	return nil
}

// failure returns the message of a google.rpc.Status, which "all HTTP 4xx and HTTP 5xx responses
// MUST" have, or the text that proxies send instead of it.
func failure(kind string, body []byte) string {
	if kind != contentType {
		if kind == "text/plain" || kind == "application/json" {
			return string(body)
		}
		return ""
	}
	var message string
	fields(body, nil, func(n protowire.Number, v []byte) {
		if n == 2 {
			message = string(v)
		}
	})
	return message
}

// fields calls number and bytes with the fields of a message that are a varint or have a length,
// up to what is no field. Either may be nil. The generated code for these messages would link
// gRPC.
func fields(message []byte, number func(protowire.Number, uint64), bytes func(protowire.Number, []byte)) {
	for len(message) > 0 {
		n, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return
		}
		message = message[length:]
		length = protowire.ConsumeFieldValue(n, kind, message)
		if length < 0 {
			return
		}
		switch {
		case kind == protowire.VarintType && number != nil:
			v, _ := protowire.ConsumeVarint(message)
			number(n, v)
		case kind == protowire.BytesType && bytes != nil:
			v, _ := protowire.ConsumeBytes(message)
			bytes(n, v)
		}
		message = message[length:]
	}
}

// clean makes a text of a collector fit for a log: not long, and without the credentials
// that a collector may quote.
func (c *Client) clean(text string) string {
	for _, secret := range c.settings.secrets {
		text = strings.ReplaceAll(text, secret, "[…]")
	}
	if len(text) > maxMessage {
		text = text[:maxMessage] + "…"
	}
	return strings.TrimSpace(strings.ToValidUTF8(text, "�"))
}

// cleanError is an error with a clean text: that of net/http may have what a collector sent,
// such as where to go.
type cleanError struct {
	text  string
	cause error
}

func (e cleanError) Error() string { return e.text }

// Unwrap returns the cause.
func (e cleanError) Unwrap() error { return e.cause }
