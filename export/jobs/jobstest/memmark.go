package jobstest

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
)

// Mark implements [jobs.Marker].
func (s *MemStore) Mark(ctx context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.marks == nil {
		s.marks = make(map[string]time.Time)
	}
	s.marks[name] = s.now()
	return nil
}

// Marked implements [jobs.Marker].
func (s *MemStore) Marked(ctx context.Context, name string) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	at, ok := s.marks[name]
	if !ok {
		return 0, export.ErrNotFound
	}
	return max(s.now().Sub(at), 0), nil
}
