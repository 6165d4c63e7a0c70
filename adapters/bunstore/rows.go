package bunstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"
)

// from begins a query of one of the store's tables. Its model is a row type of
// this package.
func (s *Store) from(db bun.IDB, table string) *bun.SelectQuery {
	return db.NewSelect().ModelTableExpr("? AS ?TableAlias", s.table(table))
}

// into begins a statement that inserts a row into one of the store's tables.
func (s *Store) into(db bun.IDB, table string, row any) *bun.InsertQuery {
	return db.NewInsert().Model(row).ModelTableExpr("?", s.table(table))
}

// list runs a query and returns what each of its rows stores.
func list[R, T any](ctx context.Context, query *bun.SelectQuery, value func(*R) (T, error)) ([]T, error) {
	var rows []R
	if err := query.Model(&rows).Scan(ctx); err != nil {
		return nil, err
	}
	return values(rows, value)
}

// values returns what each row stores, as the function value says.
func values[R, T any](rows []R, value func(*R) (T, error)) ([]T, error) {
	all := make([]T, len(rows))
	for i := range rows {
		var err error
		if all[i], err = value(&rows[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// noRow returns missing in place of the error of a query that finds no row, and other
// errors as they are.
func noRow(err, missing error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return missing
	}
	return err
}

// statement inserts, updates or deletes rows.
type statement interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}

// execute runs a statement. If it changes no row the error is unchanged.
func execute(ctx context.Context, s statement, unchanged error) error {
	result, err := s.Exec(ctx)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err == nil && n == 0 {
		return unchanged
	}
	return err
}
