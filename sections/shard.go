package sections

import (
	"context"
	"errors"
	"strings"

	"github.com/orgexport/orgexport/export"
)

// Split implements [export.Splitter]. The borders of the ranges are quantiles of each query's keys.
func (s *sqlSection) Split(ctx context.Context, scope export.Scope) ([]string, error) {
	if s.shards < 2 {
		return nil, nil
	}
	most := 1
	borders := make([]borders, len(s.parts))
	for i, p := range s.parts {
		q := p.asks()
		if q == nil || q.key == "" {
			continue
		}
		var err error
		if borders[i], err = q.borders(ctx, scope, s.shards); err != nil {
			return nil, describe(p.label(), err)
		}
		most = max(most, len(borders[i].keys)+1)
	}
	if most == 1 {
		return nil, nil
	}
	ranges := make([]string, most)
	for shard := range ranges {
		pieces := make([]piece, len(s.parts))
		for i := range pieces {
			pieces[i] = borders[i].piece(shard)
		}
		ranges[shard] = rangeOf(s.digest, pieces)
	}
	return ranges, nil
}

// Estimate implements [export.Estimator] by the plans of the queries of records, if the Source is an
// [Estimator].
func (s *sqlSection) Estimate(ctx context.Context, scope export.Scope) (int64, error) {
	pieces, err := s.pieces(scope.Range)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for i, p := range s.parts {
		if _, assets := p.(*assetFiles); assets || pieces[i].None {
			continue
		}
		q := p.asks()
		source, ok := q.source.(Estimator)
		if !ok {
			return 0, nil
		}
		statement, args, err := q.statement(scope, pieces[i])
		if err != nil {
			return 0, unread("parameter", err)
		}
		bytes, err := source.Estimate(ctx, statement, args)
		if err != nil {
			return 0, unread("query", err)
		}
		sum += bytes
	}
	return sum, nil
}

// pieces returns what a range has of each part.
func (s *sqlSection) pieces(text string) ([]piece, error) {
	if text == "" {
		return make([]piece, len(s.parts)), nil
	}
	pieces, err := parseRange(text, s.digest)
	if err != nil {
		return nil, err
	}
	if s.shards < 2 || len(pieces) != len(s.parts) {
		return nil, errRange
	}
	for i, p := range s.parts {
		if !pieces[i].fits(p.asks()) {
			return nil, errRange
		}
	}
	return pieces, nil
}

// fits reports whether the query, which is nil if a part has none, can have the piece.
func (p piece) fits(q *query) bool {
	if q == nil || q.key == "" || p.None {
		return p == piece{None: p.None}
	}
	if p.Mixed && q.dialect == Postgres {
		return false
	}
	for _, b := range []border{p.From, p.To} {
		if b != "" && q.dialect == Postgres && b[0] != textBorder {
			return false
		}
	}
	return true
}

// keyed returns the query in brackets, of which columns are to be selected, and its key.
func (q *query) keyed() (from, key string) {
	return " FROM (" + q.sql + "\n) AS q", `q."` + strings.ReplaceAll(q.key, `"`, `""`) + `"`
}

// comparing returns the statement of a piece with two borders, which are the parameters behind
// those of the query.
func (q *query) comparing(params int) string {
	from, key := q.keyed()
	return "SELECT *" + from + " WHERE " + key + " >= " + q.dialect.placeholder(params+1) + " AND " + key + " < " + q.dialect.placeholder(params+2) + " ORDER BY " + key
}

// statement returns the statement that reads a piece, and the values of its parameters. With a key
// its rows are in the order of that. Borders are bound behind the query's own parameters.
func (q *query) statement(scope export.Scope, p piece) (string, []any, error) {
	args, err := q.args(scope.Organization.ID)
	if err != nil || q.key == "" {
		return q.sql, args, err
	}
	from, key := q.keyed()
	var conditions []string
	for _, side := range []struct {
		border  border
		compare string
	}{{p.From, " >= "}, {p.To, " < "}} {
		if side.border == "" {
			continue
		}
		value, ok := side.border.value()
		if !ok {
			return "", nil, errRange
		}
		args = append(args, value)
		conditions = append(conditions, asCompared(key, p.Mixed)+side.compare+q.dialect.placeholder(len(args)))
	}
	return "SELECT *" + from + q.where(p, key, conditions) + " ORDER BY " + key, args, nil
}

// where returns the clause that reads a piece. Rows without a key are where ORDER BY has them: on
// PostgreSQL behind the last border, on SQLite before the first.
func (q *query) where(p piece, key string, conditions []string) string {
	switch {
	case p.None:
		return " WHERE 1 = 0"
	case len(conditions) == 0:
		return ""
	case q.dialect == Postgres && p.To == "", q.dialect == SQLite && p.From == "":
		conditions = []string{"(" + conditions[0] + " OR " + key + " IS NULL)"}
	}
	return " WHERE " + strings.Join(conditions, " AND ")
}

// shardKey returns the key of a query, of its own or of the section, and notes that it is wanted.
func (b *builder) shardKey(own string, whole bool) string {
	switch {
	case whole && own != "":
		b.fail("ShardKey", errors.New("is set, but the first shard has all rows"))
	case whole:
		return ""
	case own == "" && b.config.ShardKey == "" && b.config.Shards > 1:
		b.fail("ShardKey", errors.New("is empty, and the section has shards: name a column that the query returns, or say that the first shard has all of it"))
	case own != "":
		return own
	}
	return b.config.ShardKey
}
