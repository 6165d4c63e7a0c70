package export

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"
)

// Shard is what one part is made of: a section, or a range of one that was split.
type Shard struct {
	Section string

	// Number is that of the shard in its section, from 0, in the order of the archive.
	Number int

	// Range is [Scope.Range] of the shard. It is empty if the section is exported as a whole.
	Range string

	// Config tells by what the section is made, as in its part: one of another configuration has
	// other ranges.
	Config string

	// Local means that only the process that has opened the snapshot can export the shard,
	// because its [Snapshots] is no [SnapshotJoiner].
	Local bool
}

// Whole is the section of a shard as a whole.
func (s Shard) Whole() Shard { return Shard{Section: s.Section, Config: s.Config, Local: s.Local} }

// Same reports whether two shards are of the same range, whoever may export them.
func (s Shard) Same(other Shard) bool {
	other.Local = s.Local
	return s == other
}

// Of reports whether a part is the one of the shard.
func (s Shard) Of(id PartID) bool { return id.Section == s.Section && id.Shard == s.Number }

// SharedSnapshot tells another process of the snapshot that the sections of an export read. The
// zero value is none.
type SharedSnapshot struct {
	// Section is the key of a section that reads the snapshot. All do that have its Snapshots.
	Section string

	ID, Moment string    // of the [Snapshot]
	OpenedAt   time.Time // in UTC
}

// plan returns the shards of the run, in the order of the archive: those that its request
// knows, and one or more of each section that has no part. There is none of a section whose
// parts are all there.
func (x *run) plan(ctx context.Context) ([]Shard, error) {
	var plan []Shard
	for _, s := range x.sections {
		known := x.shardsOf(s.Key())
		if len(known) == 0 && len(x.partsOf(s.Key())) == 0 {
			var err error
			if known, err = x.split(ctx, s); err != nil {
				return nil, err
			}
		}
		plan = append(plan, known...)
	}
	return plan, nil
}

// shardsOf returns the shards of a section that the request knows, by the configuration of this
// engine.
func (x *run) shardsOf(section string) []Shard {
	if len(x.Shards) == 0 { // as of most exports: nothing is to be computed for them
		return nil
	}
	config := x.configOf(section)
	return slices.DeleteFunc(slices.Clone(x.Shards), func(s Shard) bool { return s.Section != section || s.Config != config })
}

// configOf returns [Shard.Config] of a section.
func (x *run) configOf(section string) string {
	sum := x.digest(section)
	return hex.EncodeToString(sum[:16])
}

// Knows reports whether the shards of a request are of this engine's sections and configuration.
func (e *Engine) Knows(r Request) bool {
	x, err := e.newRun(r)
	return err == nil && !slices.ContainsFunc(r.Shards, func(s Shard) bool { return s.Config != x.configOf(s.Section) })
}

// split returns the shards of a section. One that cannot be split is exported as a whole.
func (x *run) split(ctx context.Context, s Section) ([]Shard, error) {
	whole := x.whole(s.Key())
	splitter, ok := s.(Splitter)
	if !ok {
		return []Shard{whole}, nil
	}
	ranges, err := x.ranges(ctx, s, splitter)
	if err != nil || len(ranges) < 2 {
		return []Shard{whole}, err
	}
	all := make([]Shard, len(ranges))
	for i, r := range ranges {
		all[i] = whole
		all[i].Number, all[i].Range = i, r
	}
	x.report.splits(whole.Section, len(all))
	return all, nil
}

// whole is a section as a whole.
func (x *run) whole(section string) Shard {
	return Shard{Section: section, Config: x.configOf(section), Local: x.moment.reads(x.section(section)) && !x.moment.shared()}
}

// ranges asks a section for its ranges, again if the machine fails it. There are none if it does
// not tell: then its export does, most likely.
func (x *run) ranges(ctx context.Context, s Section, splitter Splitter) ([]string, error) {
	for again := 1; ; again++ {
		last := again > x.engine.config.Reruns
		ranges, err := x.rangesOnce(ctx, s, splitter, last)
		if err == nil {
			return ranges, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if _, required := errors.AsType[*ConsistencyError](err); required {
			return nil, err
		}
		fault := sectionFault(err)
		if fault == "" || last {
			x.engine.config.Logger.WarnContext(ctx, "a section is not split", "job", x.JobID, "organization", x.Organization.ID,
				"section", s.Key(), "error", sectionText(err))
			return nil, nil
		}
		if err := x.waitForRerun(ctx, s.Key(), fault, again); err != nil {
			return nil, err
		}
	}
}

func (x *run) rangesOnce(ctx context.Context, s Section, splitter Splitter, last bool) (ranges []string, err error) {
	reads, err := x.read(ctx, s, last)
	if err != nil {
		return nil, err
	}
	if timeout := x.engine.config.limits(s.Key()).Timeout; timeout >= 0 {
		limited, stop := context.WithTimeoutCause(ctx, timeout, timeoutError(timeout))
		defer stop()
		ctx = limited
	}
	defer func() {
		if v := recover(); v != nil {
			err = asPanicError(v)
		}
	}()
	return splitter.Split(ctx, reads.scope(x, Shard{}))
}

// partsOf returns the parts of a section that there are, in the order of its shards.
func (x *run) partsOf(section string) []PartID {
	x.mu.Lock()
	defer x.mu.Unlock()
	return sortedParts(x.Parts, section)
}

// sortedParts returns those of a section, in the order of its shards.
func sortedParts(parts []PartID, section string) []PartID {
	parts = slices.DeleteFunc(slices.Clone(parts), func(id PartID) bool { return id.Section != section })
	slices.SortFunc(parts, func(a, b PartID) int { return cmp.Compare(a.Shard, b.Shard) })
	return parts
}

// isSealed reports whether the part of a shard is there.
func (x *run) isSealed(s Shard) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.Parts, s.Of)
}

// addPart notes that a part is there.
func (x *run) addPart(id PartID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.Parts = append(x.Parts, id)
}

// dropSection forgets the parts of a section, and deletes them.
func (x *run) dropSection(ctx context.Context, section string) error {
	ids := x.partsOf(section)
	x.mu.Lock()
	x.Parts = slices.DeleteFunc(x.Parts, func(id PartID) bool { return id.Section == section })
	x.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, x.engine.config.Spool.Delete(ctx, id))
	}
	return errors.Join(errs...)
}
