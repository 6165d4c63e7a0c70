package sections

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/record"
)

var errForm = errors.New("the answer has another form than is known")

// borders are the keys at which pieces begin, but for the first piece. The zero value is one piece.
type borders struct {
	keys  []border
	mixed bool
}

// piece returns the piece of a shard. Behind the last border there are no more pieces.
func (b borders) piece(shard int) piece {
	if shard > len(b.keys) {
		return piece{None: true}
	}
	var p piece
	if shard > 0 {
		p.From = b.keys[shard-1]
	}
	if shard < len(b.keys) {
		p.To = b.keys[shard]
	}
	p.Mixed = b.mixed
	return p
}

// borders returns the borders of pieces that have about as many rows. They are fewer if there are
// not as many keys. The database orders the keys by the means with which it compares them later.
func (q *query) borders(ctx context.Context, scope export.Scope, shards int) (b borders, err error) {
	statement := q.quantiles(shards)
	if q.dialect == SQLite {
		rows := int64(0)
		err := q.answer(ctx, scope, q.countKeys(), func(row []any) (ok bool) {
			rows, b.mixed, ok = counted(row)
			return ok
		})
		if err != nil || rows == 0 {
			return borders{}, err
		}
		statement = q.steps(rows, shards, b.mixed)
	}
	err = q.answer(ctx, scope, statement, func(row []any) bool {
		key, ok := borderOf(q.dialect, row)
		b.keys = append(b.keys, key)
		return ok
	})
	if err != nil || len(b.keys) < 2 {
		return borders{}, err
	}
	b.keys = b.keys[1:] // before the smallest key there is nothing
	return b, nil
}

// quantiles returns the statement by which PostgreSQL reads the smallest key and those that divide
// the rows, each once, as text. It reads them once, by an index or sorted, which has taken half as
// long as to count and number them.
func (q *query) quantiles(shards int) string {
	from, key := q.keyed()
	fractions := make([]string, shards)
	for i := range fractions {
		fractions[i] = strconv.FormatFloat(float64(i)/float64(shards), 'f', -1, 64)
	}
	return "SELECT min(b.k::text) AS k FROM (SELECT unnest(percentile_disc(ARRAY[" + strings.Join(fractions, ", ") + "]) WITHIN GROUP (ORDER BY " + key + ")) AS k" +
		from + ") AS b WHERE b.k IS NOT NULL GROUP BY b.k ORDER BY b.k"
}

// steps returns the statement by which SQLite reads such keys: the name of the storage class, and
// then the key, by an expression that has no type by which a driver would make something else of it.
// It steps over the rows of a piece to the next key, by an index if there is one; to number all rows
// has taken some times as long. The name of the table is none that a query uses.
func (q *query) steps(rows int64, shards int, mixed bool) string {
	const table = `"orgexport shards"`
	from, key := q.keyed()
	over := strconv.FormatInt((rows-1)/int64(shards), 10) // rows, beside the first one
	return "WITH RECURSIVE " + table + " (n, k) AS (SELECT 1, min(" + key + ")" + from + " UNION ALL SELECT n + 1, (SELECT " + key + from +
		" WHERE " + asCompared(key, mixed) + " > " + table + ".k ORDER BY " + key + " LIMIT 1 OFFSET " + over + ") FROM " + table +
		" WHERE n < " + strconv.Itoa(shards) + " AND k IS NOT NULL) SELECT typeof(k) AS class, +k AS k FROM " + table + " WHERE k IS NOT NULL ORDER BY n"
}

// asCompared returns a key as it is compared: see [piece].
func asCompared(key string, mixed bool) string {
	if mixed {
		return "+" + key
	}
	return key
}

// countKeys returns the statement by which SQLite counts keys, those that are texts, and blobs.
func (q *query) countKeys() string {
	from, key := q.keyed()
	of := func(class string) string {
		return "count(CASE typeof(" + key + ") WHEN '" + class + "' THEN 1 END) AS " + class
	}
	return "SELECT count(" + key + ") AS n, " + of("text") + ", " + of("blob") + from
}

// counted returns the number of keys, and whether they are of several classes.
func counted(row []any) (rows int64, mixed, ok bool) {
	for i, v := range row {
		n, isInt := v.(int64)
		if !isInt {
			return 0, false, false
		}
		if i == 0 {
			rows = n
		}
		mixed = mixed || n != 0 && n != rows
	}
	return rows, mixed, len(row) > 0
}

// answer runs another statement that has the query in it, on the snapshot of the scope, and calls
// one with each row of plain values. If one reports false the answer is none that is known.
func (q *query) answer(ctx context.Context, scope export.Scope, statement string, one func(row []any) bool) error {
	args, err := q.args(scope.Organization.ID)
	if err != nil {
		return unread("parameter", err)
	}
	called := false
	err = q.read(ctx, scope, statement, args, func(_ []string, rows iter.Seq2[[]any, error]) error {
		called = true
		for row, err := range rows {
			if err != nil {
				return err
			}
			for i, v := range row {
				if v, ok := v.(*record.Value); ok {
					row[i] = v.Any()
				}
			}
			if !one(row) {
				return errForm
			}
		}
		return nil
	})
	if err == nil && !called {
		err = fmt.Errorf("%T has not read its rows", q.source)
	}
	if err != nil {
		return unread("shards", err)
	}
	return nil
}
