package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/orgexport/orgexport/export"
)

// sizeTimeout is how long a destination may take to tell the size of an archive.
const sizeTimeout = 5 * time.Second

// Link returns a new link to the archive of a job. If there is nothing to download, it
// returns the zero Link and no error: the job is not completed, or its archive is purged
// or has less than a second left.
//
// The error matches [ErrDamaged] if the archive is not there though it should be, or has
// another size than was made, or was found damaged before: see [Job.DamagedAt], which
// Link sets. If the Destination is no [Sizer] or does not answer, the archive counts as
// whole.
func (s *Service) Link(ctx context.Context, job Job) (Link, error) {
	ttl := min(s.config.LinkTTL, job.ExpiresAt.Sub(s.config.Now()))
	if job.Status != Completed || job.ObjectKey == "" || ttl < time.Second {
		return Link{}, nil
	}
	if !job.DamagedAt.IsZero() {
		return Link{}, ErrDamaged
	}
	if damage := s.measure(ctx, job); damage != nil {
		kept, err := s.noteDamage(ctx, job, damage)
		if err != nil {
			s.log(job).WarnContext(ctx, "damage of an archive not stored", "damage", damage.Kind, "error", err)
		} else if !kept {
			return Link{}, nil // it was purged a moment ago
		}
		return Link{}, damage
	}
	return s.config.Signer.Sign(ctx, job.ObjectKey, job.Filename, ttl)
}

// measure returns what is wrong with the size of a job's archive, or nil if that is
// right or nobody knows.
func (s *Service) measure(ctx context.Context, job Job) *DamageError {
	ctx, cancel := context.WithTimeout(ctx, sizeTimeout)
	defer cancel()
	size, err := SizeOf(ctx, s.config.Destination, job.ObjectKey)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case errors.Is(err, export.ErrNotFound):
		return &DamageError{Kind: DamageMissing}
	case err != nil:
		s.log(job).DebugContext(ctx, "size of an archive not known", "error", err)
		return nil
	case size != job.Size:
		return &DamageError{DamageSize, size, job.Size}
	}
	return nil
}

// noteDamage stores that the archive of a job was found damaged. It logs and tells that
// once for each archive. kept reports whether the job still has that archive: if not, it
// was purged, and the damage is none.
func (s *Service) noteDamage(ctx context.Context, job Job, damage *DamageError) (kept bool, err error) {
	marked, steps, err := s.update(ctx, job.ID, func(now time.Time, j *Job) ([]Step, error) {
		kept = j.hasArchive(job.ObjectKey)
		return s.rules.damage(job.ObjectKey)(now, j)
	})
	switch {
	case errors.Is(err, errNothingToDo):
		return kept, nil
	case errors.Is(err, export.ErrNotFound):
		return false, nil
	case err != nil:
		return kept, err
	}
	s.log(marked).ErrorContext(ctx, "archive damaged", "damage", damage.Kind, "error", damage)
	for _, step := range steps {
		s.tellEvent(ctx, Event{Step: step, Job: marked, Err: damage})
	}
	return true, nil
}
