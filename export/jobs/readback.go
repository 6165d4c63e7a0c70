package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/orgexport/orgexport/export"
)

// readBack compares the archive of an attempt, which the destination has taken, with
// what the engine has written. An archive that is another one is deleted.
func (s *Service) readBack(ctx context.Context, job Job, key string, result export.Result) error {
	d := s.config.Destination
	want := content{size: result.Size, sha256: result.SHA256[:]}
	if result.Size > s.config.ReadBack || Confirms(d) {
		want.sha256 = nil
	}
	err := inspect(ctx, d, key, want, nil)
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrDamaged) {
		s.dropDamaged(ctx, job, key)
	}
	return fmt.Errorf("jobs: read the archive back: %w", err)
}

// dropDamaged deletes an archive that no job will have. What it cannot delete is
// deleted once the job is completed, or by a sweep.
func (s *Service) dropDamaged(ctx context.Context, job Job, key string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	if err := s.config.Destination.Delete(ctx, key); err != nil {
		s.log(job).WarnContext(ctx, "damaged archive not deleted", "error", err)
	}
}
