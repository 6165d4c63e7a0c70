package postgres

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// planNode is a node of a plan.
type planNode struct {
	Type  string     `json:"Node Type"`
	Rows  float64    `json:"Plan Rows"`
	Width float64    `json:"Plan Width"` // bytes of a row
	Plans []planNode // below it
}

// explain asks for the plan of a statement, in a transaction.
func explain(ctx context.Context, pg *pgconn.PgConn, statement string, values [][]byte) *pgconn.Result {
	return pg.ExecParams(ctx, "EXPLAIN (FORMAT JSON) "+statement, values, nil, nil, nil).Read()
}

// plansOf returns the plans of an answer. There are none if it has another form than is known, as
// that of another server may have.
func plansOf(answer *pgconn.Result) []planNode {
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 1 {
		return nil
	}
	var tops []struct{ Plan planNode }
	if json.Unmarshal(answer.Rows[0][0], &tops) != nil {
		return nil
	}
	plans := make([]planNode, len(tops))
	for i, top := range tops {
		plans[i] = top.Plan
	}
	return plans
}

func (n planNode) writes() bool {
	return n.Type == "ModifyTable" || n.Type == "LockRows" || slices.ContainsFunc(n.Plans, planNode.writes)
}

// maxEstimate is what an estimate is at most, so that they can be added.
const maxEstimate = 1 << 53

// Estimate is that of a sections.Estimator: how many rows the server expects, by how many bytes
// those have in its own form. That is as good as its statistics are.
func (s *Source) Estimate(ctx context.Context, statement string, args []any) (bytes int64, err error) {
	values, err := texts(args)
	if err != nil {
		return 0, err
	}
	conn, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	pg := conn.Conn().PgConn()
	answer := explain(ctx, pg, statement, values)
	end(ctx, pg)
	if answer.Err != nil {
		return 0, answer.Err
	}
	sum := 0.0
	for _, plan := range plansOf(answer) {
		sum += plan.Rows * plan.Width
	}
	return int64(min(max(sum, 0), maxEstimate)), nil
}
