package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
)

// TestRevokedWhileWatching: whoever may not see a job any more gets no link, and
// loses the stream within 15 seconds.
func TestRevokedWhileWatching(t *testing.T) {
	for name, revoke := range map[string]func(t *testing.T, w *world) option{
		"member removed": func(t *testing.T, w *world) option {
			time.AfterFunc(time.Second, func() {
				if err := w.members.RemoveMember(t.Context(), ourOrg, "ann"); err != nil {
					t.Error(err)
				}
			})
			return withKey(w.newKey(access.Key{Kind: access.User, UserID: "ann"}))
		},
		"key revoked": func(t *testing.T, w *world) option {
			key, err := w.keys.KeyByHash(t.Context(), access.Hash(w.key))
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, func() {
				if err := w.keys.RevokeKey(t.Context(), key.ID, time.Now()); err != nil {
					t.Error(err)
				}
			})
			return withKey(w.key)
		},
		"key expires": func(_ *testing.T, w *world) option {
			key := access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Owner, ExpiresAt: time.Now().Add(time.Second)}
			return withKey(w.newKey(key))
		},
		"session ends": func(t *testing.T, w *world) option {
			text := w.newSession("ann", time.Hour)
			session, err := w.session(text)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, func() {
				if err := w.sessions.EndSession(t.Context(), session.ID); err != nil {
					t.Error(err)
				}
			})
			return withSession(text)
		},
		"token expires": func(_ *testing.T, w *world) option {
			token := w.tokens.of("ann")
			time.AfterFunc(time.Second, func() { w.tokens.forget(token) })
			return withToken(token)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, ends := range []bool{false, true} { // the job, in the meantime
				inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
					id := w.create()
					s := w.watch(p.dial(), "GET", id, revoke(t, w))
					s.begin()
					time.Sleep(time.Second + time.Millisecond)
					if ends {
						w.update(id, completed)
						s.end(549 * time.Millisecond) // it is read 1.55 seconds after the beginning
					} else {
						s.end(14*time.Second - time.Millisecond)
					}
					if log := w.log.String(); strings.Contains(log, "level=ERROR") || !strings.Contains(log, "who watches a job") {
						t.Errorf("the log has %s", log)
					}
				})
			}
		})
	}
}

// TestCannotBeCheckedWhileWatching: a stream goes on while it cannot be told who
// may see it, but no link is in it.
func TestCannotBeCheckedWhileWatching(t *testing.T) {
	for name, test := range map[string]struct {
		of   func(w *world) option
		fail func(w *world, n int)
	}{
		"keys":     {schemeOf("key"), func(w *world, n int) { w.faults.Fail("KeyStore.KeyByHash", n, errSecret) }},
		"sessions": {schemeOf("session"), func(w *world, n int) { w.faults.Fail("SessionStore.SessionByHash", n, errSecret) }},
		"tokens":   {schemeOf("token"), func(w *world, _ int) { w.tokens.fail(errSecret) }},
		"members":  {schemeOf("key"), func(w *world, n int) { w.faults.Fail("MemberStore.Member", n, errSecret) }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(t *testing.T, w *world, p *pipes) {
				id := w.create()
				s := w.watch(p.dial(), "GET", id, test.of(w))
				s.begin()
				for n := range 3 {
					test.fail(w, n+1)
				}
				s.want(":")
				s.want(":")
				w.update(id, func(j *jobs.Job) { j.Status = jobs.Processing })
				s.event()
				time.Sleep(time.Millisecond)
				w.update(id, completed)
				s.end(time.Second - time.Millisecond)
			})
		})
	}
}

func schemeOf(name string) func(w *world) option {
	return func(w *world) option {
		for _, s := range schemes {
			if s.name == name {
				return s.of(w, "ann")
			}
		}
		panic(name)
	}
}
