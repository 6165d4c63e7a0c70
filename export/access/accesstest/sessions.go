package accesstest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/internal/kittest"
)

// RunSessionStore checks an [access.SessionStore] against its documentation.
// newStore returns an empty one for each subtest. A store that removes sessions
// that have expired must have a clock that is right to the hour.
func RunSessionStore(t *testing.T, newStore func(t *testing.T) access.SessionStore) {
	t.Helper()
	kittest.Run(t, sessionPromises, func(t *testing.T) sessions { return sessionsOf(newStore(t)) })
}

type sessions = store[access.Session]

func sessionsOf(s access.SessionStore) sessions {
	return sessions{
		kind:   kind[access.Session]{"Session", "ExtendSession", "EndSession", someSession, sessionColumns},
		create: s.CreateSession, byHash: s.SessionByHash, move: s.ExtendSession, list: s.Sessions,
		end: func(ctx context.Context, id string, _ time.Time) error { return s.EndSession(ctx, id) },
	}
}

var sessionPromises = []kittest.Promise[sessions]{
	{"EveryFieldSurvives", sessionFields},
	{"InstantsAreInUTCAndMilliseconds", credentialInstants[access.Session]},
	{"NotFound", credentialNotFound[access.Session]},
	{"NoIDOrHashTwice", credentialExists[access.Session]},
	{"Extends", credentialMoves[access.Session]},
	{"Ends", sessionEnds},
	{"ListsOldestFirst", sessionList},
	{"KeepsWhatHasNotExpired", sessionKeeps},
	{"CancelledContext", credentialCancelled[access.Session]},
	{"ConcurrentCreates", credentialConcurrentCreates[access.Session]},
	{"ConcurrentExtends", credentialConcurrentMoves[access.Session]},
	{"ConcurrentEnds", sessionConcurrentEnds},
}

// someSession returns session n of ann. It began an hour ago and is good for a day.
func someSession(n int) access.Session {
	now := kittest.Instant(time.Now())
	return access.Session{
		ID: kittest.ShortID(n), Hash: access.Hash(fmt.Sprint("session ", n)), Subject: "ann",
		CreatedAt: now.Add(-time.Hour), ExpiresAt: now.Add(24 * time.Hour),
	}
}

func sessionFields(t testing.TB, s sessions) {
	session := kittest.Filled[access.Session](t, new(kittest.Filler))
	session.ExpiresAt = session.ExpiresAt.AddDate(100, 0, 0)
	s.created(t, session)
	s.want(t, session)
	s.wantList(t, session.Subject, session)
}

func sessionEnds(t testing.TB, s sessions) {
	session, other := s.created(t, someSession(1)), s.created(t, someSession(2))
	if err := s.end(t.Context(), session.ID, time.Now()); err != nil {
		t.Fatalf("EndSession: %v", err)
	}
	s.wantNone(t, session.Hash)
	if err := s.end(t.Context(), session.ID, time.Now()); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("EndSession of a session that has ended gives %v, want ErrNotFound", err)
	}
	if err := s.move(t.Context(), session.ID, session.ExpiresAt.Add(time.Hour)); err != nil {
		t.Errorf("ExtendSession of a session that has ended gives %v", err)
	}
	s.wantNone(t, session.Hash)
	s.want(t, other)
	s.wantList(t, "ann", other)
}

// sessionList also asks for subjects that look like that of a session.
func sessionList(t testing.TB, s sessions) {
	s.wantList(t, "ann")
	made := make(map[int]access.Session)
	for _, n := range []int{3, 1, 4, 2, 5} {
		session := someSession(n)
		session.CreatedAt = kittest.SomeTime().Add(time.Duration(7-n) * time.Millisecond)
		if n == 4 {
			session.Subject = "Ann"
		}
		made[n] = s.created(t, session)
	}
	s.wantList(t, "ann", made[5], made[3], made[2], made[1])
	s.wantList(t, "Ann", made[4])
	for _, subject := range []string{"ann ", "an", "an_", "%", ""} {
		s.wantList(t, subject)
	}
}

// sessionKeeps creates many expired sessions, which a store may remove, and one
// that is good.
func sessionKeeps(t testing.TB, s sessions) {
	session := s.created(t, someSession(0))
	for n := range 50 {
		old := someSession(n + 1)
		old.CreatedAt, old.ExpiresAt, old.Subject = kittest.SomeTime().AddDate(-1, 0, 0), kittest.SomeTime().AddDate(-1, 0, 1), "bob"
		s.created(t, old)
	}
	s.want(t, session)
	s.wantList(t, "ann", session)
}

// sessionConcurrentEnds extends a session while it is ended, which must not bring
// it back.
func sessionConcurrentEnds(t testing.TB, s sessions) {
	session := s.created(t, someSession(1))
	var ended atomic.Int32
	kittest.Together(func(n int) {
		if n%2 == 0 {
			if err := s.move(t.Context(), session.ID, session.ExpiresAt.Add(time.Duration(n)*time.Second)); err != nil {
				t.Errorf("ExtendSession: %v", err)
			}
			return
		}
		switch err := s.end(t.Context(), session.ID, time.Now()); {
		case err == nil:
			ended.Add(1)
		case !errors.Is(err, access.ErrNotFound):
			t.Errorf("EndSession gives %v, want ErrNotFound", err)
		}
	})
	s.wantNone(t, session.Hash)
	if ended.Load() != 1 {
		t.Errorf("the session was ended %d times", ended.Load())
	}
}
