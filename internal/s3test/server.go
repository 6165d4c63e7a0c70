package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// startTimeout includes the time to build the server.
const startTimeout = 10 * time.Minute

// Server is an S3 server of one test's own, which may be killed. Make one with
// [NewServer].
type Server struct {
	container testcontainers.Container
	endpoint  string
}

// NewServer starts a server, which is removed when the test is over.
func NewServer(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	need(t, err)
	t.Cleanup(func() {
		if err := s.terminate(); err != nil {
			t.Errorf("s3test: %v", err)
		}
	})
	return s
}

func (s *Server) terminate() error {
	return testcontainers.TerminateContainer(s.container, testcontainers.StopTimeout(0))
}

// Kill kills the server.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	var grace time.Duration // before it is killed
	if err := s.container.Stop(t.Context(), &grace); err != nil {
		t.Fatalf("s3test: %v", err)
	}
}

// Start starts a server that was killed, with all that it had on disk, and waits until it
// answers.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.container.Start(t.Context()); err != nil {
		t.Fatalf("s3test: %v", err)
	}
}

// start starts a server in a container.
func start() (s *Server, err error) {
	defer func() {
		// That is how testcontainers tells that there is no Docker.
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	image, err := image(ctx)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	const port = "7070/tcp"
	running, err := testcontainers.Run(ctx, image,
		testcontainers.WithCmd("--port", ":7070", "--access", AccessKey, "--secret", SecretKey, "--quiet", "--keep-alive", "posix", "/data"),
		testcontainers.WithExposedPorts(port),
		testcontainers.WithHostConfigModifier(func(c *container.HostConfig) { // so that a restart does not change the address
			c.PortBindings = network.PortMap{network.MustParsePort(port): {
				{HostIP: address.Addr(), HostPort: strconv.Itoa(int(address.Port()))},
			}}
		}),
		testcontainers.WithLogger(silent{}),
		testcontainers.WithWaitStrategy(wait.ForHTTP("/").WithPort(port).WithStatusCodeMatcher(func(status int) bool {
			return status == http.StatusForbidden
		}).WithStartupTimeout(startTimeout)),
	)
	if err != nil {
		if running != nil {
			_ = testcontainers.TerminateContainer(running, testcontainers.StopTimeout(0))
		}
		return nil, err
	}
	return &Server{running, "http://" + address.String()}, nil
}

// freeAddress returns an address of the loopback where nobody listens.
func freeAddress() (netip.AddrPort, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return netip.AddrPort{}, err
	}
	address, err := netip.ParseAddrPort(l.Addr().String())
	return address, errors.Join(err, l.Close())
}

// silent is a logger: what went wrong is in the errors.
type silent struct{}

func (silent) Printf(string, ...any) {}
