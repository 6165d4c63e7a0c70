package accesstest

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// brokenSessions is a MemSessions of which some methods are others.
type brokenSessions struct {
	*MemSessions
	create func(ctx context.Context, session access.Session) error
	byHash func(ctx context.Context, hash [sha256.Size]byte) (access.Session, error)
	extend func(ctx context.Context, id string, until time.Time) error
	end    func(ctx context.Context, id string) error
	all    func(ctx context.Context, subject string) ([]access.Session, error)
}

func breakSessions(spoil func(inner *MemSessions, s *brokenSessions)) access.SessionStore {
	m := &MemSessions{sessions: make(map[string]access.Session)}
	s := &brokenSessions{MemSessions: m, create: m.CreateSession, byHash: m.SessionByHash, extend: m.ExtendSession, end: m.EndSession, all: m.Sessions}
	spoil(m, s)
	return s
}

func (s *brokenSessions) CreateSession(ctx context.Context, session access.Session) error {
	return s.create(ctx, session)
}

func (s *brokenSessions) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	return s.byHash(ctx, hash)
}

func (s *brokenSessions) ExtendSession(ctx context.Context, id string, until time.Time) error {
	return s.extend(ctx, id, until)
}

func (s *brokenSessions) EndSession(ctx context.Context, id string) error { return s.end(ctx, id) }

func (s *brokenSessions) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	return s.all(ctx, subject)
}

// manglingSessions is a store whose sessions are changed when they come out.
func manglingSessions(mangle func(*access.Session)) access.SessionStore {
	return breakSessions(func(m *MemSessions, s *brokenSessions) {
		s.byHash = func(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
			session, err := m.SessionByHash(ctx, hash)
			mangle(&session)
			return session, err
		}
	})
}

// listingSessions is a store that lists in its own way.
func listingSessions(are func(session access.Session, subject string) bool, order func(a, b access.Session) int) access.SessionStore {
	return breakSessions(func(m *MemSessions, s *brokenSessions) {
		s.all = func(_ context.Context, subject string) ([]access.Session, error) {
			var all []access.Session
			for _, session := range m.sessions {
				if are(session, subject) {
					all = append(all, session)
				}
			}
			slices.SortFunc(all, order)
			return all, nil
		}
	})
}

// set changes a stored session after between.
func (s *MemSessions) set(id string, between func(), change func(session *access.Session)) {
	s.mu.Lock()
	session, ok := s.sessions[id]
	s.mu.Unlock()
	between()
	s.mu.Lock()
	defer s.mu.Unlock()
	if ok {
		change(&session)
		s.sessions[id] = session
	}
}

func TestForgetfulSessionStores(t *testing.T) {
	kittest.TestForgotten(t, sessionPromises, manglingSessions)
}

func TestBrokenSessionStores(t *testing.T) {
	kittest.TestDefects(t, sessionPromises, slices.Concat(brokenSessionChanges(), brokenSessionLookups()))
}

func brokenSessionChanges() []kittest.Defect[access.SessionStore] {
	background := context.Background
	extending := func(between func(), change func(session *access.Session, until time.Time)) access.SessionStore {
		return breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.extend = func(_ context.Context, id string, until time.Time) error {
				m.set(id, between, func(session *access.Session) { change(session, until) })
				return nil
			}
		})
	}
	return []kittest.Defect[access.SessionStore]{
		{"hash twice", "NoIDOrHashTwice", "hash of another", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.create = func(ctx context.Context, session access.Session) error {
				if _, ok := m.sessions[session.ID]; ok || len(m.sessions) == 0 {
					return m.CreateSession(ctx, session)
				}
				m.sessions[session.ID] = session
				return nil
			}
		})},
		{"replaces", "NoIDOrHashTwice", "id of another", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.create = func(ctx context.Context, session access.Session) error {
				delete(m.sessions, session.ID)
				return m.CreateSession(ctx, session)
			}
		})},
		{"extends back", "Extends", "ExpiresAt", extending(func() {}, func(session *access.Session, until time.Time) { session.ExpiresAt = until })},
		{"extends all", "Extends", "ExpiresAt", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.extend = func(ctx context.Context, _ string, until time.Time) error {
				return errors.Join(m.ExtendSession(ctx, kittest.ShortID(1), until), m.ExtendSession(ctx, kittest.ShortID(2), until))
			}
		})},
		{"extends nothing", "NotFound", "ExtendSession of no session", breakSessions(func(_ *MemSessions, s *brokenSessions) {
			s.extend = func(context.Context, string, time.Time) error { return access.ErrNotFound }
		})},
		{"ends nothing", "NotFound", "EndSession of no session", breakSessions(func(_ *MemSessions, s *brokenSessions) {
			s.end = func(context.Context, string) error { return nil }
		})},
		{"ends later", "Ends", "want nothing and ErrNotFound", breakSessions(func(_ *MemSessions, s *brokenSessions) {
			s.end = func(context.Context, string) error { return nil }
		})},
		{"ends all", "Ends", "SessionByHash: ", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.end = func(context.Context, string) error {
				if len(m.sessions) == 0 {
					return access.ErrNotFound
				}
				clear(m.sessions)
				return nil
			}
		})},
		{"removes the first", "KeepsWhatHasNotExpired", "SessionByHash: ", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.create = func(ctx context.Context, session access.Session) error {
				if len(m.sessions) > 10 {
					delete(m.sessions, kittest.ShortID(0))
				}
				return m.CreateSession(ctx, session)
			}
		})},
		{"deaf CreateSession", "CancelledContext", "CreateSession", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.create = func(_ context.Context, session access.Session) error { return m.CreateSession(background(), session) }
		})},
		{"deaf ExtendSession", "CancelledContext", "ExtendSession", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.extend = func(_ context.Context, id string, until time.Time) error {
				return m.ExtendSession(background(), id, until)
			}
		})},
		{"deaf EndSession", "CancelledContext", "EndSession", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.end = func(_ context.Context, id string) error { return m.EndSession(background(), id) }
		})},
		{"check, then insert", "ConcurrentCreates", "of one hash were created", breakSessions(func(m *MemSessions, s *brokenSessions) {
			p := kittest.NewPair()
			s.create = func(ctx context.Context, session access.Session) error {
				_, err := m.SessionByHash(ctx, session.Hash)
				p.Arrive()
				if err == nil {
					return access.ErrExists
				}
				m.mu.Lock()
				defer m.mu.Unlock()
				m.sessions[session.ID] = session
				return nil
			}
		})},
		{"last one wins", "ConcurrentExtends", "ExpiresAt", extending(func() {}, func(session *access.Session, until time.Time) {
			session.ExpiresAt = until.Truncate(time.Minute)
		})},
		{"brings it back", "ConcurrentEnds", "want nothing and ErrNotFound", revivedSession()},
		{"ends twice", "ConcurrentEnds", "ended 16 times", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.end = func(ctx context.Context, id string) error { _ = m.EndSession(ctx, id); return nil }
		})},
	}
}

// revivedSession lets the first who extends a session read it, and write it when
// another has ended it.
func revivedSession() access.SessionStore {
	read, ended := make(chan struct{}), make(chan struct{})
	return breakSessions(func(m *MemSessions, s *brokenSessions) {
		var first sync.Mutex
		var once sync.Once
		s.extend = func(_ context.Context, id string, until time.Time) error {
			wait := func() {}
			if first.TryLock() {
				wait = func() { close(read); <-ended }
			}
			m.set(id, wait, func(session *access.Session) { session.ExpiresAt = until })
			return nil
		}
		s.end = func(ctx context.Context, id string) error {
			<-read
			err := access.ErrNotFound
			once.Do(func() {
				err = m.EndSession(ctx, id)
				close(ended)
			})
			return err
		}
	})
}

func brokenSessionLookups() []kittest.Defect[access.SessionStore] {
	oldest := func(a, b access.Session) int { return a.CreatedAt.Compare(b.CreatedAt) }
	same := func(session access.Session, subject string) bool { return session.Subject == subject }
	return []kittest.Defect[access.SessionStore]{
		{"forgets", "EveryFieldSurvives", "Subject is", manglingSessions(func(session *access.Session) { session.Subject = "" })},
		{"instants elsewhere", "InstantsAreInUTCAndMilliseconds", "want it in UTC",
			manglingSessions(func(session *access.Session) { session.CreatedAt = session.CreatedAt.In(time.FixedZone("", 60)) })},
		{"nanoseconds", "InstantsAreInUTCAndMilliseconds", "ExpiresAt is",
			manglingSessions(func(session *access.Session) { session.ExpiresAt = session.ExpiresAt.Add(1) })},
		{"any session", "NotFound", "SessionByHash gives", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.byHash = func(context.Context, [sha256.Size]byte) (access.Session, error) {
				return m.sessions[kittest.ShortID(1)], nil
			}
		})},
		{"own error", "NotFound", "want nothing and ErrNotFound", breakSessions(func(_ *MemSessions, s *brokenSessions) {
			s.byHash = func(context.Context, [sha256.Size]byte) (access.Session, error) {
				return access.Session{}, errors.New("no rows")
			}
		})},
		{"newest first", "ListsOldestFirst", "session 0", listingSessions(same, func(a, b access.Session) int { return -oldest(a, b) })},
		{"of everybody", "ListsOldestFirst", "gives 5 sessions", listingSessions(func(access.Session, string) bool { return true }, oldest)},
		{"subjects without case", "ListsOldestFirst", "gives 5 sessions", listingSessions(func(session access.Session, subject string) bool {
			return strings.EqualFold(session.Subject, subject)
		}, oldest)},
		{"subjects that begin so", "ListsOldestFirst", `Sessions("an") gives`, listingSessions(func(session access.Session, subject string) bool {
			return strings.HasPrefix(session.Subject, subject)
		}, oldest)},
		{"deaf SessionByHash", "CancelledContext", "SessionByHash", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.byHash = func(_ context.Context, hash [sha256.Size]byte) (access.Session, error) {
				return m.SessionByHash(context.Background(), hash)
			}
		})},
		{"deaf Sessions", "CancelledContext", "Sessions with", breakSessions(func(m *MemSessions, s *brokenSessions) {
			s.all = func(_ context.Context, subject string) ([]access.Session, error) {
				return m.Sessions(context.Background(), subject)
			}
		})},
	}
}
