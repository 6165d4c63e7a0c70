package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/orgexport/orgexport/export"
)

const (
	// scrubPage is how many jobs a scrub asks the store for at once.
	scrubPage = 100

	// scrubFailures is after how many archives in a row that cannot be read a scrub
	// gives up: then it is the destination, and not the archives.
	scrubFailures = 10
)

// ScrubOptions says how archives are scrubbed. Its zero value is ready for use.
type ScrubOptions struct {
	// Rate is how many bytes are read in a second, at most and on average. Zero means
	// as fast as they come.
	Rate int64

	// Found is called for each archive that is bad or cannot be read, one after the
	// other. err is a [*DamageError], or why nobody knows how the archive is. Optional.
	Found func(job Job, err error)
}

// ScrubResult is what a scrub has found.
type ScrubResult struct {
	Checked int64 // archives that are known to be whole or bad now
	Bytes   int64 // read
	Damaged int64 // of those checked, with another size or other bytes
	Missing int64 // of those checked
	Unread  int64 // archives that could not be read; they are not among those checked
	Mended  int64 // of those checked, found damaged before and whole now
}

// Good reports whether all archives are known to be whole.
func (r ScrubResult) Good() bool { return r.Damaged+r.Missing+r.Unread == 0 }

// Scrub reads the archives of all completed jobs and compares them with what was made,
// by size and SHA-256. It sets [Job.DamagedAt] of the jobs whose archive is bad, so that
// they get no links, and clears it where the archive is whole. It changes no archive, and
// disturbs nobody who makes, downloads or deletes some meanwhile. Archives that are made
// meanwhile may be left out. What cannot be read is not marked.
//
// If the store is no [ArchiveLister], archives are found in the destination, and those
// that are missing are not found.
//
// The error says why it ended before it had looked at all archives; bad ones are none.
func (s *Service) Scrub(ctx context.Context, o ScrubOptions) (ScrubResult, error) {
	if o.Rate < 0 {
		return ScrubResult{}, fmt.Errorf("jobs: ScrubOptions.Rate is %d, want 0 or more", o.Rate)
	}
	w := &scrub{service: s, found: o.Found, pace: pace{rate: o.Rate}}
	began := time.Now()
	err := s.eachArchive(ctx, func(job Job) error { return w.check(ctx, job) })
	r := w.result
	s.config.Logger.InfoContext(ctx, "archives scrubbed", "checked", r.Checked, "bytes", r.Bytes, "damaged", r.Damaged,
		"missing", r.Missing, "unread", r.Unread, "mended", r.Mended, "duration", time.Since(began))
	if err != nil {
		return r, fmt.Errorf("jobs: scrub: %w", err)
	}
	return r, nil
}

// Scrub is [Service.Scrub] for a process that has no service, but these two ports of one.
// A nil logger is that of [slog.Default].
func Scrub(ctx context.Context, store Store, destination Destination, logger *slog.Logger, o ScrubOptions) (ScrubResult, error) {
	s := &Service{config: Config{Store: store, Destination: destination, Logger: cmp.Or(logger, slog.Default())}}
	return s.Scrub(ctx, o)
}

// scrub is one call of [Service.Scrub].
type scrub struct {
	service *Service
	found   func(Job, error)
	pace    pace
	result  ScrubResult
	unread  int // archives in a row that could not be read
}

// check looks at the archive of one job. An error ends the scrub.
func (w *scrub) check(ctx context.Context, job Job) error {
	err := inspect(ctx, w.service.config.Destination, job.ObjectKey, content{job.Size, job.SHA256}, func(n int) error {
		w.result.Bytes += int64(n)
		return w.pace.wait(ctx, n)
	})
	damage, isDamage := errors.AsType[*DamageError](err)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err == nil:
		return w.whole(ctx, job)
	case isDamage:
		return w.damaged(ctx, job, damage)
	}
	return w.unreadable(ctx, job, err)
}

// whole counts an archive that is whole, and mends its job.
func (w *scrub) whole(ctx context.Context, job Job) error {
	w.result.Checked++
	w.unread = 0
	if job.DamagedAt.IsZero() {
		return nil
	}
	_, _, err := w.service.update(ctx, job.ID, w.service.rules.mend(job.ObjectKey))
	switch {
	case errors.Is(err, errNothingToDo) || errors.Is(err, export.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	w.result.Mended++
	w.service.log(job).InfoContext(ctx, "archive whole again")
	return nil
}

// damaged counts and notes an archive that is bad, unless it was purged meanwhile.
func (w *scrub) damaged(ctx context.Context, job Job, damage *DamageError) error {
	w.unread = 0
	kept, err := w.service.noteDamage(ctx, job, damage)
	if err != nil || !kept {
		return err
	}
	w.result.Checked++
	if damage.Kind == DamageMissing {
		w.result.Missing++
	} else {
		w.result.Damaged++
	}
	w.tell(job, damage)
	return nil
}

// unreadable counts an archive that could not be read, unless it was purged meanwhile.
func (w *scrub) unreadable(ctx context.Context, job Job, failure error) error {
	now, err := w.service.config.Store.Get(ctx, job.Organization.ID, job.ID)
	switch {
	case errors.Is(err, export.ErrNotFound):
		return nil
	case err != nil:
		return errors.Join(failure, err)
	case !now.hasArchive(job.ObjectKey):
		return nil
	}
	w.result.Unread++
	w.tell(job, failure)
	if w.unread++; w.unread == scrubFailures {
		return fmt.Errorf("%d archives in a row cannot be read: %w", w.unread, failure)
	}
	return nil
}

func (w *scrub) tell(job Job, err error) {
	if w.found != nil {
		w.found(job, err)
	}
}

// eachArchive calls do for the completed jobs that have an archive.
func (s *Service) eachArchive(ctx context.Context, do func(Job) error) error {
	for after := ""; ; {
		page, err := ArchivesOf(ctx, s.config.Store, after, scrubPage)
		if errors.Is(err, errors.ErrUnsupported) {
			return s.eachObject(ctx, do)
		}
		if err != nil {
			return err
		}
		for _, job := range page {
			if err := do(job); err != nil {
				return err
			}
			after = job.ID
		}
		if len(page) == 0 {
			return nil
		}
	}
}

// eachObject is eachArchive by what the destination has.
func (s *Service) eachObject(ctx context.Context, do func(Job) error) error {
	keys, err := s.config.Destination.List(ctx, "")
	if err != nil {
		return err
	}
	for _, key := range keys {
		prefix, ok := parseObjectKey(key)
		if !ok {
			continue
		}
		organizationID, jobID := ownerOf(prefix)
		job, err := s.config.Store.Get(ctx, organizationID, jobID)
		if errors.Is(err, export.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if !job.hasArchive(key) {
			continue
		}
		if err := do(job); err != nil {
			return err
		}
	}
	return nil
}

// pace keeps to a rate.
type pace struct {
	rate int64     // of bytes in a second; 0: none
	next time.Time // when the next bytes may be read
}

// wait waits for as long as n bytes are to take. Time that was lost is not made up for.
func (p *pace) wait(ctx context.Context, n int) error {
	if p.rate == 0 {
		return nil
	}
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(p.next.Sub(now)):
		return nil
	}
}
