package export

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/orgexport/orgexport/archive"
	"github.com/orgexport/orgexport/export/record"
)

// fileOverhead is what a file counts towards the limit beside its bytes: about
// what its headers take.
const fileOverhead = 512

// errSinkClosed is what a section gets that writes after it was given up.
var errSinkClosed = errors.New("export: section was given up")

// sink is the engine's [Sink], which section.go defines: it checks and counts files and
// hands them to the packer of the section's part.
type sink struct {
	job      context.Context // of the export
	ctx      context.Context // of the section: ends earlier
	packer   archive.Packer
	chunks   *chunks // is the packer of a shard; nil of a whole section
	shard    int     // its number, from 1 on
	top      string  // the archive's top folder
	key      string
	asOf     time.Time
	maxBytes int64
	encoding record.Options
	rename   bool
	log      *slog.Logger
	report   func(Event) // nil if nobody observes

	turn  chan struct{} // held by the one call that is carried out
	names *nameIndex    // with the turn
	sums  *archive.Scratch

	renames *archive.Scratch // with the turn

	// commit is held from the moment a file is known to be whole until it is
	// noted in sums, so that giving a section up never comes in between.
	commit sync.Mutex
	closed bool

	mu          sync.Mutex // guards what follows; held for moments only
	failed      error      // what calls return, sticky
	cause       error      // of failed
	jobFailed   bool       // it is the job's failure, not the section's
	now         Event      // what was written so far
	used        int64      // of maxBytes: by files, the one being written included, and lists
	lastAdvance time.Time
	skips       *archive.Scratch
	notes       *archive.Scratch
	skipped     int64
	skipLog     skipLog
}

// Record implements [Sink].
func (s *sink) Record(name string, value any) error {
	return s.do(func() error {
		enc, err := EncodingOf(name)
		if err != nil {
			return err
		}
		b, err := record.Encode(name, enc, value, s.encoding)
		if err != nil {
			return err
		}
		return s.add(s.ctx, name, bytes.NewReader(b), func(e *Event) { e.Records++ })
	})
}

// Records implements [Sink].
func (s *sink) Records(name string, seq iter.Seq2[any, error]) error {
	return s.do(func() error {
		enc, err := EncodingOf(name)
		if err != nil {
			return err
		}
		var panicked *PanicError
		file := s.newFile(name, enc, s.guard(seq, &panicked))
		defer file.Close()
		// The guard ends the file well-formed when the section's time is over;
		// only the job's end loses it.
		err = s.addRecords(s.job, name, file)
		if panicked != nil {
			panic(panicked)
		}
		if err != nil {
			return err
		}
		if s.ctx.Err() != nil {
			return s.fail(context.Cause(s.ctx), s.job.Err() != nil)
		}
		return file.Err()
	})
}

func (s *sink) newFile(name string, enc record.Encoding, seq iter.Seq2[any, error]) *record.File {
	if s.chunks == nil {
		return record.NewFile(name, enc, seq, s.encoding, s.Skip)
	}
	return record.NewPiece(name, enc, seq, s.encoding, s.shard, s.Skip)
}

// guard ends a sequence that panics or outlives the section's context, so that
// the records so far are kept.
func (s *sink) guard(seq iter.Seq2[any, error], panicked **PanicError) iter.Seq2[any, error] {
	return func(yield func(any, error) bool) {
		defer func() {
			if v := recover(); v != nil {
				*panicked = asPanicError(v)
			}
		}()
		for value, err := range seq {
			if s.ctx.Err() != nil {
				yield(nil, context.Cause(s.ctx))
				return
			}
			if failed := s.failure(); failed != nil { // skipped records can do that
				yield(nil, failed)
				return
			}
			if !yield(value, err) {
				return
			}
		}
	}
}

// asPanicError wraps a recovered value, unless it was wrapped where it
// happened.
func asPanicError(v any) *PanicError {
	if p, ok := v.(*PanicError); ok {
		return p
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// Binary implements [Sink].
func (s *sink) Binary(name string, r io.Reader) error {
	return s.BinaryModified(name, r, time.Time{})
}

// BinaryModified serves the function [BinaryModified].
func (s *sink) BinaryModified(name string, r io.Reader, modified time.Time) error {
	if year := modified.UTC().Year(); year < 1980 || year > 2107 { // the zero time is one of these
		modified = s.asOf
	}
	return s.do(func() error {
		return s.addModified(s.ctx, name, r, modified, func(e *Event) { e.Binaries++ })
	})
}

// Skip implements [Sink].
func (s *sink) Skip(ref string, err error) {
	if machineFault(err, false) != "" {
		_ = s.fail(err, false)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return
	}
	if s.listLocked(s.skips, skippedFile, "reason", ref, PublicTextOr(err, "The item could not be exported.")) != nil {
		return
	}
	s.skipped++
	s.skipLog.add(s.ctx, s.log, s.skipped, err)
}

// Progress serves the function [Progress].
func (s *sink) Progress(done, total int64) {
	s.mu.Lock()
	s.now.Done, s.now.Total = done, total
	s.mu.Unlock()
	s.advance(0)
}

// do carries out one call when it is its turn.
func (s *sink) do(call func() error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-s.ctx.Done():
	}
	if s.ctx.Err() != nil {
		return s.fail(context.Cause(s.ctx), s.job.Err() != nil)
	}
	if err := s.failure(); err != nil {
		return err
	}
	return call()
}

// add packs one file. count is called if it is whole and in the part.
func (s *sink) add(ctx context.Context, name string, r io.Reader, count func(*Event)) error {
	return s.addModified(ctx, name, r, s.asOf, count)
}

func (s *sink) addModified(ctx context.Context, name string, r io.Reader, modified time.Time, count func(*Event)) error {
	return s.put(name, r, count, func(name string, in io.Reader) (int64, error) {
		entry := archive.Entry{Name: s.top + "/" + s.key + "/" + name, ModTime: modified.UTC().Truncate(time.Second)}
		file, err := s.packer.Add(ctx, entry, in)
		if err != nil {
			return 0, err
		}
		return file.Size, writeSum(s.sums, file.SHA256, s.key+"/"+name)
	})
}

// addRecords packs a file of records or, in a shard, a piece of it.
func (s *sink) addRecords(ctx context.Context, name string, file *record.File) error {
	count := func(e *Event) { e.Records += file.Count() }
	if s.chunks == nil {
		return s.add(ctx, name, file, count)
	}
	return s.put(name, file, count, func(name string, in io.Reader) (int64, error) {
		k, err := s.chunks.piece(ctx, in)
		if err != nil {
			return 0, err
		}
		k.Name, k.Frame = name, record.Piece{Records: file.Count(), Header: file.Header()}
		s.chunks.keep(k)
		return k.Piece.Size, nil
	})
}

// put puts a file into the part by pack, which gets its name and contents, and returns its size.
func (s *sink) put(name string, r io.Reader, count func(*Event), pack func(string, io.Reader) (int64, error)) error {
	original := name
	name, err := s.claim(original)
	if err != nil {
		if _, bad := errors.AsType[*NameError](err); bad {
			return err
		}
		return s.fail(err, true)
	}
	renamed, err := renamedLine(name, original)
	if err != nil {
		return s.fail(err, false)
	}
	in := &sinkReader{sink: s, r: r, headers: fileOverhead}
	if renamed != nil {
		in.headers += listCost(s.renames, renamed)
	}
	defer in.settle()
	size, err := pack(name, in)
	if err == nil {
		if _, err = s.renames.Write(renamed); err == nil {
			in.kept = true
			s.count(size, count)
			return nil
		}
	}
	return s.notAdded(name, err)
}

// notAdded sorts out why a file did not make it into the part.
func (s *sink) notAdded(name string, err error) error {
	if s.ctx.Err() != nil {
		return s.fail(context.Cause(s.ctx), s.job.Err() != nil)
	}
	var read *archive.ReadError
	if !errors.As(err, &read) {
		return s.fail(err, true) // the spool's failure
	}
	if errors.Is(read.Err, ErrTooLarge) || errors.Is(read.Err, errSinkClosed) {
		return s.fail(read.Err, false)
	}
	if ferr := s.names.forget(name); ferr != nil {
		return s.fail(ferr, true)
	}
	return &SourceError{Name: name, Err: read.Err}
}

// take counts bytes of a file or a list towards the limit. Those that are too many are not
// counted: then it returns why the section ends.
func (s *sink) take(n int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.takeLocked(n)
}

func (s *sink) takeLocked(n int64) error {
	if s.maxBytes >= 0 && n > s.maxBytes-s.used {
		return tooLarge("section", s.maxBytes)
	}
	s.used += n
	return nil
}

// CheckScratch serves the function [CheckScratch].
func (s *sink) CheckScratch(size int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil && s.maxBytes >= 0 && size > s.maxBytes {
		return s.failLocked(tooLarge("section", s.maxBytes), false)
	}
	return s.failed
}

func (s *sink) count(size int64, count func(*Event)) {
	s.mu.Lock()
	s.now.Bytes += size
	count(&s.now)
	s.mu.Unlock()
	s.advance(0)
}

// advance reports progress, pending bytes of an unfinished file included, if
// it is time again.
func (s *sink) advance(pending int64) {
	if s.report == nil {
		return
	}
	s.mu.Lock()
	t := time.Now()
	if t.Sub(s.lastAdvance) < advanceEvery {
		s.mu.Unlock()
		return
	}
	s.lastAdvance = t
	e := s.now
	s.mu.Unlock()
	e.Kind = SectionAdvanced
	e.Bytes += pending
	s.report(e)
}

// written is what was written so far.
func (s *sink) written() Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// fail makes the sink take nothing more. The first failure stays.
func (s *sink) fail(err error, job bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failLocked(err, job)
}

func (s *sink) failLocked(err error, job bool) error {
	if s.failed == nil {
		s.failed = fmt.Errorf("%w: %w", ErrSinkFailed, err)
		s.cause, s.jobFailed = err, job
	}
	return s.failed
}

func (s *sink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// close takes the sink away from its section. A file that is whole by now is
// still noted; any other is not part of the archive.
func (s *sink) close() {
	s.commit.Lock()
	s.closed = true
	s.commit.Unlock()
	_ = s.fail(errSinkClosed, false)
	if s.chunks != nil {
		s.chunks.revoke()
	}
}

// writeSum appends a line as sha256sum reads it.
func writeSum(w io.Writer, digest [32]byte, name string) error {
	line := make([]byte, 0, 2*len(digest)+len("  ")+len(name)+len("\n"))
	line = hex.AppendEncode(line, digest[:])
	line = append(line, "  "...)
	line = append(line, name...)
	_, err := w.Write(append(line, '\n'))
	return err
}

// sinkReader passes a file on to the packer. It keeps the section's limit,
// reports progress, and holds the sink's commit lock from the end of the file
// until it has settled.
type sinkReader struct {
	sink    *sink
	r       io.Reader
	size    int64
	headers int64 // what the file counts beside its bytes
	taken   int64 // of the limit
	kept    bool  // the file is in the part
	holding bool
}

func (in *sinkReader) Read(p []byte) (int, error) {
	if in.taken == 0 {
		if err := in.take(in.headers); err != nil {
			return 0, err
		}
	}
	n, err := in.r.Read(p)
	in.size += int64(n)
	if err := in.take(int64(n)); err != nil {
		return 0, err
	}
	if err == io.EOF && !in.holding {
		in.sink.commit.Lock()
		if in.sink.closed {
			in.sink.commit.Unlock()
			return 0, errSinkClosed
		}
		in.holding = true
	}
	if err == nil {
		in.sink.advance(in.size)
	}
	return n, err
}

func (in *sinkReader) take(n int64) error {
	err := in.sink.take(n)
	if err == nil {
		in.taken += n
	}
	return err
}

// settle gives back what a file that is not kept has taken of the limit.
func (in *sinkReader) settle() {
	if !in.kept {
		_ = in.sink.take(-in.taken) // less is never too much
	}
	if in.holding {
		in.sink.commit.Unlock()
	}
}
