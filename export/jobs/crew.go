package jobs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/export"
)

// The job's own worker looks again for shards that helpers have sealed or left after a tenth of the
// time that it has waited, but not more often or more seldom than this.
const (
	lookSoonest = 50 * time.Millisecond
	lookLatest  = time.Second
)

// errRefused ends the work of a helper that cannot make a shard.
var errRefused = errors.New("jobs: the helper cannot make a shard")

// seal seals the parts of a request that are missing, with other workers if they may help. It adds
// them to the request, and the shards that they are made of.
func (s *Service) seal(ctx context.Context, l *lease, job Job, r *export.Request) error {
	sealer, err := s.config.Engine.NewSealer(ctx, *r)
	if err != nil {
		return err
	}
	defer sealer.Close()
	shards, anew, err := sealer.Plan(ctx)
	if err != nil {
		return err
	}
	split := slices.ContainsFunc(shards, func(s export.Shard) bool { return s.Range != "" })
	open := len(shards) > 1 && s.fansOut(ctx, job, sealer)
	if !split && !open && len(job.Shards) == 0 {
		return s.sealAlone(ctx, l, sealer, shards, r)
	}
	var snapshot export.SharedSnapshot
	if open {
		if snapshot, err = sealer.Snapshot(ctx, shards); err != nil {
			return err
		}
	}
	job, _, err = l.update(ctx, s.rules.share(shards, anew, open, r.Organization, snapshot))
	if err != nil {
		return err
	}
	s.callHelpers(ctx, job)
	crew := &crew{service: s, lease: l, sealer: sealer, organization: r.Organization, job: job}
	if err := crew.run(ctx); err != nil {
		return err
	}
	r.Parts, r.Shards = crew.job.Parts, crew.job.plan()
	return nil
}

// sealAlone seals all shards in this process.
func (s *Service) sealAlone(ctx context.Context, l *lease, sealer *export.Sealer, shards []export.Shard, r *export.Request) error {
	var mu sync.Mutex // guards r.Parts: sections end at the same time
	return sealer.SealAll(ctx, shards, func(ctx context.Context, id export.PartID, result export.SectionResult) error {
		mu.Lock()
		r.Parts = append(slices.DeleteFunc(r.Parts, func(old export.PartID) bool { return old.Section == id.Section }), id)
		mu.Unlock()
		_, _, err := l.update(ctx, s.rules.addPart(id, result, r.Organization))
		return err
	})
}

// fansOut reports whether other workers may help with a job.
func (s *Service) fansOut(ctx context.Context, job Job, sealer *export.Sealer) bool {
	switch job.FanOut {
	case FanOutOn:
		return true
	case FanOutOff:
		return false
	case FanOutDefault:
	}
	return s.config.FanOut && (s.config.FanOutFrom == 0 || sealer.Estimate(ctx) >= s.config.FanOutFrom)
}

// callHelpers wakes a worker up if there are shards that nobody has. It wakes the next one.
func (s *Service) callHelpers(ctx context.Context, job Job) {
	if job.Offers() {
		s.dispatch(ctx, job)
	}
}

// help exports shards of a job that another worker has, as long as that offers some.
func (s *Service) help(ctx context.Context, l *lease, job Job) error {
	defer s.leave(l)
	s.callHelpers(ctx, job)
	leased, release := l.start()
	s.crowd(leased, l)
	failure := s.helpWhileLeased(leased, release, l, job)
	log := s.log(job).With("worker", l.worker)
	if errors.Is(failure, errLeaseLost) {
		log.InfoContext(ctx, "work on the job ended", "reason", failure)
		return nil
	}
	if failure != nil {
		s.refuseHelp()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Lease)
	defer cancel()
	if failure != nil && permanent(failure) {
		log.WarnContext(ctx, "job failed", "error", failure)
		job, steps, err := l.update(ctx, s.rules.fail(export.PublicTextOr(failure, "The export could not be made.")))
		s.tell(ctx, job, steps)
		return err
	}
	job, _, err := l.update(ctx, s.rules.leave(l.worker))
	if errors.Is(err, errLeaseLost) {
		return nil
	}
	s.callHelpers(ctx, job)
	return err
}

// helpPause is how long a process that could not help with a job helps with none. What is wrong may be
// its own, such as a full disk.
const helpPause = time.Minute

// refuseHelp notes that this process could not help.
func (s *Service) refuseHelp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusedAt = time.Now()
}

// helps reports whether this process may help with jobs of others now.
func (s *Service) helps() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusedAt.IsZero() || time.Since(s.refusedAt) >= helpPause
}

// helpWhileLeased exports shards until there are no more, and releases the lease.
func (s *Service) helpWhileLeased(ctx context.Context, release func(), l *lease, job Job) error {
	defer release()
	r, err := s.workRequest(l, job)
	if err != nil {
		return err
	}
	r.Helper, r.Snapshot = true, job.Snapshot
	sealer, err := s.config.Engine.NewSealer(ctx, r)
	if err != nil {
		return err
	}
	defer sealer.Close()
	crew := &crew{service: s, lease: l, sealer: sealer, organization: r.Organization, job: job}
	if err = crew.run(ctx); err != nil && ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	return err
}

// crew exports shards of a job in this process, as many at once as the engine allows.
type crew struct {
	service *Service
	lease   *lease
	sealer  *export.Sealer

	organization export.Organization

	mu    sync.Mutex
	job   Job            // as it was seen last
	taken []export.Shard // by this process
}

// run exports shards as long as there are some for this worker. The job's own worker goes on until
// all are sealed, by whomever.
func (c *crew) run(ctx context.Context) error {
	places := make(chan struct{}, c.service.config.Engine.Concurrency())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for {
			select {
			case places <- struct{}{}:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			shard, err := c.next(ctx)
			if errors.Is(err, errNothingToDo) {
				return nil
			}
			if err != nil {
				return err
			}
			group.Go(func() error {
				defer func() { <-places }()
				return c.export(ctx, shard)
			})
		}
	})
	return group.Wait()
}

// next returns a shard that this worker has now. The error is errNothingToDo if there is none for
// it, and none to come.
func (c *crew) next(ctx context.Context) (export.Shard, error) {
	began := time.Now()
	for {
		shard, err := c.take(ctx)
		if !errors.Is(err, errNothingToDo) || c.lease.helps {
			return shard, err
		}
		if parts, done := c.isDone(); done {
			section, unjoinable := c.sealer.Unjoinable(ctx, parts)
			if section == "" || unjoinable != nil {
				return shard, cmp.Or(unjoinable, err)
			}
			if _, _, err := c.lease.update(ctx, c.service.rules.unsplit(section)); err != nil {
				return shard, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return export.Shard{}, context.Cause(ctx)
		case <-time.After(min(max(time.Since(began)/10, lookSoonest), lookLatest)):
		}
	}
}

// take takes the next shard that is free.
func (c *crew) take(ctx context.Context) (shard export.Shard, err error) {
	l := c.lease
	_, _, err = l.update(ctx, func(now time.Time, j *Job) ([]Step, error) {
		steps, err := c.service.rules.take(l.worker, !l.helps, c.knows, &shard)(now, j)
		c.see(*j)
		return steps, err
	})
	if err == nil {
		c.taken = append(c.taken, shard)
	}
	return shard, err
}

// knows reports whether this process has taken a shard.
func (c *crew) knows(shard export.Shard) bool {
	return slices.ContainsFunc(c.taken, shard.Same)
}

// export exports a shard and notes its part.
func (c *crew) export(ctx context.Context, shard export.Shard) error {
	l := c.lease
	id, result, err := c.sealer.Seal(ctx, shard)
	if err == nil {
		job, _, err := l.update(ctx, c.service.rules.sealShard(l.worker, shard, id, result, c.organization))
		if err == nil {
			c.see(job)
		}
		return err
	}
	if !l.helps || ctx.Err() != nil || permanent(err) {
		return err
	}
	c.service.config.Logger.WarnContext(ctx, "the job's own worker is to export what this one cannot", "job", l.jobID, "section", shard.Section, "error", err)
	_, _, err = l.update(ctx, c.service.rules.refuse(shard))
	return errors.Join(errRefused, err)
}

// see takes note of the job. The snapshot is closed when nobody is to read it any more.
func (c *crew) see(job Job) {
	c.mu.Lock()
	c.job = job.Clone()
	c.mu.Unlock()
	if !c.lease.helps {
		c.sealer.Left(job.left())
	}
}

// isDone reports whether all shards of the job were sealed when it was seen last, and returns the
// parts.
func (c *crew) isDone() ([]export.PartID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.job.Parts, len(c.job.left()) == 0
}
