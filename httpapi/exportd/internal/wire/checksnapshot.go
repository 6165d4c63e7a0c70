package wire

import (
	"context"
	"errors"
	"iter"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// checkSnapshot finds out whether the database keeps one moment for all sections. If it does
// not, that is a problem of an export that requires it, and else a warning.
func checkSnapshot(ctx context.Context, c *config.Config, db source) (*config.Problem, []Warning) {
	if c.Consistency.Level == export.ConsistencyOff {
		return nil, nil
	}
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := trySnapshot(limited, db)
	if err == nil {
		return nil, nil
	}
	p := c.DatabaseProblem(c.Database, "sections cannot read one moment of the database: "+withoutPackage(err))
	if c.Consistency.Level == export.ConsistencyRequired {
		return &p, nil
	}
	return nil, []Warning{{Problem: p}}
}

// trySnapshot opens a snapshot and reads it.
func trySnapshot(ctx context.Context, db source) error {
	s, err := db.OpenSnapshot(ctx, checkTimeout)
	if err != nil {
		return err
	}
	defer s.Close(context.WithoutCancel(ctx))
	err = db.QueryAt(ctx, s.ID(), "SELECT 1", nil, func(_ []string, rows iter.Seq2[[]any, error]) error {
		for _, err := range rows {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.Check(ctx); errors.Is(err, export.ErrSnapshotLost) { // not if somebody happens to write
		return err
	}
	return nil
}
