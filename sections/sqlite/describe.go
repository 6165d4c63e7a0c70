package sqlite

import (
	"context"
	"errors"
	"fmt"
)

// Describe is that of a sections.Describer. It has a new connection, because an older one
// notices only while it reads rows that a table is no longer there.
func (s *Source) Describe(ctx context.Context, statement string, args []any) (columns []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	c, err := connect(s.path)
	if err != nil {
		return nil, err
	}
	defer c.close() //nolint:errcheck // it was only read
	defer interruptWith(ctx, c)()
	r := &result{ctx: ctx, conn: c}
	err = r.patiently(func() (err error) {
		r.stmt, err = c.prepare(statement)
		return err
	})
	if err != nil {
		return nil, err
	}
	defer r.stmt.finalize()
	if n := r.stmt.parameters(); n != len(args) {
		return nil, fmt.Errorf("sqlite: the statement has %d parameters, not %d", n, len(args))
	}
	for i := range r.stmt.columns() {
		columns = append(columns, r.stmt.name(i))
	}
	if len(columns) == 0 {
		return nil, errors.New("sqlite: the statement returns no columns")
	}
	if !r.stmt.readOnly() {
		return nil, errWrites
	}
	return columns, nil
}
