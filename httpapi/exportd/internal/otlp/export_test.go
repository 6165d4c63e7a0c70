package otlp

import (
	"context"
	"log/slog"
	"net"
	"net/http"
)

// SetDial makes a client connect by dial, which needs no network.
func SetDial(c *Client, dial func(ctx context.Context, network, address string) (net.Conn, error)) {
	transport, ok := c.http.Transport.(*http.Transport)
	if !ok {
		panic("no transport")
	}
	transport.DialContext, transport.Proxy = dial, nil
}

// Partial returns what is read of an answer with success.
func Partial(body []byte) error {
	return (&Client{logger: slog.New(slog.DiscardHandler)}).judgePartial(body)
}
