package accesstest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// MemSessions is an [access.SessionStore] in memory, for tests. It removes no
// session that has expired. Its zero value is ready for use. It is safe for
// concurrent use.
type MemSessions struct {
	mu       sync.Mutex
	sessions map[string]access.Session
}

// CreateSession implements [access.SessionStore].
func (s *MemSessions) CreateSession(ctx context.Context, session access.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, other := range s.sessions {
		if other.ID == session.ID || other.Hash == session.Hash {
			return fmt.Errorf("%w: session %s", access.ErrExists, other.ID)
		}
	}
	if s.sessions == nil {
		s.sessions = make(map[string]access.Session)
	}
	session.CreatedAt, session.ExpiresAt = kittest.Instant(session.CreatedAt), kittest.Instant(session.ExpiresAt)
	s.sessions[session.ID] = session
	return nil
}

// SessionByHash implements [access.SessionStore].
func (s *MemSessions) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return access.Session{}, context.Cause(ctx)
	}
	for _, session := range s.sessions {
		if session.Hash == hash {
			return session, nil
		}
	}
	return access.Session{}, fmt.Errorf("%w: session", access.ErrNotFound)
}

// ExtendSession implements [access.SessionStore].
func (s *MemSessions) ExtendSession(ctx context.Context, id string, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if session, ok := s.sessions[id]; ok && until.After(session.ExpiresAt) {
		session.ExpiresAt = kittest.Instant(until)
		s.sessions[id] = session
	}
	return nil
}

// EndSession implements [access.SessionStore].
func (s *MemSessions) EndSession(ctx context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := s.sessions[id]; !ok {
		return fmt.Errorf("%w: session %s", access.ErrNotFound, id)
	}
	delete(s.sessions, id)
	return nil
}

// Sessions implements [access.SessionStore].
func (s *MemSessions) Sessions(ctx context.Context, subject string) ([]access.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	var sessions []access.Session
	for _, session := range s.sessions {
		if session.Subject == subject {
			sessions = append(sessions, session)
		}
	}
	slices.SortFunc(sessions, func(a, b access.Session) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	return sessions, nil
}

// RunSessionStore checks an [access.SessionStore] against its documentation.
// newStore returns an empty one for each subtest. If the store removes sessions
// that have expired its clock is right to the hour.
func RunSessionStore(t *testing.T, newStore func(t *testing.T) access.SessionStore) {
	t.Helper()
	kittest.Run(t, sessionPromises, newStore)
}

var sessionPromises = []kittest.Promise[access.SessionStore]{
	{"EveryFieldSurvives", sessionFields},
	{"InstantsAreInUTCAndMilliseconds", sessionInstants},
	{"NotFound", sessionNotFound},
	{"NoIDOrHashTwice", sessionExists},
	{"Extends", sessionExtends},
	{"Ends", sessionEnds},
	{"ListsOldestFirst", sessionList},
	{"KeepsWhatHasNotExpired", sessionKeeps},
	{"CancelledContext", sessionCancelled},
	{"ConcurrentCreates", sessionConcurrentCreates},
	{"ConcurrentExtends", sessionConcurrentExtends},
	{"ConcurrentEnds", sessionConcurrentEnds},
}

// someSession is session n of ann. It began a while ago and is good for a day.
func someSession(n int) access.Session {
	now := kittest.Instant(time.Now())
	return access.Session{
		ID: kittest.ShortID(n), Hash: access.Hash(fmt.Sprint("session ", n)), Subject: "ann",
		CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(24 * time.Hour),
	}
}

func createSession(t testing.TB, s access.SessionStore, session access.Session) access.Session {
	t.Helper()
	if err := s.CreateSession(t.Context(), session); err != nil {
		t.Fatalf("CreateSession: %v", err)
	}
	return session
}

func wantSession(t testing.TB, s access.SessionStore, want access.Session) {
	t.Helper()
	got, err := s.SessionByHash(t.Context(), want.Hash)
	if err != nil {
		t.Fatalf("SessionByHash: %v", err)
	}
	kittest.WantSame(t, "SessionByHash", got, want)
}

func wantNoSession(t testing.TB, s access.SessionStore, hash [sha256.Size]byte) {
	t.Helper()
	got, err := s.SessionByHash(t.Context(), hash)
	if !errors.Is(err, access.ErrNotFound) || got != (access.Session{}) {
		t.Errorf("SessionByHash gives %v, %v, want nothing and ErrNotFound", got, err)
	}
}

func wantSessions(t testing.TB, s access.SessionStore, subject string, want ...access.Session) {
	t.Helper()
	got, err := s.Sessions(t.Context(), subject)
	if err != nil || len(got) != len(want) {
		t.Fatalf("Sessions(%q) gives %d sessions, %v, want %d", subject, len(got), err, len(want))
	}
	for i := range want {
		kittest.WantSame(t, fmt.Sprintf("session %d of %q", i, subject), got[i], want[i])
	}
}

func sessionFields(t testing.TB, s access.SessionStore) {
	session := kittest.Filled[access.Session](t, new(kittest.Filler))
	session.ExpiresAt = session.ExpiresAt.AddDate(100, 0, 0)
	createSession(t, s, session)
	wantSession(t, s, session)
	wantSessions(t, s, session.Subject, session)
}

func sessionInstants(t testing.TB, s access.SessionStore) {
	zone := time.FixedZone("", 5*3600+1800)
	session := someSession(1)
	session.CreatedAt, session.ExpiresAt = session.CreatedAt.In(zone), session.ExpiresAt.In(zone)
	createSession(t, s, session)
	wantSession(t, s, session)
	session.ExpiresAt = session.ExpiresAt.Add(time.Hour)
	if err := s.ExtendSession(t.Context(), session.ID, session.ExpiresAt.Add(999*time.Microsecond)); err != nil {
		t.Fatal(err)
	}
	wantSession(t, s, session)
	wantSessions(t, s, "ann", session)
}

func sessionNotFound(t testing.TB, s access.SessionStore) {
	session := createSession(t, s, someSession(1))
	wantNoSession(t, s, access.Hash("another"))
	wantNoSession(t, s, [sha256.Size]byte{})
	if err := s.ExtendSession(t.Context(), kittest.ShortID(2), session.ExpiresAt.Add(time.Hour)); err != nil {
		t.Errorf("ExtendSession of no session gives %v", err)
	}
	for _, id := range []string{kittest.ShortID(2), ""} {
		if err := s.EndSession(t.Context(), id); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("EndSession of no session gives %v, want ErrNotFound", err)
		}
	}
	wantSessions(t, s, "ann", session)
}

func sessionExists(t testing.TB, s access.SessionStore) {
	session := createSession(t, s, someSession(1))
	sameID, sameHash := someSession(2), someSession(3)
	sameID.ID, sameID.Subject = session.ID, "bob"
	sameHash.Hash, sameHash.Subject = session.Hash, "bob"
	for what, other := range map[string]access.Session{"id": sameID, "hash": sameHash, "id and hash": session} {
		if err := s.CreateSession(t.Context(), other); !errors.Is(err, access.ErrExists) {
			t.Errorf("CreateSession with the %s of another gives %v, want ErrExists", what, err)
		}
	}
	wantSession(t, s, session)
	wantSessions(t, s, "ann", session)
	wantSessions(t, s, "bob")
}

func sessionExtends(t testing.TB, s access.SessionStore) {
	session, other := createSession(t, s, someSession(1)), createSession(t, s, someSession(2))
	began := session.ExpiresAt
	for _, off := range []time.Duration{-time.Hour, 0, time.Minute, time.Second, time.Minute + time.Millisecond, time.Minute} {
		until := began.Add(off)
		if err := s.ExtendSession(t.Context(), session.ID, until); err != nil {
			t.Fatal(err)
		}
		if until.After(session.ExpiresAt) {
			session.ExpiresAt = until
		}
		wantSession(t, s, session)
	}
	wantSession(t, s, other)
}

func sessionEnds(t testing.TB, s access.SessionStore) {
	session, other := createSession(t, s, someSession(1)), createSession(t, s, someSession(2))
	if err := s.EndSession(t.Context(), session.ID); err != nil {
		t.Fatalf("EndSession: %v", err)
	}
	wantNoSession(t, s, session.Hash)
	if err := s.EndSession(t.Context(), session.ID); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("EndSession of a session that has ended gives %v, want ErrNotFound", err)
	}
	if err := s.ExtendSession(t.Context(), session.ID, session.ExpiresAt.Add(time.Hour)); err != nil {
		t.Errorf("ExtendSession of a session that has ended gives %v", err)
	}
	wantNoSession(t, s, session.Hash)
	wantSession(t, s, other)
	wantSessions(t, s, "ann", other)
}

// sessionList also asks for subjects that only look like another.
func sessionList(t testing.TB, s access.SessionStore) {
	wantSessions(t, s, "ann")
	made := make(map[int]access.Session)
	for _, n := range []int{3, 1, 4, 2, 5} {
		session := someSession(n)
		session.CreatedAt = kittest.SomeTime().Add(time.Duration(7-n) * time.Millisecond)
		if n == 4 {
			session.Subject = "Ann"
		}
		made[n] = createSession(t, s, session)
	}
	wantSessions(t, s, "ann", made[5], made[3], made[2], made[1])
	wantSessions(t, s, "Ann", made[4])
	for _, subject := range []string{"ann ", "an", "an_", "%", ""} {
		wantSessions(t, s, subject)
	}
}

// sessionKeeps has many sessions that have expired, which a store may remove, and
// one that has not.
func sessionKeeps(t testing.TB, s access.SessionStore) {
	session := createSession(t, s, someSession(0))
	for n := range 50 {
		old := someSession(n + 1)
		old.CreatedAt, old.ExpiresAt, old.Subject = kittest.SomeTime().AddDate(-1, 0, 0), kittest.SomeTime().AddDate(-1, 0, 1), "bob"
		createSession(t, s, old)
	}
	wantSession(t, s, session)
	wantSessions(t, s, "ann", session)
}

func sessionCancelled(t testing.TB, s access.SessionStore) {
	ctx := kittest.Cancelled(t)
	session := createSession(t, s, someSession(1))
	kittest.WantCancelled(t, "CreateSession", s.CreateSession(ctx, someSession(2)))
	_, err := s.SessionByHash(ctx, session.Hash)
	kittest.WantCancelled(t, "SessionByHash", err)
	kittest.WantCancelled(t, "ExtendSession", s.ExtendSession(ctx, session.ID, session.ExpiresAt.Add(time.Hour)))
	kittest.WantCancelled(t, "EndSession", s.EndSession(ctx, session.ID))
	_, err = s.Sessions(ctx, "ann")
	kittest.WantCancelled(t, "Sessions", err)
	wantSessions(t, s, "ann", session)
}

func sessionConcurrentCreates(t testing.TB, s access.SessionStore) {
	var created atomic.Int32
	kittest.Together(func(n int) {
		session := someSession(n)
		session.Hash = access.Hash("the same")
		switch err := s.CreateSession(t.Context(), session); {
		case err == nil:
			created.Add(1)
		case !errors.Is(err, access.ErrExists):
			t.Errorf("CreateSession gives %v, want ErrExists", err)
		}
	})
	if sessions, err := s.Sessions(t.Context(), "ann"); err != nil || len(sessions) != 1 || created.Load() != 1 {
		t.Errorf("%d sessions of one hash were created and %d are there, %v", created.Load(), len(sessions), err)
	}
}

func sessionConcurrentExtends(t testing.TB, s access.SessionStore) {
	session := createSession(t, s, someSession(1))
	kittest.Together(func(n int) {
		for i := range 4 {
			if err := s.ExtendSession(t.Context(), session.ID, session.ExpiresAt.Add(time.Duration(n*(7-i))*time.Millisecond)); err != nil {
				t.Errorf("ExtendSession: %v", err)
			}
		}
	})
	session.ExpiresAt = session.ExpiresAt.Add((kittest.AtOnce - 1) * 7 * time.Millisecond)
	wantSession(t, s, session)
}

// sessionConcurrentEnds extends a session while it is ended, which must not bring
// it back.
func sessionConcurrentEnds(t testing.TB, s access.SessionStore) {
	session := createSession(t, s, someSession(1))
	var ended atomic.Int32
	kittest.Together(func(n int) {
		if n%2 == 0 {
			if err := s.ExtendSession(t.Context(), session.ID, session.ExpiresAt.Add(time.Duration(n)*time.Second)); err != nil {
				t.Errorf("ExtendSession: %v", err)
			}
			return
		}
		switch err := s.EndSession(t.Context(), session.ID); {
		case err == nil:
			ended.Add(1)
		case !errors.Is(err, access.ErrNotFound):
			t.Errorf("EndSession gives %v, want ErrNotFound", err)
		}
	})
	wantNoSession(t, s, session.Hash)
	if ended.Load() != 1 {
		t.Errorf("the session was ended %d times", ended.Load())
	}
}
