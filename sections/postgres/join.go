package postgres

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/orgexport/orgexport/export"
)

// use is what this process knows of a snapshot that it has opened or joined.
type use struct {
	users int                   // of the ID
	lost  atomic.Pointer[error] // why a query has read something else
}

// use returns the use of a snapshot, with one user more.
func (s *Source) use(id string) *use {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.uses[id]
	if u == nil {
		u = new(use)
		s.uses[id] = u
	}
	u.users++
	return u
}

// endUse is called once for each use.
func (s *Source) endUse(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.uses[id]; u.users > 1 {
		u.users--
		return
	}
	delete(s.uses, id)
}

// used returns the use of a snapshot, or nil if nobody here has opened or joined it.
func (s *Source) used(id string) *use {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uses[id]
}

// Check implements [export.Snapshot]: each query has made sure of its moment, and says at its end
// if that was not enough.
func (u *use) Check(context.Context) error {
	if u == nil {
		return nil
	}
	if why := u.lost.Load(); why != nil {
		return *why
	}
	return nil
}

// JoinSnapshot implements [export.SnapshotJoiner]: by its ID a snapshot can be read from everywhere
// as long as whoever has opened it keeps it.
func (s *Source) JoinSnapshot(id, moment string) (export.Snapshot, error) {
	if !snapshotID.MatchString(id) {
		return nil, fmt.Errorf("postgres: %.100q names no snapshot: %w", id, export.ErrSnapshotLost)
	}
	return &joined{source: s, id: id, moment: moment, use: s.use(id)}, nil
}

// joined is a snapshot that somebody else keeps.
type joined struct {
	source     *Source
	id, moment string
	closed     atomic.Bool
	*use
}

// ID implements [export.Snapshot].
func (j *joined) ID() string { return j.id }

// Moment implements [export.Snapshot].
func (j *joined) Moment() string { return j.moment }

// Close implements [export.Snapshot].
func (j *joined) Close(context.Context) {
	if j.closed.CompareAndSwap(false, true) {
		j.source.endUse(j.id)
	}
}
