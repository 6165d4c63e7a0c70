package sqlite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"os"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

// snapshot is a moment of the file, kept by a connection.
type snapshot struct {
	source *Source
	id     string
	moment string
	conn   *conn

	// In WAL mode the connection has a read transaction, which keeps what it sees from being
	// overwritten. Others see the same by handle. If there is none, because nobody has
	// written since the log was emptied, or if it cannot be used, queries take turns with the
	// connection itself.
	wal    bool
	handle uintptr
	turn   chan struct{} // of capacity 1

	info os.FileInfo // of the file, when its state was looked at

	// In other modes it has none, because the product could not write meanwhile: version says
	// whether somebody has.
	version int64

	mu     sync.Mutex
	users  int // queries and checks that use the connection or the handle
	closed bool
}

// OpenSnapshot implements [export.Snapshots].
//
// In WAL mode the snapshot is a read transaction. While it is open SQLite cannot empty the log,
// which grows by what is written meanwhile; maxAge is the engine's to see to. In the modes of
// rollback journals an open transaction would keep the product from writing. So there queries
// read what there is, and the snapshot's Check tells whether anybody has written since.
func (s *Source) OpenSnapshot(ctx context.Context, _ time.Duration) (export.Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	c, err := s.take()
	if err != nil {
		return nil, err
	}
	h := &snapshot{source: s, id: rand.Text(), conn: c, turn: make(chan struct{}, 1)}
	if err := h.open(ctx); err != nil {
		h.release()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		h.release()
		return nil, errors.New("sqlite: the source is closed")
	}
	s.snapshots[h.id] = h
	return h, nil
}

func (h *snapshot) open(ctx context.Context) error {
	mode, err := h.conn.value(ctx, "PRAGMA journal_mode")
	if err != nil {
		return err
	}
	if mode == "wal" && h.conn.still == nil {
		h.wal = true
		return h.keep(ctx)
	}
	for range 3 {
		if h.version, err = h.conn.dataVersion(ctx); err != nil {
			return err
		}
		if h.moment, err = h.state(ctx); err != nil {
			return err
		}
		version, err := h.conn.dataVersion(ctx)
		if err != nil {
			return err
		}
		if version == h.version {
			return nil
		}
	}
	h.moment = rand.Text() // somebody writes all the time, so that no other is the same
	return nil
}

// keep begins the read transaction of WAL mode.
func (h *snapshot) keep(ctx context.Context) (err error) {
	if err := h.conn.exec("BEGIN"); err != nil {
		return err
	}
	var image []byte
	r := &result{ctx: ctx, conn: h.conn}
	err = r.patiently(func() (err error) {
		h.handle, image, err = h.conn.snapshot()
		return err
	})
	if err != nil && !errors.Is(err, errNoFrames) {
		return err
	}
	if h.handle != 0 {
		h.moment = momentOf(h.source.path, image)
		return nil
	}
	h.moment, err = h.state(ctx) // which begins to read, if that has not
	return err
}

// state is the moment of a file without a log: when it was written, and its header, in which
// each transaction has a number. The header is read by the connection, because to open and
// close the file would take away the locks that this process has of it.
func (h *snapshot) state(ctx context.Context) (string, error) {
	header, err := h.conn.value(ctx, "SELECT hex(substr(data, 1, 100)) FROM sqlite_dbpage WHERE pgno = 1")
	if err != nil {
		return "", err
	}
	info, err := os.Stat(h.source.path)
	if err != nil {
		return "", fmt.Errorf("sqlite: %w", err)
	}
	h.info = info
	return momentOf(h.source.path, header, info.Size(), info.ModTime().UnixNano()), nil
}

func momentOf(fields ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", fields))
	return hex.EncodeToString(sum[:])
}

// ID implements [export.Snapshot].
func (h *snapshot) ID() string { return h.id }

// Moment implements [export.Snapshot].
func (h *snapshot) Moment() string { return h.moment }

// errWritten is why a snapshot of a file in a mode without a log is none any more.
var errWritten = errors.New("sqlite: the database was written while it was exported, and it is not in WAL mode, which has snapshots")

// Check implements [export.Snapshot].
func (h *snapshot) Check(ctx context.Context) error {
	if h.wal {
		return h.checkLogless()
	}
	if !h.enter() {
		return export.ErrSnapshotLost
	}
	defer h.leave()
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.unlock()
	if err := h.conn.checkStill(); err != nil {
		return err
	}
	info, err := os.Stat(h.source.path)
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	version, err := h.conn.dataVersion(ctx)
	if err == nil && (version != h.version || !os.SameFile(info, h.conn.file)) {
		err = errWritten
	}
	return err
}

// errOverwritten is why a snapshot of a file in WAL mode is none any more.
var errOverwritten = errors.New("sqlite: the database file was overwritten while it was exported")

// checkLogless looks whether somebody has copied other bytes into a file without a log. While a
// transaction reads such a file, SQLite itself writes none into it.
func (h *snapshot) checkLogless() error {
	if h.info == nil {
		return nil
	}
	now, err := os.Stat(h.source.path)
	if err != nil || !os.SameFile(now, h.info) {
		return nil //nolint:nilerr // the connection still has the file that was there
	}
	if now.Size() != h.info.Size() || !now.ModTime().Equal(h.info.ModTime()) {
		return errOverwritten
	}
	return nil
}

// Close implements [export.Snapshot]. Queries that have begun to read it end as they would.
func (h *snapshot) Close(context.Context) {
	h.source.mu.Lock()
	delete(h.source.snapshots, h.id)
	h.source.mu.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		h.releaseUnused()
	}
}

// enter keeps the connection from being given away. It reports false if it is already.
func (h *snapshot) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.users++
	return true
}

func (h *snapshot) leave() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	h.releaseUnused()
}

func (h *snapshot) releaseUnused() {
	if h.closed && h.users == 0 {
		h.release()
	}
}

// release ends the transaction with its connection.
func (h *snapshot) release() {
	h.conn.freeSnapshot(h.handle)
	_ = h.conn.close() // it was only read
}

func (h *snapshot) lock(ctx context.Context) error {
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (h *snapshot) unlock() { <-h.turn }

// QueryAt is that of a sections.Snapshotter. The snapshot is one of this Source.
func (s *Source) QueryAt(ctx context.Context, id, statement string, args []any, read func([]string, iter.Seq2[[]any, error]) error) error {
	s.mu.Lock()
	h := s.snapshots[id]
	s.mu.Unlock()
	if h == nil || !h.enter() {
		return fmt.Errorf("sqlite: %w", export.ErrSnapshotLost)
	}
	defer h.leave()
	if !h.wal {
		return s.Query(ctx, statement, args, read) // and Check tells
	}
	if c := h.another(); c != nil {
		defer h.giveBack(c)
		return query(ctx, c, statement, args, read)
	}
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.unlock()
	return query(ctx, h.conn, statement, args, read)
}

// another returns a connection of its own for a query, which sees what the handle says. It
// is nil if there is none, such as while a process of the product empties the log: that waits
// for the snapshot to end, so that waiting for it would be of no use.
func (h *snapshot) another() *conn {
	if h.handle == 0 {
		return nil
	}
	c, err := h.source.take()
	if err != nil {
		return nil
	}
	if c.still == nil && os.SameFile(c.file, h.conn.file) && c.exec("BEGIN") == nil && c.openSnapshot(h.handle) == nil {
		return c
	}
	_ = c.close() // it was only read
	return nil
}

// giveBack ends the transaction of such a connection.
func (h *snapshot) giveBack(c *conn) {
	if c.exec("ROLLBACK") != nil {
		_ = c.close() // it was only read
		return
	}
	h.source.give(c)
}
