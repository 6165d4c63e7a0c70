package bunstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// countCall is a call of Count.
type countCall struct {
	key     [sha256.Size]byte
	lengths []time.Duration
	windows []access.Window // the results
}

// Count implements [access.Counter]. It counts in the windows of all lengths with one
// statement, which counts for all calls that wait. Each 256th call also removes windows that
// are over.
func (s *Store) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	if len(lengths) == 0 {
		return nil, nil
	}
	// A key may have any length and any bytes, its digest has not. And an address
	// need not be stored.
	call := &countCall{key: sha256.Sum256([]byte(key)), lengths: lengths}
	if err := s.counting.do(ctx, call); err != nil {
		return nil, wrap("count", err)
	}
	return call.windows, nil
}

// countFor counts for some calls.
func (s *Store) countFor(ctx context.Context, calls []*countCall) error {
	return retry(ctx, lostRace, func() error { return s.count(ctx, calls) })
}

// removeLimit is how long the removal of windows may take.
const removeLimit = time.Minute

// removeAfter removes windows that are over from time to time. Counting does not wait for it,
// because a database that is lost may never answer.
func (s *Store) removeAfter(ctx context.Context, calls int) {
	if s.counted += calls; s.counted < windowsEvery || !s.removing.TryLock() {
		return
	}
	s.counted -= windowsEvery
	go func() {
		defer s.removing.Unlock()
		ctx, cancel := context.WithTimeout(ctx, removeLimit)
		defer cancel()
		s.sweepWindows(ctx)
	}()
}

// windowID is what a window is known by: key and length in milliseconds.
type windowID struct {
	key    [sha256.Size]byte
	length int64
}

// counted is what a statement has made of a window.
type counted struct {
	reset time.Duration
	next  int64 // number of the next call for which it has counted
}

// count runs the statement. It does so without bun, which puts values into the text of a
// query: here the text is always the same, so that the database parses it only once.
func (s *Store) count(ctx context.Context, calls []*countCall) error {
	asked := make(map[windowID]int64)
	for _, call := range calls {
		for _, length := range call.lengths {
			asked[windowID{call.key, length.Milliseconds()}]++
		}
	}
	rows, err := s.countRows(ctx, asked)
	if err != nil {
		return err
	}
	defer rows.Close()
	windows := make(map[windowID]*counted, len(asked))
	for rows.Next() {
		var key []byte
		var id windowID
		var endsAt, count, now int64
		if err := rows.Scan(&key, &id.length, &endsAt, &count, &now); err != nil {
			return err
		}
		copy(id.key[:], key)
		windows[id] = &counted{time.Duration(endsAt-now) * time.Millisecond, count - asked[id] + 1}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, call := range calls {
		call.windows = make([]access.Window, len(call.lengths))
		for i, length := range call.lengths {
			w := windows[windowID{call.key, length.Milliseconds()}]
			if w == nil {
				return fmt.Errorf("no window of %v", length)
			}
			call.windows[i] = window(length, w.reset, w.next)
			w.next++
		}
	}
	return nil
}

// countRows runs the statement for windows in which so many calls are to be counted.
func (s *Store) countRows(ctx context.Context, asked map[windowID]int64) (*sql.Rows, error) {
	list := make([][3]any, 0, len(asked))
	for id, n := range asked {
		list = append(list, [3]any{hex.EncodeToString(id.key[:]), id.length, n})
	}
	text, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	return s.query(ctx, s.texts.count, string(text))
}

// window returns a window whose Reset is within its bounds, even if the clock was put
// back or another transaction began the window at a later time than this one read.
func window(length, reset time.Duration, count int64) access.Window {
	return access.Window{Length: length, Count: count, Reset: min(max(reset, time.Millisecond), length)}
}

// countQuery returns the statement that counts in the windows of a list in JSON: key, length
// and number of calls. It locks rows in the order of their keys and lengths, so that two
// statements do not deadlock. A request that read the clock before a window ended, and counts
// after another has begun the next one, counts in that. A window that ends later than the next
// one was begun before the clock was put back, and is over.
func (s *Store) countQuery() string {
	list, now := "SELECT unhex(value ->> 0) AS key, value ->> 1 AS length, value ->> 2 AS calls FROM json_each(?1)", string(s.clock())
	if s.postgres {
		list = "SELECT decode(value ->> 0, 'hex') AS key, (value ->> 1)::bigint AS length, (value ->> 2)::bigint AS calls FROM json_array_elements($1::json)"
		// All windows go by the time at which the statement began.
		now = "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
	}
	return strings.NewReplacer(
		"{table}", `"`+s.prefix+`windows"`, "{list}", list, "{now}", now,
		"{other}", "excluded.ends_at > old.ends_at OR excluded.ends_at < old.ends_at - old.length",
	).Replace(`
		INSERT INTO {table} AS old (key, length, ends_at, count)
		SELECT l.key, l.length, (c.now / l.length + 1) * l.length, l.calls
		FROM (SELECT {now} AS now) AS c, ({list}) AS l
		WHERE true ORDER BY l.key, l.length
		ON CONFLICT (key, length) DO UPDATE SET
			count = CASE WHEN {other} THEN excluded.count ELSE old.count + excluded.count END,
			ends_at = CASE WHEN {other} THEN excluded.ends_at ELSE old.ends_at END
		RETURNING key, length, ends_at, count, {now}`)
}
