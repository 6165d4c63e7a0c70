package bunstore

import (
	"context"
	"errors"
)

// OpenMigrated is [Open], and [Store.Migrate] if the tables are missing or those of
// an older program.
func OpenMigrated(ctx context.Context, address string, config Config) (*Store, error) {
	s, err := Open(ctx, address, config)
	if err != nil {
		return nil, err
	}
	if err = s.Check(ctx); errors.Is(err, ErrOlderSchema) {
		if err = s.Migrate(ctx); err == nil {
			err = s.Check(ctx)
		}
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
