package bunstore

import (
	"context"
	"database/sql"

	"github.com/uptrace/bun"
)

// limitIdle has PostgreSQL end the transaction if its process asks for nothing for that long. A
// process that is frozen, or that the network has lost, would else keep its locks for as long as its
// connection seems to live, and no worker could renew the lease of a job that it was writing. It is
// shorter than a worker waits for one try to renew its lease (4 seconds), and much longer than a
// process needs between two statements.
const limitIdle = "SET LOCAL idle_in_transaction_session_timeout = '3s'"

// inTx runs do in a transaction that locks what others wait for.
func (s *Store) inTx(ctx context.Context, options *sql.TxOptions, do func(context.Context, bun.Tx) error) error {
	return s.db.RunInTx(ctx, options, func(ctx context.Context, tx bun.Tx) error {
		if s.postgres {
			if _, err := tx.ExecContext(ctx, limitIdle); err != nil {
				return err
			}
		}
		return do(ctx, tx)
	})
}
