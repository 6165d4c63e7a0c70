//go:build unix

package cli_test

import (
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/internal/oidctest"
)

// The robot is the one user of the provider, with tokens for any audience that a test
// asks for.
const (
	robot         = "robot@example.org"
	robotPassword = "the robot's own password"
	audience      = "https://exports.example.com"
)

// provider is an OpenID provider on a loopback address.
type provider struct {
	*oidctest.Provider

	issuer string
}

// newProvider makes a provider that is to listen on an address.
func newProvider(t *testing.T, address string) *provider {
	t.Helper()
	issuer := "http://" + address
	return &provider{oidctest.New(issuer, oidctest.NewKey(t, "first")), issuer}
}

// start lets it listen until the test ends, or what is returned is called.
func (p *provider) start(t *testing.T) (stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", strings.TrimPrefix(p.issuer, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(p)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.Close
}

// token returns an access token of the robot's.
func (p *provider) token(t *testing.T, audience string, scopes ...string) string {
	t.Helper()
	return p.Sign(t, nil, p.Claims(robot, audience, strings.Join(scopes, " "), time.Hour))
}
