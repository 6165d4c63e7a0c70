package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

// Server is a PostgreSQL server of one test's own, which may be restarted. Make
// one with [NewServer]. It is safe for concurrent use.
type Server struct {
	container *postgres.PostgresContainer

	mu      sync.Mutex
	address string
}

// NewServer starts a server in a container, which is removed when the test is over.
// It does not use a given server, because others may use that one too. Without
// containers the test is skipped, or fails with REQUIRE_DOCKER=1.
func NewServer(t testing.TB) *Server {
	t.Helper()
	container, address, err := start()
	if container != nil {
		t.Cleanup(func() {
			if err := testcontainers.TerminateContainer(container, testcontainers.StopTimeout(0)); err != nil {
				t.Errorf("pgtest: %v", err)
			}
		})
	}
	if err != nil {
		need(t, fmt.Errorf("this test restarts its server: %w", err))
	}
	return &Server{container: container, address: address}
}

// URL is that of an empty database of the server. The user is a superuser and has a
// password. The port may be another one after a restart.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Restart kills the server, starts it again and waits until it has recovered from
// that. It is called by the goroutine of the test.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	var grace time.Duration // before it is killed
	if err := s.container.Stop(ctx, &grace); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	if err := s.container.Start(ctx); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	address, err := addressOf(ctx, s.container)
	if err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	s.mu.Lock()
	s.address = address
	s.mu.Unlock()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := execute(ctx, address, "SELECT")
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("pgtest: the server does not come back: %v", err)
		}
	}
}
