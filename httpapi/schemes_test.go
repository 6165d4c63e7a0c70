package httpapi_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// scheme is a way to prove who one is.
type scheme struct {
	name string
	of   func(w *world, subject string) option // new credentials of a user
}

var schemes = []scheme{
	{"key", func(w *world, subject string) option {
		return withKey(w.newKey(access.Key{Kind: access.User, UserID: subject}))
	}},
	{"session", func(w *world, subject string) option { return withSession(w.newSession(subject, 14*24*time.Hour)) }},
	{"token", func(w *world, subject string) option { return withToken(w.tokens.of(subject)) }},
}

// eachScheme runs a test in a world for each scheme, whose credentials are those
// of a manager of ourOrg.
func eachScheme(t *testing.T, test func(t *testing.T, w *world)) {
	for _, s := range schemes {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.member(ourOrg, "ann", access.Manager)
			w.credentials = s.of(w, "ann")
			test(t, w)
		})
	}
}

func (w *world) member(organizationID, subject string, role access.Role) {
	w.t.Helper()
	if err := w.members.PutMember(w.t.Context(), access.Member{OrganizationID: organizationID, Subject: subject, Role: role}); err != nil {
		w.t.Fatal(err)
	}
}

// newSession stores a session and returns its text.
func (w *world) newSession(subject string, lasts time.Duration) string {
	w.t.Helper()
	now := time.Now()
	if w.config.Now != nil {
		now = w.config.Now()
	}
	text, err := access.NewSessionText(rand.Reader)
	if err != nil {
		w.t.Fatal(err)
	}
	s := access.Session{ID: newID(), Hash: access.Hash(text), Subject: subject, CreatedAt: now, ExpiresAt: now.Add(lasts)}
	if err := w.sessions.CreateSession(w.t.Context(), s); err != nil {
		w.t.Fatal(err)
	}
	return text
}

// session returns what is stored of a session.
func (w *world) session(text string) (access.Session, error) {
	return w.sessions.SessionByHash(w.t.Context(), access.Hash(text))
}

func withSession(text string) option {
	return func(r *http.Request) { withoutKey(r); r.Header.Set("Cookie", "sessionid="+text) }
}

func withToken(token string) option {
	return func(r *http.Request) { withoutKey(r); r.Header.Set("Authorization", "Bearer "+token) }
}

// tokens knows some tokens.
type tokens struct {
	touch func()

	mu       sync.Mutex
	subjects map[string]string
	down     error // why nothing can be told
}

// of returns a new token of a user.
func (v *tokens) of(subject string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.subjects == nil {
		v.subjects = make(map[string]string)
	}
	token := "eyJ." + rand.Text() + "._~+/-=="
	v.subjects[token] = subject
	return token
}

// fail lets all tokens give err, if it is not nil.
func (v *tokens) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.down = err
}

// forget makes a token bad.
func (v *tokens) forget(token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.subjects, token)
}

// Verify implements [access.TokenVerifier].
func (v *tokens) Verify(_ context.Context, token string) (access.Principal, error) {
	v.touch()
	v.mu.Lock()
	defer v.mu.Unlock()
	subject, ok := v.subjects[token]
	if v.down != nil {
		return access.Principal{}, v.down
	}
	if !ok {
		return access.Principal{}, fmt.Errorf("%w: expired", access.ErrToken)
	}
	return access.Principal{Name: "token:" + subject, Subject: subject}, nil
}

// watchedKeys and watchedSessions tell when one is looked up.
type watchedKeys struct {
	access.KeyStore
	touch func()
}

func (s watchedKeys) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (access.Key, error) {
	s.touch()
	return s.KeyStore.KeyByHash(ctx, hash)
}

type watchedSessions struct {
	access.SessionStore
	touch func()
}

func (s watchedSessions) SessionByHash(ctx context.Context, hash [sha256.Size]byte) (access.Session, error) {
	s.touch()
	return s.SessionStore.SessionByHash(ctx, hash)
}

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock(at time.Time) *clock { return &clock{at: at} }

// Now is the time.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (c *clock) move(d time.Duration) { c.set(c.Now().Add(d)) }
