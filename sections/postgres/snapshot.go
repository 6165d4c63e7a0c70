package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/pgvalue"
)

const (
	// beginOwn begins a transaction that sees what its query sees.
	beginOwn = "BEGIN READ ONLY; "

	// beginHeld begins one that keeps what it sees first.
	beginHeld = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
)

// moment is a query whose one row is the same in all transactions that see the same: since
// when the server runs, and which transactions are visible. Server and snapshot can be
// compared only as long as the server runs.
const moment = "SELECT pg_catalog.pg_postmaster_start_time()::pg_catalog.text || ' ' || pg_catalog.txid_current_snapshot()::pg_catalog.text"

// recovered tells when the server has begun to count what it does, which it does anew after a
// crash. Then it runs since before, but transactions may have the numbers of others that were
// never logged, and unlogged tables are empty.
const recovered = "SELECT pg_catalog.pg_stat_get_bgwriter_stat_reset_time()::pg_catalog.text"

// longLimits takes the limits of a transaction away that would end the holder before its
// time. Servers before version 17 have only one of them.
const longLimits = "SELECT pg_catalog.set_config(s.name, CASE s.name WHEN 'transaction_timeout' THEN '0' ELSE '%d' END, true) " +
	"FROM pg_catalog.pg_settings s WHERE s.name IN ('transaction_timeout', 'idle_in_transaction_session_timeout'); "

// spareAge is how much longer than its age a snapshot may be open as far as the server is
// concerned, which ends it if this process cannot.
const spareAge = time.Minute

// errTooFew is why a pool cannot have snapshots.
var errTooFew = errors.New("postgres: a snapshot keeps a connection, and those who read it need another one: the pool may have one only")

// snapshotID is what names a snapshot: PostgreSQL's own name, and what its moment is.
var snapshotID = regexp.MustCompile(`^([0-9A-F]{8}(?:-[0-9A-F]{8})?-[0-9]{1,10})/([0-9a-f]{64})$`)

// snapshot is a transaction that others may see the data of. It has its own connection.
type snapshot struct {
	source *Source
	conn   *pgxpool.Conn
	id     string
	moment string
	close  sync.Once
	*use
}

// OpenSnapshot implements [export.Snapshots] by a transaction that does nothing, on a
// connection of its own (pg_export_snapshot). A standby server has snapshots, too. For each
// snapshot the pool has another connection that never becomes one: if there are not as many,
// OpenSnapshot waits until another snapshot is closed.
//
// An open snapshot holds back vacuum. If the process or the network is gone, the server ends it
// a minute after maxAge.
func (s *Source) OpenSnapshot(ctx context.Context, maxAge time.Duration) (export.Snapshot, error) {
	if cap(s.holders) == 0 {
		return nil, errTooFew
	}
	if err := s.takeTurn(ctx); err != nil {
		return nil, err
	}
	held, err := s.hold(ctx, maxAge)
	if err != nil {
		<-s.holders
		return nil, err
	}
	return held, nil
}

// takeTurn waits until there may be one snapshot more.
func (s *Source) takeTurn(ctx context.Context) error {
	select {
	case s.holders <- struct{}{}:
		return nil
	default:
		s.refused.Add(1)
	}
	select {
	case s.holders <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// holders returns what bounds the snapshots of a pool: half of its connections may be some.
func holders(pool *pgxpool.Pool) chan struct{} {
	return make(chan struct{}, pool.Config().MaxConns/2)
}

func (s *Source) hold(ctx context.Context, maxAge time.Duration) (*snapshot, error) {
	limit := int64(0)
	if maxAge > 0 {
		limit = min((maxAge + spareAge).Milliseconds(), math.MaxInt32)
	}
	conn, answers, err := s.beginAs(ctx, beginHeld+fmt.Sprintf(longLimits, limit), "; SELECT pg_catalog.pg_is_in_recovery(); "+recovered+"; "+moment+"; SELECT pg_catalog.pg_export_snapshot()")
	if err != nil {
		return nil, err
	}
	answers = answers[len(answers)-4:]
	h := &snapshot{source: s, conn: conn, id: text(answers[3]) + "/" + momentOf(answers[2]), moment: momentOf(answers[1], answers[2])}
	if text(answers[0]) != "f" {
		h.moment = rand.Text() // a standby does not tell which transactions are in flight
	}
	if !snapshotID.MatchString(h.id) {
		end(ctx, conn.Conn().PgConn())
		conn.Release()
		return nil, errors.New("postgres: the server's name of a snapshot has another form than is known")
	}
	h.use = s.use(h.id)
	return h, nil
}

// text returns the one value of a result.
func text(r *pgconn.Result) string {
	if len(r.Rows) != 1 || len(r.Rows[0]) != 1 {
		return ""
	}
	return string(r.Rows[0][0])
}

func momentOf(answers ...*pgconn.Result) string {
	sum := sha256.New()
	for _, r := range answers {
		_, _ = fmt.Fprintf(sum, "%q", text(r)) // it never fails
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// ID implements [export.Snapshot].
func (h *snapshot) ID() string { return h.id }

// Moment implements [export.Snapshot].
func (h *snapshot) Moment() string { return h.moment }

// Close implements [export.Snapshot].
func (h *snapshot) Close(ctx context.Context) {
	h.close.Do(func() {
		h.source.endUse(h.id)
		end(ctx, h.conn.Conn().PgConn())
		h.conn.Release()
		<-h.source.holders
	})
}

// QueryAt is that of a sections.Snapshotter. Each query has a transaction of its own, also
// here, so that no connection is held in between and a pooler of transactions will do.
//
// What a query has read is of another moment if a table was truncated or defined anew after the
// snapshot, or if it is a foreign table or a sequence. The snapshot's Check says so, also that of one
// which was joined; for one of another process that was not joined the error does.
func (s *Source) QueryAt(ctx context.Context, snapshot, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	used := s.used(snapshot)
	if why := used.Check(ctx); why != nil {
		return why
	}
	var why error // what was read is of another moment
	err := s.query(ctx, statement, args, read, func() (*pgxpool.Conn, error) { return s.beginAt(ctx, snapshot) }, func(pg *pgconn.PgConn) {
		why = endAt(ctx, pg)
	})
	if err != nil || why == nil {
		return err
	}
	switch {
	case !errors.Is(why, export.ErrSnapshotLost):
		return why
	case used == nil:
		return errors.New(why.Error()) // whoever has read the rows is not to read them again
	}
	used.lost.CompareAndSwap(nil, &why)
	return nil
}

// beginAt begins a transaction that sees a snapshot, and makes sure that it does: a server that was
// restarted may have another one of that name, and a pooler may lead to another server.
func (s *Source) beginAt(ctx context.Context, id string) (*pgxpool.Conn, error) {
	m := snapshotID.FindStringSubmatch(id)
	if m == nil {
		return nil, fmt.Errorf("postgres: %.100q names no snapshot: %w", id, export.ErrSnapshotLost)
	}
	conn, answers, err := s.beginAs(ctx, beginHeld+"SET TRANSACTION SNAPSHOT '"+m[1]+"'; ", "; "+moment)
	if err != nil {
		return nil, lostIfRefused(ctx, err)
	}
	if momentOf(answers[len(answers)-1]) != m[2] {
		end(ctx, conn.Conn().PgConn())
		conn.Release()
		return nil, fmt.Errorf("postgres: the server has another snapshot of that name: %w", export.ErrSnapshotLost)
	}
	return conn, nil
}

// lostIfRefused adds [export.ErrSnapshotLost] to what the server has answered, unless it is a
// fault of the machine.
func lostIfRefused(ctx context.Context, err error) error {
	if _, answered := errors.AsType[*pgconn.PgError](err); answered && export.MachineFault(err) == "" && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", export.ErrSnapshotLost, err)
	}
	return err
}

// beginAs returns a connection with a transaction that begins with some statements, has the
// fixed settings, and goes on with others, and the results of all of them. Connections that
// were broken while they waited in the pool, as when the server was restarted, are passed over.
func (s *Source) beginAs(ctx context.Context, begin, then string) (*pgxpool.Conn, []*pgconn.Result, error) {
	for left := s.pool.Stat().TotalConns(); ; left-- {
		conn, err := s.acquire(ctx)
		if err != nil {
			return nil, nil, unreachable(ctx, err)
		}
		pg := conn.Conn().PgConn()
		var b strings.Builder
		for _, text := range []string{begin, pgvalue.Fix(), encoding(pg), then} {
			b.WriteString(text)
		}
		answers, err := pg.Exec(ctx, b.String()).ReadAll()
		if err == nil {
			return conn, answers, nil
		}
		broken := pg.IsClosed() && ctx.Err() == nil
		if !pg.IsClosed() {
			end(ctx, pg) // so that the pool keeps the connection
		}
		conn.Release()
		if !broken || left <= 0 {
			return nil, nil, err
		}
	}
}
