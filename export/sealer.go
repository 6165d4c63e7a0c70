package export

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Sealer seals parts of an export in this process, those of the shards that it is told to.
// [Engine.Seal] seals all of them; with Sealers several processes that share a spool do it: one
// has the export, plans it with [Sealer.Plan] and makes the archive with [Engine.Join]. The
// others help: see [Request.Helper]. Make one with [Engine.NewSealer] and Close it. It is safe
// for concurrent use.
type Sealer struct{ run *run }

// NewSealer returns a Sealer for a request. It has read the ends of parts, and opened nothing.
func (e *Engine) NewSealer(ctx context.Context, r Request) (*Sealer, error) {
	x, err := e.newRun(r)
	if err = errors.Join(err, e.checkSpace()); err != nil {
		return nil, err
	}
	if r.Helper {
		x.moment, err = x.joinMoment(ctx)
		return &Sealer{x}, err
	}
	if err := x.dropParts(ctx); err != nil {
		return nil, err
	}
	x.moment = x.newMoment(ctx)
	return &Sealer{x}, nil
}

// Plan returns the shards of the export, in the order of the archive, those that have a part
// already and were known to the request included. anew means that Parts and Shards of the
// request do not count any more, because consistency is required and they are of another
// moment, or may be. An error is that of the export.
func (s *Sealer) Plan(ctx context.Context) (shards []Shard, anew bool, err error) {
	shards, err = s.run.plan(ctx)
	return shards, s.run.anew, err
}

// Snapshot returns the snapshot that the shards read, for other processes, and opens it if
// that has not been done. There is none if no shard of these reads it, if other processes
// cannot, or if it cannot be opened and is not required.
func (s *Sealer) Snapshot(ctx context.Context, shards []Shard) (SharedSnapshot, error) {
	x := s.run
	reads := slices.ContainsFunc(shards, func(s Shard) bool { return !x.isSealed(s) && x.moment.reads(x.section(s.Section)) })
	if !reads || !x.moment.shared() {
		return SharedSnapshot{}, nil
	}
	for again := 1; ; again++ {
		snapshot, openedAt, err := x.moment.join(ctx, again > x.engine.config.Reruns)
		failed, rerun := errors.AsType[*rerunError](err)
		switch {
		case rerun:
			if err := x.waitForRerun(ctx, x.moment.section, failed.fault, again); err != nil {
				return SharedSnapshot{}, err
			}
		case err != nil || snapshot == nil:
			return SharedSnapshot{}, err
		default:
			return SharedSnapshot{Section: x.moment.section, ID: snapshot.ID(), Moment: snapshot.Moment(), OpenedAt: openedAt.UTC()}, nil
		}
	}
}

// Estimate returns about how many bytes the sections will write before they are packed, as far as
// they tell: see [Estimator].
func (s *Sealer) Estimate(ctx context.Context) (bytes int64) {
	x := s.run
	for _, section := range x.sections {
		e, ok := section.(Estimator)
		if !ok {
			continue
		}
		n, err := e.Estimate(ctx, Scope{Organization: x.Organization, JobID: x.JobID, AsOf: x.AsOf})
		if err != nil {
			x.engine.config.Logger.WarnContext(ctx, "it is not known how large a section will be", "job", x.JobID,
				"organization", x.Organization.ID, "section", section.Key(), "error", sectionText(err))
			continue
		}
		bytes += n
	}
	return bytes
}

// Seal exports a shard and leaves its part in the spool. A section that fails is no error: the
// result says so. An error is that of the export.
func (s *Sealer) Seal(ctx context.Context, shard Shard) (PartID, SectionResult, error) {
	result, err := s.run.exportShard(ctx, shard)
	return s.run.newPart(shard), result, err
}

// Left tells which shards are still to be sealed, by any process. If none of them reads the
// snapshot it is closed.
func (s *Sealer) Left(shards []Shard) {
	x := s.run
	if !slices.ContainsFunc(shards, func(s Shard) bool { return x.moment.reads(x.section(s.Section)) }) {
		x.moment.stop()
	}
}

// Close ends the use of the snapshot. It is called when no Seal runs any more.
func (s *Sealer) Close() { s.run.moment.stop() }

// SealAll seals the shards that have no part, in order, a few at a time, and hands on each part.
// A shard keeps its place until its part is taken, so that parts do not pile up before a slow
// destination.
func (s *Sealer) SealAll(ctx context.Context, shards []Shard, taken func(context.Context, PartID, SectionResult) error) error {
	left := slices.DeleteFunc(slices.Clone(shards), s.run.isSealed)
	var mu sync.Mutex // guards left
	ended := func(shard Shard) (more bool) {
		mu.Lock()
		defer mu.Unlock()
		left = slices.DeleteFunc(left, func(s Shard) bool { return s == shard })
		s.Left(left)
		return slices.ContainsFunc(left, func(s Shard) bool { return s.Section == shard.Section })
	}
	running, ctx := errgroup.WithContext(ctx)
	running.SetLimit(s.run.engine.config.Concurrency)
	for _, shard := range slices.Clone(left) {
		running.Go(func() error {
			if ctx.Err() != nil { // while it waited for its place
				return context.Cause(ctx)
			}
			id, result, err := s.Seal(ctx, shard)
			more := ended(shard)
			switch {
			case err != nil:
				return err
			case shard.Range == "":
				return taken(ctx, id, result)
			case more:
				return nil
			}
			return s.takeShards(ctx, shard.Section, taken)
		})
	}
	return running.Wait()
}

// takeShards hands on the parts of a section that was split, once all are sealed. If they cannot be
// joined it exports the section as a whole.
func (s *Sealer) takeShards(ctx context.Context, section string, taken func(context.Context, PartID, SectionResult) error) error {
	x := s.run
	ids := x.partsOf(section)
	bad, err := s.Unjoinable(ctx, ids)
	if err != nil {
		return err
	}
	if bad != "" {
		if err := x.dropSection(ctx, section); err != nil {
			return err
		}
		id, result, err := s.Seal(ctx, x.whole(section))
		if err != nil {
			return err
		}
		return taken(ctx, id, result)
	}
	results := make([]SectionResult, len(ids))
	for i, id := range ids {
		result, err := x.resultOf(ctx, id)
		if err != nil {
			return partError(id, err)
		}
		results[i] = result.SectionResult
	}
	for i, id := range ids { // whoever takes the first may delete all
		if err := taken(ctx, id, results[i]); err != nil {
			return err
		}
	}
	return nil
}
