package bunstore

import (
	"fmt"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

func TestSessionsAreRemoved(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newAddress func(t *testing.T) string) {
		s := migrated(t, newAddress(t), Config{})
		session := func(n int, age time.Duration) access.Session {
			at := time.Now().Add(-age)
			return access.Session{ID: fmt.Sprint(n), Hash: access.Hash(fmt.Sprint(n)), Subject: "ann", CreatedAt: at.Add(-time.Hour), ExpiresAt: at}
		}
		for n := range 50 {
			if err := s.CreateSession(t.Context(), session(n, 2*sessionsKept)); err != nil {
				t.Fatal(err)
			}
		}
		if n := number(t, s, "SELECT count(*) FROM orgexport_sessions"); n > 1 {
			t.Errorf("there are %d sessions, want the last one at most", n)
		}
		for n, age := range []time.Duration{-time.Hour, 0, sessionsKept / 2} {
			if err := s.CreateSession(t.Context(), session(100+n, age)); err != nil {
				t.Fatal(err)
			}
		}
		s.sweepSessions(t.Context())
		if n := number(t, s, "SELECT count(*) FROM orgexport_sessions"); n != 3 {
			t.Errorf("there are %d sessions, want those that expired less than a day ago", n)
		}
	})
}
