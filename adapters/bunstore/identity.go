package bunstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/orgexport/orgexport/export"
)

// ErrOtherPurpose is matched if a database is a demo's and the [Config] is not, or the
// other way round. Nothing may be changed in it.
var ErrOtherPurpose = errors.New("bunstore: the database has another purpose")

// Identity tells one database from another.
type Identity struct {
	ID   string // random; a copy of the database has the same
	Demo bool   // see [Config]
}

// Identity returns which database this is. The error matches [ErrOlderSchema] if
// [Store.Migrate] has not noted it yet.
func (s *Store) Identity(ctx context.Context) (Identity, error) {
	version, err := s.schemaVersion(ctx, s.db)
	if err != nil {
		return Identity{}, wrap("identity", err)
	}
	if version < identityVersion {
		return Identity{}, fmt.Errorf("%w: it has version %d", ErrOlderSchema, version)
	}
	id, err := s.identity(ctx, s.db)
	return id, wrap("identity", err)
}

// identityVersion is the schema since which a database has an identity.
const identityVersion = 4

// identity reads the identity of a database that may have one.
func (s *Store) identity(ctx context.Context, db bun.IDB) (id Identity, err error) {
	err = db.NewRaw("SELECT id, demo FROM ?", s.table("identity")).Scan(ctx, &id.ID, &id.Demo)
	return id, noRow(err, export.ErrNotFound)
}

// checkPurpose compares the purpose of a database with that of the configuration. One
// that has tables and no mark is a product's: programs before made it.
func (s *Store) checkPurpose(ctx context.Context, db bun.IDB, version int) error {
	if version == 0 {
		return nil
	}
	var id Identity
	var err error
	if version >= identityVersion {
		if id, err = s.identity(ctx, db); errors.Is(err, export.ErrNotFound) {
			err = nil
		}
	}
	switch {
	case err != nil:
		return err
	case id.Demo && !s.config.Demo:
		return fmt.Errorf("%w: it is a demo's", ErrOtherPurpose)
	case s.config.Demo && !id.Demo:
		return fmt.Errorf("%w: it is no demo's, and may hold real jobs and keys", ErrOtherPurpose)
	}
	return nil
}

// identify gives a database its identity. fresh means that it has no tables of before.
func (s *Store) identify(ctx context.Context, tx bun.Tx, fresh bool) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO ? (id, demo) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM ?)",
		s.table("identity"), export.NewID(), s.config.Demo && fresh, s.table("identity"))
	return err
}
