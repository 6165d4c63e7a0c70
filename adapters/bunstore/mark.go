package bunstore

import (
	"context"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/jobs"
)

var _ jobs.Marker = (*Store)(nil)

// markCheck is marked to see whether the database can be written.
const markCheck = "check"

// Mark implements [jobs.Marker].
func (s *Store) Mark(ctx context.Context, name string) error {
	if err := checkText("mark", name); err != nil {
		return wrap("mark", err)
	}
	_, err := s.db.NewRaw("INSERT INTO ? (name, at) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at = EXCLUDED.at",
		s.table("marks"), name, s.clock()).Exec(ctx)
	return wrap("mark", err)
}

// Marked implements [jobs.Marker].
func (s *Store) Marked(ctx context.Context, name string) (time.Duration, error) {
	if !storable(name) {
		return 0, wrap("marked", export.ErrNotFound)
	}
	var ms int64
	err := s.db.NewRaw("SELECT ? - at FROM ? WHERE name = ?", s.clock(), s.table("marks"), name).Scan(ctx, &ms)
	if err != nil {
		return 0, wrap("marked", noRow(err, export.ErrNotFound))
	}
	return time.Duration(max(ms, 0)) * time.Millisecond, nil
}
