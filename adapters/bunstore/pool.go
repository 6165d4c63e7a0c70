package bunstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/orgexport/orgexport/export"
)

const (
	maxConns = 6 // to PostgreSQL, unless Config or the URL has another

	// idleFor is how long a connection stays that nobody uses: a server has few, and
	// others want them.
	idleFor = time.Minute

	// crowdedFor is how long no more connections are tried for after the server has
	// refused one because it has too many. Meanwhile those that are open are shared.
	crowdedFor = 5 * time.Second

	crowdedTries = 8                      // without a connection of our own
	crowdedPause = 250 * time.Millisecond // between them
)

// pool opens connections to PostgreSQL. If the server has too many of them it makes do with
// those that are open: whoever wants one waits for these, and does not fail.
type pool struct {
	driver.Connector
	db         *sql.DB // set before the first Connect
	conns      int
	connecting atomic.Int64
}

// openPool returns a database with up to conns connections of one origin, whose tables have
// a prefix.
func openPool(config pgx.ConnConfig, conns int, prefix string, which *origin) *sql.DB {
	admit := func(ctx context.Context, conn *pgx.Conn) error {
		err := which.admit(prefix+"identity", func(query string) (id string, err error) {
			return id, conn.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&id)
		})
		if errors.Is(err, pgx.ErrNoRows) {
			err = &export.OutageError{What: theDatabase, Kind: export.OutageGone, Err: errOther}
		}
		if err != nil {
			return errors.Join(err, conn.Close(ctx))
		}
		return nil
	}
	reset := func(context.Context, *pgx.Conn) error {
		if which.lost() {
			return driver.ErrBadConn
		}
		return nil
	}
	p := &pool{conns: conns, Connector: stdlib.GetConnector(config, stdlib.OptionAfterConnect(admit), stdlib.OptionResetSession(reset))}
	p.db = sql.OpenDB(p)
	p.db.SetConnMaxIdleTime(idleFor)
	p.grow()
	return p.db
}

// grow allows all connections.
func (p *pool) grow() {
	p.db.SetMaxOpenConns(p.conns)
	p.db.SetMaxIdleConns(p.conns)
}

// Connect implements [driver.Connector].
func (p *pool) Connect(ctx context.Context) (driver.Conn, error) {
	p.connecting.Add(1)
	defer p.connecting.Add(-1)
	for try := 1; ; try++ {
		conn, err := p.Connector.Connect(ctx)
		if err == nil || outageKind(err) != export.OutageCrowded {
			return conn, err
		}
		if p.shrink() {
			return nil, driver.ErrBadConn // database/sql tries again, and waits for one that is open
		}
		if try == crowdedTries {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, context.Cause(ctx))
		case <-time.After(crowdedPause):
		}
	}
}

// shrink allows no more connections than are open, for a while. It reports false if none
// is.
func (p *pool) shrink() bool {
	open := p.db.Stats().OpenConnections - int(p.connecting.Load()) // it counts those that are being opened
	if open <= 0 {
		return false
	}
	p.db.SetMaxOpenConns(open)
	time.AfterFunc(crowdedFor, p.grow)
	return true
}
