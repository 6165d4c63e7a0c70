package wire

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/orgexport/orgexport/httpapi/exportd/internal/config"
)

// watchEvery is how long after a problem of the source was found it is looked for again.
const watchEvery = time.Minute

// watch looks after the problems of the source of a process that serves or works: whoever
// changes a table is seldom whoever looks at exports.
type watch struct {
	check  func(ctx context.Context) []finding
	count  func(bySection map[string]int) // for metrics
	logger *slog.Logger

	known []finding // at the last check
}

// run checks at once, and again while there are problems. Each is logged when it is found
// and when it is gone.
func (w *watch) run(ctx context.Context) {
	again := time.NewTicker(watchEvery)
	defer again.Stop()
	for {
		found := w.check(ctx)
		if ctx.Err() != nil {
			return
		}
		if w.note(ctx, found); len(w.known) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// note tells of what is new and of what is gone.
func (w *watch) note(ctx context.Context, found []finding) {
	if isSilent := func(f finding) bool { return f.silent }; slices.ContainsFunc(found, isSilent) {
		for _, f := range w.known { // it is not known whether these are gone
			if !f.silent && !slices.ContainsFunc(found, f.same) {
				found = append(found, f)
			}
		}
	}
	count := make(map[string]int)
	for _, f := range found {
		count[f.section]++
		if !slices.ContainsFunc(w.known, f.same) {
			w.logger.WarnContext(ctx, "the source does not fit the configuration", f.attrs()...)
		}
	}
	for _, f := range w.known {
		if !slices.ContainsFunc(found, f.same) {
			w.logger.InfoContext(ctx, "a problem of the source is gone", f.attrs()...)
		}
	}
	w.known = found
	w.count(count)
}

// same tells whether two findings are of one problem. That a database does not answer may
// have another cause each time.
func (f finding) same(other finding) bool {
	return f.silent && other.silent || f.section == other.section && f.problem.String() == other.problem.String()
}

func (f finding) attrs() []any {
	attrs := []any{"problem", f.problem.String()}
	if f.section != "" {
		attrs = append(attrs, "section", f.section)
	}
	return attrs
}

// CheckSource asks the database that is exported whether it fits the configuration. The
// error has a line for each problem.
func (s *Server) CheckSource(ctx context.Context) error {
	var problems []error
	for _, f := range s.watch.check(ctx) {
		problems = append(problems, errors.New(f.problem.String()))
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(problems...)
}

// openWatch makes the watch of what is open.
func (s *Server) openWatch(c *config.Config) {
	check := func(ctx context.Context) []finding { return checkSource(ctx, c, s.setup.source) }
	s.watch = &watch{check: check, count: s.metrics.SourceProblems, logger: s.logger}
}
