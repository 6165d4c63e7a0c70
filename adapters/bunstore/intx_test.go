package bunstore

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
	"github.com/orgexport/orgexport/internal/pgtest"
)

// A process that is frozen in the middle of a write keeps nobody from writing the job, or from making
// one of its organization, for long.
func TestFrozenWriter(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(context.Context, *Store) error{
		"Update": func(ctx context.Context, s *Store) error {
			_, err := s.Update(ctx, "a", func(_ time.Time, j *jobs.Job) error { j.Attempt++; return nil })
			return err
		},
		"Create": func(ctx context.Context, s *Store) error {
			_, _, err := s.Create(ctx, "org", func(now time.Time, _ jobs.Usage) (jobs.Job, error) {
				j := example(export.NewID(), now)
				j.Format = j.ID // no other request is equal
				return j, nil
			})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := pgtest.Database(t)
			others := migrated(t, address, Config{})
			create(t, others)
			frozen, thaw, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			s := open(t, address, Config{AfterWrite: func(ctx context.Context, tx *sql.Tx, _ *jobs.Job) error {
				close(frozen)
				<-thaw
				_, err := tx.ExecContext(ctx, "SELECT 1")
				return err
			}})
			go func() { ended <- write(t.Context(), s) }()
			select {
			case <-frozen:
			case err := <-ended:
				t.Fatalf("the write ended before it was frozen: %v", err)
			}
			patient, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := write(patient, others)
			close(thaw)
			if err != nil {
				t.Errorf("another process cannot write: %v", err)
			}
			if err := <-ended; err == nil {
				t.Error("the frozen process has written, too")
			}
		})
	}
}
