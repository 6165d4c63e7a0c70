package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// RequiredError says that a required section did not reach ok or empty.
type RequiredError struct{ Result SectionResult }

func (e *RequiredError) Error() string {
	return fmt.Sprintf("export: required section %q: %s", e.Result.Key, e.Result.Status)
}

// Public names the section, and what it may say itself.
func (e *RequiredError) Public() string {
	return fmt.Sprintf("The required section %q could not be exported: %s", e.Result.Key, e.Result.Error)
}

// exportShard runs a section, or a range of it, into a sealed part. An error is the job's, not
// the section's.
func (x *run) exportShard(ctx context.Context, s Shard) (SectionResult, error) {
	end := func(Event, error) {}
	if x.Begin != nil {
		ctx, end = x.Begin(ctx, s.Section)
	}
	var finished Event
	err := errors.New("export: part was not sealed") // what it is if Put panics
	defer func() { end(finished, err) }()
	if finished, err = x.sealShard(ctx, s); err != nil {
		finished = Event{}
		return SectionResult{}, fmt.Errorf("export: section %q: %w", s.Section, err)
	}
	x.addPart(x.newPart(s))
	return *finished.Result, nil
}

// packShard writes a whole part and returns how its section finished. The error is a
// [*rerunError] if this is not the last run and the section has to be run again.
func (x *run) packShard(ctx context.Context, shard Shard, body *partWriter, last bool) (finished Event, err error) {
	s := x.section(shard.Section)
	reads, err := x.read(ctx, s, last)
	if err != nil {
		return Event{}, err
	}
	var result sealedResult
	limits := x.engine.config.limits(s.Key())
	scratch := x.engine.config.Scratch
	sums, tail := archive.NewScratch(scratch), archive.NewScratch(scratch)
	skips, notes, renames := archive.NewScratch(scratch), archive.NewScratch(scratch), archive.NewScratch(scratch)
	for _, s := range []*archive.Scratch{sums, tail, skips, notes, renames} {
		defer s.Close()
	}
	var parts *chunks
	if shard.Range != "" {
		parts = &chunks{ctx: ctx, format: x.Format, options: x.packing(), body: body, tail: tail}
	}
	err = x.pack(ctx, body, tail, parts, func(p archive.Packer) error {
		out := &sink{
			job:      ctx,
			packer:   p,
			chunks:   parts,
			shard:    shard.Number + 1,
			top:      x.top,
			key:      s.Key(),
			asOf:     x.AsOf,
			maxBytes: limits.MaxBytes,
			encoding: record.Options{RawCSV: x.engine.config.RawCSV, CSV: x.engine.config.CSV, MaxBytes: x.engine.config.MaxRecordBytes},
			log:      x.engine.config.Logger.With("job", x.JobID, "organization", x.Organization.ID, "section", s.Key()),
			report:   x.report.of(shard),
			turn:     make(chan struct{}, 1),
			names:    newNameIndex(scratch),
			sums:     sums,
			skips:    skips,
			skipLog:  make(skipLog),
			notes:    notes,
			rename:   limits.Rename,
			renames:  renames,
			now:      Event{Section: s.Key()},
		}
		cause := x.runSection(context.WithValue(ctx, lastRunKey{}, last), s, reads.scope(x, shard), limits.Timeout, out)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if out.jobFailed {
			return out.cause
		}
		if err := reads.end(ctx); err != nil {
			return err
		}
		if fault := sectionFault(cause); fault != "" && !last {
			return &rerunError{fault, cause}
		}
		result = out.conclude(ctx, cause)
		finished = out.written()
		if limits.Required && result.Status != StatusOK && result.Status != StatusEmpty {
			return &RequiredError{result.SectionResult}
		}
		return addLists(ctx, out)
	})
	if err == nil {
		if parts != nil {
			result.Shard, result.Chunks = shard.Number, parts.list
		}
		err = body.seal(tail, sums, reads.result(result, x.RequestedAt))
	}
	if err != nil {
		return Event{}, err
	}
	finished.Kind, finished.Result, finished.sealed = SectionFinished, &result.SectionResult, &result
	x.report.report(shard, finished)
	return finished, nil
}

// pack packs a part: whole files, or those of a shard.
func (x *run) pack(ctx context.Context, body *partWriter, tail *archive.Scratch, shard *chunks, fn func(archive.Packer) error) error {
	if shard != nil {
		return shard.run(fn)
	}
	return x.Format.Pack(ctx, body, tail, x.packing(), fn)
}

// runSection calls the section and returns what went wrong in it. When its
// time is over or the job ends, the section has the grace to return; then it is
// left to itself with a sink that takes nothing more.
func (x *run) runSection(ctx context.Context, s Section, scope Scope, timeout time.Duration, out *sink) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if timeout >= 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, timeout, timeoutError(timeout))
		defer stop()
	}
	out.ctx = ctx
	done := make(chan error, 1)
	go func() {
		err := errors.New("export: section ended its goroutine")
		defer func() { done <- err }()
		err = call(ctx, s, scope, out)
	}()
	returned, err := wait(ctx, done, x.engine.config.Grace)
	out.close()
	if !returned {
		out.log.ErrorContext(ctx, "section does not stop and is left to itself", "error", context.Cause(ctx), "stuck", x.engine.stuck.Add(1))
		go func() {
			<-done //nolint:errcheck // too late to matter
			x.engine.stuck.Add(-1)
		}()
		return context.Cause(ctx)
	}
	out.names.close()
	switch {
	case !errors.Is(out.cause, errSinkClosed):
		return out.cause
	case ctx.Err() == nil:
		return err
	case err == nil || errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)):
		return context.Cause(ctx) // a section that stops early without a word is not whole either
	}
	return fmt.Errorf("%w: %w", context.Cause(ctx), err)
}

// wait waits for the section's end, once ctx is over for no longer than grace.
func wait(ctx context.Context, done <-chan error, grace time.Duration) (returned bool, err error) {
	select {
	case err = <-done:
		return true, err
	case <-ctx.Done():
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case err = <-done:
		return true, err
	case <-timer.C:
		return false, nil
	}
}

// call turns a panic into an error.
func call(ctx context.Context, s Section, scope Scope, out Sink) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = asPanicError(v)
		}
	}()
	return s.Export(ctx, scope, out)
}

// conclude derives the section's result and logs what customers do not see.
func (s *sink) conclude(ctx context.Context, cause error) sealedResult {
	result := sealedResult{SectionResult: SectionResult{Key: s.key, Records: s.now.Records, Binaries: s.now.Binaries}}
	if cause != nil {
		logFailure(ctx, s.log, cause)
		result.Error = PublicTextOr(cause, "The section could not be exported.")
		if sectionFault(cause) != "" {
			result.Error = "The source of the data could not be reached. Try again later."
		}
	}
	s.skipLog.end(ctx, s.log, s.skipped)
	if s.chunks != nil { // for the result of all shards
		result.Failure, result.Skipped, result.Used = result.Error, s.skipped, s.used
	}
	result.finish(cause != nil, s.skipped)
	return result
}

// finish derives the status, and adds to the error how many items were skipped.
func (r *SectionResult) finish(failed bool, skipped int64) {
	r.Status = deriveStatus(r.Records > 0 || r.Binaries > 0, failed || skipped > 0)
	if skipped == 0 {
		return
	}
	text := fmt.Sprintf("%d items were skipped; they are listed in %s/%s.", skipped, r.Key, skippedFile)
	if skipped == 1 {
		text = fmt.Sprintf("1 item was skipped; it is listed in %s/%s.", r.Key, skippedFile)
	}
	if r.Error != "" {
		text = r.Error + " " + text
	}
	r.Error = text
}

// logFailure logs why a section failed, without data that its error quotes.
func logFailure(ctx context.Context, log *slog.Logger, cause error) {
	attrs := []any{"error", sectionText(cause)}
	if p, ok := errors.AsType[*PanicError](cause); ok {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	log.ErrorContext(ctx, "section failed", attrs...)
}

// addLists adds the lists of renamed files, notes and skipped items as the section's last files.
func addLists(ctx context.Context, out *sink) error {
	return errors.Join(
		addList(ctx, out, renamedFile, out.renames),
		addList(ctx, out, notesFile, out.notes),
		addList(ctx, out, skippedFile, out.skips),
	)
}

func addList(ctx context.Context, out *sink, name string, list *archive.Scratch) error {
	if list.Size() == 0 {
		return nil
	}
	content := io.NewSectionReader(list, 0, list.Size())
	if out.chunks != nil {
		k, err := out.chunks.piece(ctx, content)
		if err == nil {
			k.Name, k.List = name, true
			out.chunks.keep(k)
		}
		return err
	}
	name = out.key + "/" + name
	entry := archive.Entry{Name: out.top + "/" + name, ModTime: out.asOf}
	file, err := out.packer.Add(ctx, entry, content)
	if err != nil {
		return err
	}
	return writeSum(out.sums, file.SHA256, name)
}

// timeoutError is the cause of a section's context when its time is over.
func timeoutError(timeout time.Duration) error {
	return WithPublic(fmt.Errorf("%w after %v", ErrTimeout, timeout),
		fmt.Sprintf("The section took longer than %v.", timeout))
}
