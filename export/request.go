package export

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/orgexport/orgexport/archive"
)

// Request says what to export. Equal requests give equal bytes if data,
// configuration and software are equal, whatever Attempt is. But a manifest tells if sections
// that were to read one moment have not, and when each was read: see [Consistency].
type Request struct {
	Organization Organization

	// JobID names the job and its parts in the spool. Exports that run at the same
	// time need different ones.
	JobID string

	AsOf   time.Time // cut to whole seconds, in UTC
	Format archive.Format

	// Sections are the keys of the sections to export, in any order. Empty means
	// all.
	Sections []string

	// Absent are the keys of sections that were asked for and that this Engine does not
	// have. Each is in the archive's inventory, after all others, as one that failed. If
	// there are some, no Sections means none.
	Absent []string

	// Parts are sealed parts in the spool, from an earlier attempt or job. Their shards do not
	// run again, unless consistency is required and not all sections have parts of one
	// moment. Those of another organization, AsOf, Format or configuration cannot be joined:
	// see [Engine.CheckPart]. [Engine.Export] ignores them.
	Parts []PartID

	// Shards are those that an earlier [Sealer.Plan] has returned for the job, so that a section
	// is split as it was. A section of which none is here is planned anew, unless it has parts.
	// [Engine.Export] ignores them.
	Shards []Shard

	// Helper means that another process has the export: a [Sealer] opens no snapshot, and reads
	// Snapshot, which that process has opened, if there is one.
	Helper   bool
	Snapshot SharedSnapshot

	// RetryOf is the id of the job that this one retries, if any. The manifest names it then,
	// and the job that ran each section: see [ManifestRetry].
	RetryOf string

	// RequestedAt is when the job was requested, cut to whole seconds, in UTC. A retry has the
	// AsOf of another job and is requested later. Defaults to AsOf.
	RequestedAt time.Time

	// Attempt tells the parts of one attempt at the job from another's.
	Attempt int

	// Observe is called when a section starts, at most ten times a second for each
	// section while it runs, and when it has finished. One goroutine calls it at a
	// time, and the export waits for it to return. Optional.
	Observe func(Event)

	// Begin is called when a section begins. It returns a context made from ctx, for
	// the section and for the Spool that takes its part. end is called once: with the
	// event [SectionFinished] when the part is sealed, or with an error of the
	// export. Several goroutines call it at once. Optional.
	Begin func(ctx context.Context, section string) (_ context.Context, end func(Event, error))

	// Rerun is called when a section is to be run again, before the wait for it (see
	// [Config.Reruns]), with the context that Begin has returned. Several goroutines call
	// it at once. Optional.
	Rerun func(ctx context.Context, section string, fault Fault)
}

// check reports everything that is wrong with a request.
func (e *Engine) check(r Request) error {
	var errs []error
	for _, key := range r.Sections {
		if e.byKey[key] == nil {
			errs = append(errs, fmt.Errorf("%w: section %q", ErrNotFound, key))
		}
	}
	for i, key := range r.Absent {
		if err := CheckKey(key); err != nil {
			errs = append(errs, err)
		}
		if e.byKey[key] != nil || slices.Contains(r.Absent[:i], key) {
			errs = append(errs, fmt.Errorf("export: Request.Absent: section %q is there, or named twice", key))
		}
	}
	if r.Organization.ID == "" {
		errs = append(errs, errors.New("export: Request.Organization has no ID"))
	}
	if r.JobID == "" {
		errs = append(errs, errors.New("export: Request.JobID is empty"))
	}
	if r.AsOf.IsZero() {
		errs = append(errs, errors.New("export: Request.AsOf is not set"))
	}
	if r.Format == nil {
		errs = append(errs, errors.New("export: Request.Format is nil"))
	}
	return errors.Join(errs...)
}

// stem names the archive of a request and the one folder at its top.
func (e *Engine) stem(r Request) string {
	slug := cleanElement(r.Organization.Slug)
	if slug == "" {
		slug = cleanElement(r.Organization.ID)
	}
	return e.config.Prefix + "-" + slug + "-" + r.AsOf.UTC().Format("20060102-150405")
}

// run is an export of a request: the request as it was checked, and what follows
// from it.
type run struct {
	Request
	engine   *Engine
	sections []Section // those to export, in the order of the archive
	top      string    // the archive's top folder
	report   *reporter
	quota    *quota
	moment   *moment // what the sections read, or nil; set before they run
	anew     bool    // Parts and Shards of the request do not count

	mu sync.Mutex // guards Parts
}

// newRun checks a request.
func (e *Engine) newRun(r Request) (*run, error) {
	if err := e.check(r); err != nil {
		return nil, err
	}
	r.AsOf = r.AsOf.UTC().Truncate(time.Second)
	if r.RequestedAt.IsZero() {
		r.RequestedAt = r.AsOf
	}
	r.RequestedAt = r.RequestedAt.UTC().Truncate(time.Second)
	r.Parts = slices.Clone(r.Parts) // it grows
	x := &run{
		Request:  r,
		engine:   e,
		sections: e.config.Sections,
		top:      e.stem(r),
		report:   &reporter{observe: r.Observe, split: make(map[string]*splitSection)},
		quota:    &quota{max: e.config.MaxArchiveBytes},
	}
	if len(r.Sections)+len(r.Absent) > 0 {
		x.sections = slices.DeleteFunc(slices.Clone(e.config.Sections), func(s Section) bool {
			return !slices.Contains(r.Sections, s.Key())
		})
	}
	for _, key := range r.Absent {
		x.sections = append(x.sections, absent(key))
	}
	for _, s := range x.sections {
		x.report.splits(s.Key(), len(x.shardsOf(s.Key())))
	}
	return x, nil
}

// newPart returns the id of the part that this run makes of a shard.
func (x *run) newPart(s Shard) PartID {
	return PartID{JobID: x.JobID, Section: s.Section, Shard: s.Number, Attempt: x.Attempt}
}

// section returns a section of the export.
func (x *run) section(key string) Section {
	if s, ok := x.engine.byKey[key]; ok {
		return s
	}
	return absent(key)
}

func (x *run) packing() archive.Options {
	return archive.Options{Level: x.engine.config.Level, Pool: x.engine.config.Pool, Scratch: x.engine.config.Scratch}
}
