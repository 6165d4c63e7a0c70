package jobs

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/orgexport/orgexport/export"
)

const (
	// sweepPause is the pause after each job that a sweep looks up, so that it does
	// not slow other users of the store. 100,000 archives take some minutes.
	sweepPause = 2 * time.Millisecond

	// sweepFailures is after how many failures a sweep gives up. Each sweep takes
	// the jobs in another order, so that jobs which always fail do not hide others
	// for long.
	sweepFailures = 10
)

// Sweep deletes once what nobody else deletes: archives and parts that an ended job
// does not need, and unfinished files of processes that have ended (see
// [export.Sweeper]). A worker that was cut off may commit such an archive or part
// after its job was purged. Any number of sweeps may run at once, on any nodes. What
// one sweep does not delete, the next one does.
//
// Sweep finds parts only in a spool that is an [export.JobLister]. It leaves alone
// and logs what belongs to no job of the store: it may be another installation's, or
// the store may have been restored from a backup.
func (s *Service) Sweep(ctx context.Context) error {
	w := &sweep{service: s}
	err := errors.Join(w.unfinished(ctx), w.archives(ctx), w.parts(ctx))
	w.report(ctx)
	if err != nil {
		return fmt.Errorf("jobs: sweep: %w", err)
	}
	return nil
}

// sweep is one call of [Service.Sweep].
type sweep struct {
	service         *Service
	archivesDeleted int
	partsDeleted    int

	unknownArchives int // archives of no job of the store
	unknownJobs     int // jobs that have parts and are not in the store
}

// unfinished removes the unfinished files of processes that have ended.
func (w *sweep) unfinished(ctx context.Context) error {
	var errs []error
	for _, port := range []any{w.service.spool(), w.service.config.Destination} {
		if sweeper, ok := port.(export.Sweeper); ok {
			errs = append(errs, sweeper.Sweep(ctx))
		}
	}
	return errors.Join(errs...)
}

// archives deletes the archives that ended jobs do not need. An ended job never runs
// again and needs less and less. So it does no harm if the job has changed since it
// was looked up, or if others delete at the same time.
func (w *sweep) archives(ctx context.Context) error {
	all, err := w.service.config.Destination.List(ctx, "")
	if err != nil {
		return err
	}
	ofJob := make(map[string][]string) // by object prefix
	for _, key := range all {
		if prefix, ok := parseObjectKey(key); ok {
			ofJob[prefix] = append(ofJob[prefix], key)
		} else {
			w.unknownArchives++
		}
	}
	return eachJob(ctx, ofJob, func(prefix string, keys []string) error {
		organizationID, jobID := ownerOf(prefix)
		job, err := w.service.config.Store.Get(ctx, organizationID, jobID)
		if errors.Is(err, export.ErrNotFound) {
			w.unknownArchives += len(keys)
			return nil
		}
		if err != nil || job.Status.InFlight() {
			return err
		}
		n, err := deleteBut(ctx, keys, []string{job.ObjectKey}, w.service.config.Destination.Delete)
		w.archivesDeleted += n
		return err
	})
}

// parts deletes the parts that ended jobs do not need. Parts for a retry stand in the
// job's row until they are purged.
func (w *sweep) parts(ctx context.Context) error {
	lister, ok := w.service.spool().(export.JobLister)
	if !ok {
		return nil
	}
	ids, err := lister.Jobs(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	list := make(map[string]bool)
	for _, id := range ids {
		list[id] = true
	}
	return eachJob(ctx, list, func(jobID string, _ bool) error {
		job, err := w.service.jobByID(ctx, jobID)
		if errors.Is(err, export.ErrNotFound) {
			w.unknownJobs++
			return nil
		}
		if err != nil || job.Status.InFlight() {
			return err
		}
		n, err := w.service.deleteParts(ctx, job)
		w.partsDeleted += n
		return err
	})
}

// eachJob calls do for each job, in no order and with a pause after each.
func eachJob[V any](ctx context.Context, list map[string]V, do func(job string, of V) error) error {
	var errs []error
	for job, of := range list {
		if err := do(job, of); err != nil {
			errs = append(errs, err)
		}
		if len(errs) == sweepFailures {
			break
		}
		select {
		case <-ctx.Done():
			return errors.Join(append(errs, context.Cause(ctx))...)
		case <-time.After(sweepPause):
		}
	}
	return errors.Join(errs...)
}

// report logs what the sweep has found.
func (w *sweep) report(ctx context.Context) {
	log := w.service.config.Logger
	if w.archivesDeleted+w.partsDeleted > 0 {
		log.InfoContext(ctx, "what was left over is deleted", "archives", w.archivesDeleted, "parts", w.partsDeleted)
	}
	if w.unknownArchives+w.unknownJobs > 0 {
		log.WarnContext(ctx, "what belongs to no known job is left alone",
			"archives", w.unknownArchives, "jobs_with_parts", w.unknownJobs)
	}
}

// keepSweeping calls Sweep from time to time until ctx ends.
func (s *Service) keepSweeping(ctx context.Context) {
	if s.config.SweepEvery < 0 {
		return
	}
	next := time.NewTimer(s.firstSweep())
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.ErrorContext(ctx, "sweep not finished, to be tried again", "error", err)
		}
		next.Reset(s.config.SweepEvery)
	}
}

// firstSweep is how long after its start a node first sweeps. It differs by node, so
// that nodes which start together do not sweep together.
func (s *Service) firstSweep() time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.config.Node)) // never fails
	return time.Duration(h.Sum64() % uint64(s.config.SweepEvery))
}
