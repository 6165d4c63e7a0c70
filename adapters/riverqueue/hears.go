package riverqueue

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// A pooler of transactions, such as PgBouncer in that mode, takes LISTEN and forgets it: the
// connection to the server that has listened is somebody else's then. PgBouncer of some
// versions even ends when that one is notified. So before anything listens it is tried
// whether that has any use.

// hearTimeout is how long a notification may take. It comes at once, or never.
const hearTimeout = 5 * time.Second

// hearing is what is known of a ListenURL.
type hearing struct {
	mu           sync.Mutex
	known, works bool
}

// hears tells whether notifications come by ListenURL. It asks once, and logs it if they do
// not.
func (q *Queue) hears(ctx context.Context) (bool, error) {
	h := &q.hearing
	h.mu.Lock() // others wait no longer than the timeouts
	defer h.mu.Unlock()
	if h.known {
		return h.works, nil
	}
	works, err := q.tryHearing(ctx)
	if err != nil {
		return false, err
	}
	h.known, h.works = true, works
	if !works {
		q.config.Logger.WarnContext(ctx, "notifications of PostgreSQL do not come by this address, as behind a pooler of transactions: "+
			"tasks are looked for every second, and an export that another process cancels goes on until the next heartbeat of its lease")
	}
	return works, nil
}

// hearAgain forgets what is known: the connection was lost, and the next one may lead
// elsewhere.
func (q *Queue) hearAgain() {
	q.hearing.mu.Lock()
	defer q.hearing.mu.Unlock()
	q.hearing.known = false
}

// tryHearing finds out whether notifications come by ListenURL.
func (q *Queue) tryHearing(ctx context.Context) (works bool, err error) {
	var conns [2]*pgx.Conn
	for i := range conns {
		if conns[i], err = pgx.ConnectConfig(ctx, q.listenConfig().ConnConfig); err != nil {
			return false, err
		}
		defer closeSoon(ctx, conns[i])
	}
	shared, err := shareServer(ctx, conns[0], conns[1])
	if err != nil || shared {
		return false, err
	}
	return hearsOf(ctx, conns[0], conns[1])
}

// shareServer tells whether one connection has had the place of the other at the server,
// which only a pooler of transactions lets happen. It may not notice if others are at work.
// It leaves nothing behind.
func shareServer(ctx context.Context, first, second *pgx.Conn) (bool, error) {
	before, err := backend(ctx, first)
	if err != nil {
		return false, err
	}
	if _, err := second.Exec(ctx, "BEGIN"); err != nil {
		return false, err
	}
	defer second.Exec(ctx, "ROLLBACK") //nolint:errcheck // the next statement fails if this one has
	other, err := backend(ctx, second)
	if err != nil || other == before {
		return true, err
	}
	after, err := backend(ctx, first)
	return after != before, err
}

// backend returns the number of the process of the server that a connection talks to.
func backend(ctx context.Context, conn *pgx.Conn) (pid int32, err error) {
	err = conn.QueryRow(ctx, "SELECT pg_catalog.pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	return pid, err
}

// hearsOf tells whether a connection hears of what another one tells.
func hearsOf(ctx context.Context, listener, teller *pgx.Conn) (bool, error) {
	channel := "orgexport_heard_" + strings.ToLower(rand.Text())
	if _, err := listener.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, err
	}
	if _, err := teller.Exec(ctx, "NOTIFY "+channel); err != nil {
		return false, err
	}
	limited, cancel := context.WithTimeout(ctx, hearTimeout)
	defer cancel()
	switch _, err := listener.WaitForNotification(limited); {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case limited.Err() == nil:
		return false, fmt.Errorf("wait for a notification: %w", err)
	}
	return false, nil
}

// closeSoon closes a connection with nothing left to write.
func closeSoon(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx)
}
