package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// tooMany is the code of a server, or of PgBouncer, that takes no more connections.
	tooMany = "53300"

	// crowdedFor is how long a query waits for such a server. Others give their
	// connections back sooner or later, and an export need not fail for them.
	crowdedFor = 5 * time.Minute

	crowdedPause = time.Second // on average, before it is tried again
)

// acquire returns a connection of the pool. If all are in use it waits for one: of the pool
// until ctx ends, and of the server for a while.
func (s *Source) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	for began := time.Now(); ; s.refused.Add(1) {
		conn, err := s.pool.Acquire(ctx)
		pg, _ := errors.AsType[*pgconn.PgError](err)
		if err == nil || pg == nil || pg.Code != tooMany || time.Since(began) > crowdedFor {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), err)
		case <-time.After(crowdedPause/2 + rand.N(crowdedPause)):
		}
	}
}

// Waits returns how often a query had to wait for a connection, because all of the pool
// were in use or the server took no more, and a snapshot for its turn.
func (s *Source) Waits() int64 { return s.pool.Stat().EmptyAcquireCount() + s.refused.Load() }
