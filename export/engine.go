package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Engine runs exports: it starts sections, packs their files into parts and joins
// the parts into one archive. Make one with [New]. It is safe for concurrent use.
// Exports share its packers and its spool.
type Engine struct {
	config Config
	byKey  map[string]Section
	stuck  atomic.Int64

	mu      sync.Mutex
	running map[PartID]bool // the attempts that Export is running; no section is named
}

// New returns an Engine. The error names every problem of the configuration.
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

// Stuck returns the number of sections that were told to stop, were given up after
// the grace and have not returned yet. Each of them holds a goroutine and all that
// it has opened.
func (e *Engine) Stuck() int64 { return e.stuck.Load() }

// Export runs all sections and writes the archive to dst. Parts wait in the
// spool for their turn and are deleted when they have been joined or the
// export fails.
//
// A section that fails is no error: the Result and the manifest say so. An error
// means that there is no archive and that dst is of no use: the spool or dst
// failed, ctx ended, the archive became too large ([ErrTooLarge]), a required
// section did not reach ok or empty (a [*RequiredError]), or this Engine is running
// the same attempt at the same job already ([ErrRunning]).
func (e *Engine) Export(ctx context.Context, r Request, dst io.Writer) (Result, error) {
	r.Parts, r.Shards, r.Helper = nil, nil, false
	s, err := e.NewSealer(ctx, r)
	if err != nil {
		return Result{}, err
	}
	defer s.Close()
	end, err := e.begin(PartID{JobID: r.JobID, Attempt: r.Attempt})
	if err != nil {
		return Result{}, err
	}
	defer end()
	defer s.run.deleteParts(ctx)
	return s.export(ctx, dst)
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

// Seal runs the sections of which the request has no part, and leaves their parts in
// the spool. It calls sealed with each part, from several goroutines at once; if
// sealed fails, so does Seal. [Engine.Join] makes the archive of the parts.
//
// A section that fails is no error. After an error the parts that sealed has got can
// still be used.
func (e *Engine) Seal(ctx context.Context, r Request, sealed func(context.Context, PartID, SectionResult) error) error {
	s, err := e.NewSealer(ctx, r)
	if err != nil {
		return err
	}
	defer s.Close()
	shards, _, err := s.Plan(ctx)
	if err != nil {
		return err
	}
	return s.SealAll(ctx, shards, sealed)
}

// Keys returns the keys of all sections, in the order of the archive.
func (e *Engine) Keys() []string {
	keys := make([]string, len(e.config.Sections))
	for i, s := range e.config.Sections {
		keys[i] = s.Key()
	}
	return keys
}

// Required reports whether an export fails without a section: see [SectionOptions].
func (e *Engine) Required(key string) bool { return e.config.Options[key].Required }

// Concurrency is how many sections run at once: see [Config].
func (e *Engine) Concurrency() int { return e.config.Concurrency }

// Join makes one archive of the sealed parts of the request's sections and writes it
// to dst. The parts stay in the spool. The error is a [*PartError] if a part has to
// be made again. After any error dst is of no use.
func (e *Engine) Join(ctx context.Context, r Request, dst io.Writer) (Result, error) {
	x, err := e.newRun(r)
	if err != nil {
		return Result{}, err
	}
	return x.join(ctx, dst, func(string) error { return nil }, false)
}

// CheckPart reports whether a part can be joined into the archive of a request, by a look
// at its end only. The error is a [*PartError] if the part has to be made again, because
// this engine would make another one, too (see [Digester]). Else it is one of the spool, or
// of the request.
func (e *Engine) CheckPart(ctx context.Context, r Request, id PartID) error {
	x, err := e.newRun(r)
	if err != nil {
		return err
	}
	p, err := openPart(ctx, e.config.Spool, id, x.digest(id.Section))
	if err == nil {
		p.close()
	}
	return partError(id, err)
}

// Spool returns where the engine keeps its parts.
func (e *Engine) Spool() Spool { return e.config.Spool }

// checkSpace reports whether the spool has enough free space to start an export.
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
		err := fmt.Errorf("%w: %d bytes, want %d", ErrNoSpace, free, e.config.MinFreeBytes)
		return &OutageError{What: "the spool", Kind: OutageFull, Err: err}
	}
	return nil
}
