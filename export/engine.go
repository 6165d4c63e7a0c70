package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/orgexport/orgexport/archive"
)

// Engine runs exports: it starts sections, packs what they write into parts,
// and joins the parts into one archive. Make one with [New]. It is safe for
// concurrent use; exports share its packers and its spool.
type Engine struct {
	config Config
	byKey  map[string]Section
	stuck  atomic.Int64

	mu      sync.Mutex
	running map[PartID]bool // attempts at jobs that Export is at, no section named
}

// New makes an Engine. The error names every problem of the configuration.
func New(c Config) (*Engine, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	e := &Engine{config: c, byKey: make(map[string]Section), running: make(map[PartID]bool)}
	for _, s := range c.Sections {
		e.byKey[s.Key()] = s
	}
	return e, nil
}

// Stuck is the number of sections that were given up, because they did not
// return within the grace after they were told to stop, and that have not
// returned since. Each of them holds a goroutine and whatever it has opened.
func (e *Engine) Stuck() int64 { return e.stuck.Load() }

// Request says what to export. Equal requests over equal data, configuration
// and software give equal bytes, whatever Attempt is.
type Request struct {
	Organization Organization

	// JobID names the job, and its parts in the spool: exports that run at the
	// same time need different ones.
	JobID string

	AsOf   time.Time // cut to whole seconds, in UTC
	Format archive.Format

	// Sections are the keys of the sections to export, in any order. Empty means
	// all.
	Sections []string

	// Parts are those that an earlier attempt or job has sealed in the spool, by
	// section, and that are to be used instead of running their sections. They
	// must be of the same organization, AsOf and Format. Export does not take
	// any.
	Parts map[string]PartID

	// Attempt tells the parts of one attempt at the job from another's.
	Attempt int

	// Observe is told of progress: that a section started, at most ten times a
	// second for each section how far it is, and that it finished. It is called
	// by one goroutine at a time and holds up the export until it returns.
	// Optional.
	Observe func(Event)

	// Begin is told that a section has its turn, and returns the context for the
	// section and for the Spool that takes its part: see [jobs.Observer.Section]. It
	// is called by several goroutines at once. Optional.
	Begin func(ctx context.Context, section string) (_ context.Context, end func(Event, error))
}

func (e *Engine) check(r Request) error {
	var errs []error
	for _, key := range r.Sections {
		if e.byKey[key] == nil {
			errs = append(errs, fmt.Errorf("%w: section %q", ErrNotFound, key))
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

func (r Request) asOf() time.Time { return r.AsOf.UTC().Truncate(time.Second) }

// part is the part of a section that this request made, or was given.
func (r Request) part(key string) PartID {
	if id, ok := r.Parts[key]; ok {
		return id
	}
	return PartID{JobID: r.JobID, Section: key, Attempt: r.Attempt}
}

// Filename is the name of the archive of a request:
// <prefix>-<slug>-<YYYYMMDD>-<HHMMSS>.<extension>. The organization's id
// stands in for a slug that is empty once it is cleaned.
func (e *Engine) Filename(r Request) string {
	return e.stem(r) + "." + r.Format.Extension()
}

// stem names the archive and the one folder at its top.
func (e *Engine) stem(r Request) string {
	slug := cleanElement(r.Organization.Slug)
	if slug == "" {
		slug = cleanElement(r.Organization.ID)
	}
	return e.config.Prefix + "-" + slug + "-" + r.asOf().Format("20060102-150405")
}

// Export runs all sections and writes the archive to dst. Parts wait in the
// spool for their turn and are deleted when they have been joined or the
// export fails.
//
// That sections failed is no error: it stands in the Result and in the
// manifest. An error means that there is no archive and that dst is of no
// use: the spool, dst or the context failed, the archive became too large, a
// required section did not reach ok or empty (a [*RequiredError]), or this
// Engine is exporting the same attempt at the same job already ([ErrRunning]).
func (e *Engine) Export(ctx context.Context, r Request, dst io.Writer) (Result, error) {
	r.Parts = nil
	if err := errors.Join(e.check(r), e.checkSpace()); err != nil {
		return Result{}, err
	}
	end, err := e.begin(r)
	if err != nil {
		return Result{}, err
	}
	defer end()
	defer e.deleteParts(ctx, r)
	var result Result
	report := &reporter{observe: r.Observe}
	sealed := make(map[string]chan struct{})
	for _, s := range e.sections(r) {
		sealed[s.Key()] = make(chan struct{})
	}
	run, ctx := errgroup.WithContext(ctx)
	run.Go(func() error {
		return e.runSections(ctx, r, report, func(ctx context.Context, id PartID, _ SectionResult) error {
			select {
			case sealed[id.Section] <- struct{}{}:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
	run.Go(func() (err error) {
		result, err = e.join(ctx, r, dst, func(key string) error {
			select {
			case <-sealed[key]:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}, true)
		return err
	})
	err = run.Wait()
	return result, err
}

// begin notes that an attempt is being exported, until end is called.
func (e *Engine) begin(r Request) (end func(), err error) {
	id := r.part("")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[id] {
		return nil, fmt.Errorf("%w: %s", ErrRunning, r.JobID)
	}
	e.running[id] = true
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.running, id)
	}, nil
}

// runSections runs the sections that have no part yet, in order, a few at a
// time, and hands on each part that was sealed. A section keeps its place until
// its part is taken, so that parts do not pile up before a slow destination.
func (e *Engine) runSections(ctx context.Context, r Request, report *reporter, taken func(context.Context, PartID, SectionResult) error) error {
	sections, ctx := errgroup.WithContext(ctx)
	sections.SetLimit(e.config.Concurrency)
	q := e.newQuota()
	for _, s := range e.sections(r) {
		if _, sealed := r.Parts[s.Key()]; sealed {
			continue
		}
		sections.Go(func() error {
			if ctx.Err() != nil { // while it waited for its place
				return context.Cause(ctx)
			}
			result, err := e.exportSection(ctx, r, s, report, q)
			if err != nil {
				return err
			}
			return taken(ctx, r.part(s.Key()), result)
		})
	}
	return sections.Wait()
}

// Seal runs the sections that the request has no part of and leaves their parts
// in the spool. sealed is told of each, by several goroutines at once; if it
// fails, so does Seal. [Engine.Join] makes the archive of what was sealed.
//
// As with [Engine.Export], that a section failed is no error. After an error
// the parts that sealed was told of remain of use.
func (e *Engine) Seal(ctx context.Context, r Request, sealed func(context.Context, PartID, SectionResult) error) error {
	if err := errors.Join(e.check(r), e.checkSpace()); err != nil {
		return err
	}
	r.Parts = maps.Clone(r.Parts) // sealed may add to it
	return e.runSections(ctx, r, &reporter{observe: r.Observe}, sealed)
}

// Keys are the keys of all sections, in the order of the archive.
func (e *Engine) Keys() []string {
	keys := make([]string, len(e.config.Sections))
	for i, s := range e.config.Sections {
		keys[i] = s.Key()
	}
	return keys
}

// sections are those that a request asks for, in the order of the archive.
func (e *Engine) sections(r Request) []Section {
	if len(r.Sections) == 0 {
		return e.config.Sections
	}
	return slices.DeleteFunc(slices.Clone(e.config.Sections), func(s Section) bool {
		return !slices.Contains(r.Sections, s.Key())
	})
}

// ExportSection runs one section and seals its part in the spool. A section
// that failed is no error: see the result. [Engine.Join] makes the archive
// once every section has its part, on this machine or another that shares the
// spool.
func (e *Engine) ExportSection(ctx context.Context, r Request, key string) (SectionResult, error) {
	s, ok := e.byKey[key]
	if !ok {
		return SectionResult{}, fmt.Errorf("%w: section %q", ErrNotFound, key)
	}
	if err := errors.Join(e.check(r), e.checkSpace()); err != nil {
		return SectionResult{}, err
	}
	return e.exportSection(ctx, r, s, &reporter{observe: r.Observe}, e.newQuota())
}

// Join makes one archive of the sealed parts of the request's sections and
// writes it to dst. The parts stay in the spool. A [*PartError] names a part that
// has to be made again; after any error dst is of no use.
func (e *Engine) Join(ctx context.Context, r Request, dst io.Writer) (Result, error) {
	if err := e.check(r); err != nil {
		return Result{}, err
	}
	return e.join(ctx, r, dst, func(string) error { return nil }, false)
}

// CheckPart returns why a part cannot be joined, as far as its end tells: a
// [*PartError] if it has to be made again, else an error of the spool.
func (e *Engine) CheckPart(ctx context.Context, id PartID) error {
	p, err := openPart(ctx, e.config.Spool, id)
	if err == nil {
		p.close()
	}
	return partError(id, err)
}

// Spool returns where the engine keeps its parts.
func (e *Engine) Spool() Spool { return e.config.Spool }

// checkSpace refuses to start an export that would soon fill the disk.
func (e *Engine) checkSpace() error {
	spool, ok := e.config.Spool.(FreeSpacer)
	if !ok || e.config.MinFreeBytes < 0 {
		return nil
	}
	free, err := spool.FreeSpace()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return fmt.Errorf("export: free space of the spool: %w", err)
	case free < e.config.MinFreeBytes:
		return fmt.Errorf("%w: %d bytes in the spool, want %d", ErrNoSpace, free, e.config.MinFreeBytes)
	}
	return nil
}

// deleteParts removes what is left in the spool, also when ctx has ended.
func (e *Engine) deleteParts(ctx context.Context, r Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	for _, s := range e.sections(r) {
		key := s.Key()
		if err := e.config.Spool.Delete(ctx, r.part(key)); err != nil {
			e.config.Logger.ErrorContext(ctx, "part not deleted", "job", r.JobID, "section", key, "error", err)
		}
	}
}

func (e *Engine) newQuota() *quota { return &quota{max: e.config.MaxArchiveBytes} }

func (e *Engine) packing() archive.Options {
	return archive.Options{Level: e.config.Level, Pool: e.config.Pool, Scratch: e.config.Scratch}
}
