package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"sync/atomic"
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
	x, err := e.newRun(r)
	if err = errors.Join(err, e.checkSpace()); err != nil {
		return Result{}, err
	}
	end, err := e.begin(x.part(""))
	if err != nil {
		return Result{}, err
	}
	defer end()
	defer x.deleteParts(ctx)
	return x.export(ctx, dst)
}

// begin notes that an attempt is being exported, until end is called.
func (e *Engine) begin(attempt PartID) (end func(), err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running[attempt] {
		return nil, fmt.Errorf("%w: %s", ErrRunning, attempt.JobID)
	}
	e.running[attempt] = true
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.running, attempt)
	}, nil
}

// Filename returns the name of the archive of a request:
// <prefix>-<slug>-<YYYYMMDD>-<HHMMSS>.<extension>. The organization's id
// stands in for a slug that is empty once it is cleaned.
func (e *Engine) Filename(r Request) string {
	return e.stem(r) + "." + r.Format.Extension()
}

// Seal runs the sections that the request has no part of and leaves their parts
// in the spool. sealed is told of each, by several goroutines at once; if it
// fails, so does Seal. [Engine.Join] makes the archive of what was sealed.
//
// As with [Engine.Export], that a section failed is no error. After an error
// the parts that sealed was told of remain of use.
func (e *Engine) Seal(ctx context.Context, r Request, sealed func(context.Context, PartID, SectionResult) error) error {
	r.Parts = maps.Clone(r.Parts) // sealed may add to it
	x, err := e.newRun(r)
	if err = errors.Join(err, e.checkSpace()); err != nil {
		return err
	}
	return x.runSections(ctx, sealed)
}

// Keys returns the keys of all sections, in the order of the archive.
func (e *Engine) Keys() []string {
	keys := make([]string, len(e.config.Sections))
	for i, s := range e.config.Sections {
		keys[i] = s.Key()
	}
	return keys
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
	x, err := e.newRun(r)
	if err = errors.Join(err, e.checkSpace()); err != nil {
		return SectionResult{}, err
	}
	return x.exportSection(ctx, s)
}

// Join makes one archive of the sealed parts of the request's sections and
// writes it to dst. The parts stay in the spool. A [*PartError] names a part that
// has to be made again; after any error dst is of no use.
func (e *Engine) Join(ctx context.Context, r Request, dst io.Writer) (Result, error) {
	x, err := e.newRun(r)
	if err != nil {
		return Result{}, err
	}
	return x.join(ctx, dst, func(string) error { return nil }, false)
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
