package bunstore

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// Count implements [access.Counter]. It counts in the windows of all lengths with one
// statement. Each 256th call also removes windows that are over.
func (s *Store) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	if len(lengths) == 0 {
		return nil, nil
	}
	ctx, leave, err := s.lookUps.enter(ctx)
	if err != nil {
		return nil, wrap("count", err)
	}
	defer leave()
	// A key may have any length and any bytes, its digest has not. And an address
	// need not be stored.
	digest := sha256.Sum256([]byte(key))
	var windows []access.Window
	err = retry(ctx, lostRace, func() (err error) {
		windows, err = s.count(ctx, digest[:], lengths)
		return err
	})
	if err != nil {
		return nil, wrap("count", slow(ctx, err))
	}
	if s.counts.Add(1)%windowsEvery == 0 {
		s.sweepWindows(ctx)
	}
	return windows, nil
}

// count runs the statement of Count. It does so without bun, which puts values into
// the text of a query: here the text is always the same, and the server has to
// describe it only once.
func (s *Store) count(ctx context.Context, digest []byte, lengths []time.Duration) ([]access.Window, error) {
	rows, err := s.db.DB.QueryContext(ctx, s.countQuery(lengths), digest)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	windows := make([]access.Window, len(lengths))
	for rows.Next() {
		var length, endsAt, count, now int64
		if err := rows.Scan(&length, &endsAt, &count, &now); err != nil {
			return nil, err
		}
		for i, l := range lengths {
			if l.Milliseconds() == length {
				windows[i] = window(l, time.Duration(endsAt-now)*time.Millisecond, count)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for i, w := range windows {
		if w.Count == 0 {
			return nil, fmt.Errorf("no window of %v", lengths[i])
		}
	}
	return windows, nil
}

// window returns a window whose Reset is within its bounds, even if the clock was put
// back or another transaction began the window at a later time than this one read.
func window(length, reset time.Duration, count int64) access.Window {
	return access.Window{Length: length, Count: count, Reset: min(max(reset, time.Millisecond), length)}
}

// countQuery returns the statement that counts in the windows of these lengths. It
// locks rows in the order of their lengths, so that two requests with the same key do
// not deadlock. A request that read the clock before a window ended, and counts after
// another has begun the next one, counts in that. A window that ends later than the next
// one was begun before the clock was put back, and is over.
func (s *Store) countQuery(lengths []time.Duration) string {
	key, now := "?1", string(s.clock())
	if s.postgres {
		// All lengths go by the time at which the statement began.
		key, now = "$1", "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint"
	}
	texts := make([]string, len(lengths))
	for i, l := range lengths {
		texts[i] = "SELECT " + strconv.FormatInt(l.Milliseconds(), 10) + " AS length"
	}
	return strings.NewReplacer(
		"{table}", `"`+s.prefix+`windows"`, "{key}", key, "{now}", now, "{lengths}", strings.Join(texts, " UNION ALL "),
		"{other}", "excluded.ends_at > old.ends_at OR excluded.ends_at < old.ends_at - old.length",
	).Replace(`
		INSERT INTO {table} AS old (key, length, ends_at, count)
		SELECT {key}, l.length, (c.now / l.length + 1) * l.length, 1
		FROM (SELECT {now} AS now) AS c, ({lengths}) AS l
		WHERE true ORDER BY l.length
		ON CONFLICT (key, length) DO UPDATE SET
			count = CASE WHEN {other} THEN 1 ELSE old.count + 1 END,
			ends_at = CASE WHEN {other} THEN excluded.ends_at ELSE old.ends_at END
		RETURNING length, ends_at, count, {now}`)
}
