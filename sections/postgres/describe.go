package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Describe is that of a sections.Describer. It prepares the statement and asks for its plan,
// which tells what preparing alone does not: whether the role may read the tables, and
// whether the parameters have values of their types.
func (s *Source) Describe(ctx context.Context, statement string, args []any) (columns []string, err error) {
	values, err := texts(args)
	if err != nil {
		return nil, err
	}
	conn, err := s.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	columns, err = describe(ctx, pg, statement, values)
	end(ctx, pg)
	return columns, withHint(err)
}

var errNoColumns = errors.New("postgres: the statement returns no columns")

// describe returns the columns of a statement, in a transaction.
func describe(ctx context.Context, pg *pgconn.PgConn, statement string, values [][]byte) ([]string, error) {
	described, err := pg.Prepare(ctx, "", statement, nil)
	if err != nil {
		return nil, err
	}
	if given := len(described.ParamOIDs); given != len(values) {
		return nil, fmt.Errorf("postgres: the statement has %d parameters, not %d", given, len(values))
	}
	if len(described.Fields) == 0 {
		return nil, errNoColumns
	}
	if slices.Contains(described.ParamOIDs, pgtype.RecordOID) {
		return nil, errors.New("postgres: a parameter is compared with a row, for which there is no text: name one of its columns")
	}
	plan := explain(ctx, pg, statement, values)
	switch {
	case plan.Err == nil:
		if err := checkPlan(plan); err != nil {
			return nil, err
		}
	case !hasNoPlan(plan.Err):
		return nil, plan.Err
	}
	columns := make([]string, len(described.Fields))
	for i, f := range described.Fields {
		columns[i] = f.Name
	}
	return columns, nil
}

// checkPlan returns an error if a plan writes or locks rows, which a query may not.
func checkPlan(plan *pgconn.Result) error {
	if slices.ContainsFunc(plansOf(plan), planNode.writes) {
		return errors.New("postgres: the statement writes or locks rows, and queries run in transactions that are read only")
	}
	return nil
}

// hasNoPlan tells that a statement that could be prepared is of a kind that EXPLAIN does not
// take, such as SHOW.
func hasNoPlan(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "42601"
}

// withHint adds what the server advises.
func withHint(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Hint != "" {
		return fmt.Errorf("%w; %s", err, pg.Hint)
	}
	return err
}
