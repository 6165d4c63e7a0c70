package bunstore

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/uptrace/bun"
)

// finder looks up rows of a table by the values of columns that a unique index has. One query
// does so for all calls that wait.
type finder[R any] struct {
	store   *Store
	columns []column
	values  func(*R) rowKey // of a row
	calls   gathering[*finding[R]]
	text    string // of the query
}

// column is a column by which rows are found.
type column struct {
	name  string
	bytes bool // not a text
}

// rowKey are the values of up to two columns.
type rowKey [2]string

// finding is a call: the row of a key. row is nil if there is none. It must not be changed,
// because another call may have it, too.
type finding[R any] struct {
	key rowKey
	row *R
}

func newFinder[R any](s *Store, table string, values func(*R) rowKey, columns ...column) *finder[R] {
	f := &finder[R]{store: s, columns: columns, values: values}
	f.calls.line, f.calls.run = s.lookUps, f.find
	f.text = f.query(table)
	return f
}

// lookUp returns what the row of a key stores, as the function value says. If there is no row
// the error is missing.
func lookUp[R, T any](ctx context.Context, f *finder[R], key rowKey, value func(*R) (T, error), missing error) (none T, err error) {
	call := &finding[R]{key: key}
	if err := f.calls.do(ctx, call); err != nil {
		return none, err
	}
	if call.row == nil {
		return none, missing
	}
	return value(call.row)
}

// find finds the rows of some calls.
func (f *finder[R]) find(ctx context.Context, calls []*finding[R]) error {
	found := make(map[rowKey]*R, len(calls))
	for _, call := range calls {
		found[call.key] = nil
	}
	if err := f.scan(ctx, found); err != nil {
		return err
	}
	for _, call := range calls {
		call.row = found[call.key]
	}
	return nil
}

// scan runs the query for the keys of a map, and puts the rows that are there into it.
func (f *finder[R]) scan(ctx context.Context, found map[rowKey]*R) error {
	list := make([][]string, 0, len(found))
	for key := range found {
		values := key[:len(f.columns)]
		for i, c := range f.columns {
			if c.bytes {
				values[i] = hex.EncodeToString([]byte(values[i]))
			}
		}
		list = append(list, values)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	rows, err := f.store.query(ctx, f.text, string(text))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		row := new(R)
		if err := f.store.db.ScanRow(ctx, rows, row); err != nil {
			return err
		}
		found[f.values(row)] = row
	}
	return rows.Err()
}

// query returns the text of the query of a table, whose parameter is a list of keys in JSON. It is always
// the same, so that the database need not parse it again. The list comes first, as SQLite then
// takes the table by its index.
func (f *finder[R]) query(table string) string {
	each, unhex := "json_each(?1)", "unhex(value ->> %d)"
	if f.store.postgres {
		each, unhex = "json_array_elements($1::json)", "decode(value ->> %d, 'hex')"
	}
	var values, equal []string
	for i, c := range f.columns {
		value := "value ->> %d"
		if c.bytes {
			value = unhex
		}
		values = append(values, fmt.Sprintf(value+" AS k%d", i, i))
		equal = append(equal, fmt.Sprintf(`?TableAlias.%q = list.k%d`, c.name, i))
	}
	list := fmt.Sprintf("(SELECT %s FROM %s) AS list", strings.Join(values, ", "), each)
	return f.store.db.NewSelect().Model((*R)(nil)).
		ModelTableExpr("? CROSS JOIN ? AS ?TableAlias", bun.Safe(list), f.store.table(table)).
		Where(strings.Join(equal, " AND ")).String()
}
