package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Marker is implemented by a [Store] that remembers when things happened last, for all
// processes that share it.
type Marker interface {
	// Mark remembers that something of this name has happened now.
	Mark(ctx context.Context, name string) error

	// Marked returns how long ago it was marked last, by the clock of the store; it is
	// not negative. The error matches [export.ErrNotFound] if it never was.
	Marked(ctx context.Context, name string) (time.Duration, error)
}

// MarkWorker is the name by which a [Marker] knows when a worker of any process looked
// at the queue last.
const MarkWorker = "worker"

const (
	markEvery = 10 * time.Second
	idleAfter = time.Minute // without a mark
)

// Warning is something that operators are to know although requests can be served.
type Warning struct {
	Name string // that stays the same, such as "workers"
	Text string // a sentence without secrets
}

// Warnings returns a warning "workers" if no worker of any process has looked at the
// queue for a minute: nobody has called [Service.Run], or all workers are down. It is
// empty if the Store is no [Marker]. The error is that of the Store.
func (s *Service) Warnings(ctx context.Context) ([]Warning, error) {
	m, ok := s.config.Store.(Marker)
	if !ok {
		return nil, nil
	}
	ago := "yet"
	age, err := m.Marked(ctx, MarkWorker)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, nil
	case errors.Is(err, export.ErrNotFound):
		age = time.Since(s.began)
	case err != nil:
		return nil, fmt.Errorf("jobs: workers: %w", err)
	default:
		ago = "for " + age.Round(time.Second).String()
	}
	if age <= idleAfter {
		return nil, nil
	}
	text := "No worker has looked at the queue " + ago + "."
	stats, err := StatsOf(ctx, s.config.Store)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		return nil, fmt.Errorf("jobs: workers: %w", err)
	default:
		text += fmt.Sprintf(" Pending jobs: %d.", stats.Pending)
	}
	return []Warning{{"workers", text}}, nil
}

// seldom lets something be done once in a while. It is safe for concurrent use.
type seldom struct {
	mu   sync.Mutex
	last time.Time
}

// due reports whether nothing was done for so long, and if so takes now for the time of
// it.
func (s *seldom) due(every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.last.IsZero() && time.Since(s.last) < every {
		return false
	}
	s.last = time.Now()
	return true
}

// mark notes that a worker looks at the queue, unless that was noted a moment ago. If it
// fails it is noted the next time: what is wrong with the store is said elsewhere.
func (s *Service) mark(ctx context.Context) {
	if m, ok := s.config.Store.(Marker); ok && s.marked.due(markEvery) {
		ctx, cancel := context.WithTimeout(ctx, markEvery)
		defer cancel()
		_ = m.Mark(ctx, MarkWorker)
	}
}

// keepMarking calls mark until ctx ends.
func (s *Service) keepMarking(ctx context.Context) {
	atOnceAndEvery(ctx, markEvery, func() { s.mark(ctx) })
}

// warnRequester logs, once a minute, that a job was requested and nobody works: whoever
// embeds the service may have forgotten [Service.Run], and look at nothing but the log.
func (s *Service) warnRequester(ctx context.Context, job Job) {
	if !s.warned.due(idleAfter) {
		return
	}
	warnings, err := s.Warnings(ctx)
	if err != nil {
		return // it is not known
	}
	for _, w := range warnings {
		s.log(job).WarnContext(ctx, "the job may wait for long", "what", w.Name, "warning", w.Text)
	}
}
