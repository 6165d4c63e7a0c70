package cli

import (
	"context"
	"log/slog"
	"sync"

	"github.com/orgexport/orgexport/export"
)

// skips is a handler of the log of one run. It gathers the lines about skipped items, of
// which a section may have thousands: the section and each reason have one line, with a
// count and the first item as an example. All items are listed in the archive. Where
// everything is logged it gathers nothing.
type skips struct {
	slog.Handler

	section string // whose lines come by this handler; empty if it is not known
	found   *foundSkips
}

// foundSkips are those of all sections.
type foundSkips struct {
	mu   sync.Mutex
	each []*skipped
}

// skipped are the items of a section that were skipped for one reason.
type skipped struct {
	section, reason string
	first           slog.Record
	count           int64
	to              slog.Handler
}

func newSkips(to slog.Handler) *skips { return &skips{Handler: to, found: new(foundSkips)} }

// Enabled implements [slog.Handler]. The engine logs at the level debug what would be too
// much: it is counted.
func (s *skips) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements [slog.Handler].
func (s *skips) Handle(ctx context.Context, r slog.Record) error {
	if r.Message != export.ItemSkipped || s.Handler.Enabled(ctx, slog.LevelDebug) {
		if !s.Handler.Enabled(ctx, r.Level) {
			return nil
		}
		return s.Handler.Handle(ctx, r)
	}
	reason := reasonOf(r)
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	for _, known := range s.found.each {
		if known.section == s.section && known.reason == reason {
			known.count++
			return nil
		}
	}
	s.found.each = append(s.found.each, &skipped{s.section, reason, r.Clone(), 1, s.Handler})
	return nil
}

// reasonOf is the class of reasons that an item was skipped for: what customers are told.
func reasonOf(r slog.Record) (reason string) {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			reason = export.PublicTextOr(err, "The item could not be exported.")
		}
		return reason == ""
	})
	return reason
}

// WithAttrs implements [slog.Handler].
func (s *skips) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := &skips{s.Handler.WithAttrs(attrs), s.section, s.found}
	for _, a := range attrs {
		if a.Key == "section" {
			with.section = a.Value.String()
		}
	}
	return with
}

// WithGroup implements [slog.Handler].
func (s *skips) WithGroup(name string) slog.Handler {
	return &skips{s.Handler.WithGroup(name), s.section, s.found}
}

// tell logs what was skipped of a section, once it has finished; of all that is left, if
// section is empty.
func (s *skips) tell(section string) {
	s.found.mu.Lock()
	defer s.found.mu.Unlock()
	var left []*skipped
	for _, f := range s.found.each {
		if section != "" && f.section != section {
			left = append(left, f)
			continue
		}
		line := f.first
		if f.count > 1 {
			line = slog.NewRecord(f.first.Time, f.first.Level, "items skipped", 0)
			line.AddAttrs(slog.Int64("count", f.count), slog.String("reason", f.reason))
			f.first.Attrs(func(a slog.Attr) bool {
				line.AddAttrs(slog.Attr{Key: "first_" + a.Key, Value: a.Value})
				return true
			})
		}
		_ = f.to.Handle(context.Background(), line) // as where it comes from, nobody waits for the log
	}
	s.found.each = left
}
