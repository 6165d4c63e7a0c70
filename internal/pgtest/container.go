package pgtest

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	defaultImage = "postgres:18-alpine"
	startTimeout = 3 * time.Minute // an image may have to be pulled, and a machine may be busy
)

// start starts a server in a container and returns the URL of an empty database.
func start() (container *postgres.PostgresContainer, address string, err error) {
	defer func() {
		// That is how testcontainers tells that there is no Docker.
		if v := recover(); v != nil {
			err = fmt.Errorf("%v", v)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	image := os.Getenv("ORGEXPORT_TEST_POSTGRES_IMAGE")
	if image == "" {
		image = defaultImage
	}
	container, err = postgres.Run(ctx, image,
		postgres.WithUsername("orgexport"), postgres.WithPassword("pg-test-password"),
		// The server of an empty database starts twice, and after that its port is waited for.
		testcontainers.WithWaitStrategyAndDeadline(startTimeout,
			wait.ForLog("database system is ready to accept connections").WithOccurrence(2).WithStartupTimeout(startTimeout),
			wait.ForListeningPort("5432/tcp").WithStartupTimeout(startTimeout),
		),
		testcontainers.WithLogger(silent{}),
		testcontainers.WithCmdArgs(
			"-c", "max_connections=300", // tests run in parallel, each with a pool
			"-c", "fsync=off", // no test cuts the power: what a killed server has written is there
		),
	)
	if err == nil {
		address, err = addressOf(ctx, container)
	}
	return container, address, err
}

func addressOf(ctx context.Context, container *postgres.PostgresContainer) (string, error) {
	return container.ConnectionString(ctx, "sslmode=disable")
}

// silent is a logger: what went wrong is in the errors.
type silent struct{}

func (silent) Printf(string, ...any) {}
