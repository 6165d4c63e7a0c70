package export

import (
	"cmp"
	"context"
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

	// Local means that only the process that has opened the snapshot can export the shard,
	// because its [Snapshots] is no [SnapshotJoiner].
	Local bool
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

// shardsOf returns the shards of a section that the request knows.
func (x *run) shardsOf(section string) []Shard {
	return slices.DeleteFunc(slices.Clone(x.Shards), func(s Shard) bool { return s.Section != section })
}

// split returns the shards of a section.
func (x *run) split(_ context.Context, s Section) ([]Shard, error) {
	return []Shard{{Section: s.Key(), Local: x.moment.reads(s) && !x.moment.shared()}}, nil
}

// partsOf returns the parts of a section that there are, in the order of its shards.
func (x *run) partsOf(section string) []PartID {
	x.mu.Lock()
	defer x.mu.Unlock()
	parts := slices.DeleteFunc(slices.Clone(x.Parts), func(id PartID) bool { return id.Section != section })
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
