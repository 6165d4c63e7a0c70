package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

const (
	badKey     = "The API key is not valid."
	badToken   = "The bearer token is not valid."
	badSession = "The session is not valid or has ended."
)

// with sends header fields and no other credentials; those of one name are
// separate fields.
func with(fields ...string) option {
	return func(r *http.Request) {
		withoutKey(r)
		for i := 0; i < len(fields); i += 2 {
			r.Header.Add(fields[i], fields[i+1])
		}
	}
}

func wantUnauthorized(t *testing.T, r reply, detail string) {
	t.Helper()
	wantError(t, r, http.StatusUnauthorized, "unauthorized", "Unauthorized", detail, false)
	r.wantHeader("WWW-Authenticate", challenge)
	r.wantHeader("Set-Cookie", "")
}

// TestBadCredentials: what has the wrong form is not even looked up.
func TestBadCredentials(t *testing.T) {
	w := newWorld(t, nil)
	w.member(ourOrg, "ann", access.Manager)
	session, token := w.newSession("ann", time.Hour), w.tokens.of("ann")
	expired, ended := w.newSession("ann", 0), w.newSession("ann", time.Hour)
	s, err := w.session(ended)
	if err == nil {
		err = w.sessions.EndSession(t.Context(), s.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		with     option
		detail   string
		lookedUp bool
	}{
		"basic":                {with("Authorization", "Basic "+token), badToken, false},
		"key as token":         {with("Authorization", "Bearer "+w.key), badToken, true},
		"no scheme":            {with("Authorization", token), badToken, false},
		"empty field":          {with("Authorization", ""), badToken, false},
		"empty token":          {with("Authorization", "Bearer "), badToken, false},
		"two words":            {with("Authorization", "Bearer "+token+" "+token), badToken, false},
		"odd character":        {with("Authorization", "Bearer a,b"), badToken, false},
		"padding only":         {with("Authorization", "Bearer =="), badToken, false},
		"padding within":       {with("Authorization", "Bearer a=b"), badToken, false},
		"two tokens":           {with("Authorization", "Bearer "+token, "Authorization", "Bearer "+token), badToken, false},
		"token that is bad":    {with("Authorization", "Bearer a.b.c"), badToken, true},
		"empty cookie":         {with("Cookie", "sessionid="), badSession, false},
		"short session":        {with("Cookie", "sessionid="+session[1:]), badSession, false},
		"odd session":          {with("Cookie", "sessionid=."+session[1:]), badSession, false},
		"two sessions":         {with("Cookie", "sessionid="+session+"; a=b; sessionid="+session), badSession, false},
		"two cookies":          {with("Cookie", "sessionid="+session, "Cookie", "sessionid="+session), badSession, false},
		"unknown session":      {with("Cookie", "sessionid="+strings.Repeat("A", 43)), badSession, true},
		"expired session":      {with("Cookie", "sessionid="+expired), badSession, true},
		"ended session":        {with("Cookie", "sessionid="+ended), badSession, true},
		"cookie of other name": {with("Cookie", "session="+session), noCredentials, false},

		// Only the first counts.
		"bad key, good token":        {with("X-Api-Key", "csb_x", "Authorization", "Bearer "+token), badKey, false},
		"bad key, good session":      {with("X-Api-Key", "csb_x", "Cookie", "sessionid="+session), badKey, false},
		"empty key, good token":      {with("X-Api-Key", "", "Authorization", "Bearer "+token), badKey, false},
		"bad token, good session":    {with("Authorization", "Bearer x", "Cookie", "sessionid="+session), badToken, true},
		"basic, good session":        {with("Authorization", "Basic eDp5", "Cookie", "sessionid="+session), badToken, false},
		"bad, and then all are good": {with("X-Api-Key", w.key+"0", "Authorization", "Bearer "+token, "Cookie", "sessionid="+session), badKey, false},
	} {
		t.Run(name, func(t *testing.T) {
			w.sealed.Store(true)
			w.closed.Store(!test.lookedUp)
			for _, o := range operations {
				wantUnauthorized(t, w.send(o[0], o[1], test.with), test.detail)
			}
			wantUnauthorized(t, w.send("DELETE", sessionPath, test.with), test.detail)
		})
	}
	w.sealed.Store(false)
	w.closed.Store(false)
	for name, good := range map[string]option{
		"good key, bad token":     with("X-Api-Key", w.key, "Authorization", "Basic x", "Cookie", "sessionid=x"),
		"good token, bad session": with("Authorization", "bEARER  "+token, "Cookie", "sessionid=x"),
		"session and others":      with("Cookie", "a=b; sessionid="+session+"; c=d"),
	} {
		t.Log(name)
		w.send("GET", exports+ourOrg, good).want(http.StatusOK)
	}
}

// TestWaysThatAreOff: credentials of a kind that is not configured are not looked
// at, and the challenge does not name it.
func TestWaysThatAreOff(t *testing.T) {
	w := newWorld(t, func(w *world) { w.config.Keys, w.config.Sessions = nil, nil })
	w.member(ourOrg, "ann", access.Manager)
	token := w.tokens.of("ann")
	w.send("GET", exports+ourOrg, with("X-Api-Key", "x", "Authorization", "Bearer "+token)).want(http.StatusOK)
	r := w.send("GET", exports+ourOrg, with("X-Api-Key", w.key, "Cookie", "sessionid="+w.newSession("ann", time.Hour)))
	wantError(t, r, http.StatusUnauthorized, "unauthorized", "Unauthorized", noCredentials, false)
	r.wantHeader("WWW-Authenticate", `Bearer realm="data-export"`)
	w.send("DELETE", sessionPath, withToken(token)).want(http.StatusNotFound)
}

// TestTokensCannotBeChecked: nobody is told that a token is bad then, and nobody
// is shut out later.
func TestTokensCannotBeChecked(t *testing.T) {
	w := newWorld(t, func(w *world) { w.config.AddressLimits = access.Limits{PerMinute: 1, PerDay: 1} })
	w.member(ourOrg, "ann", access.Manager)
	w.credentials = withToken(w.tokens.of("ann"))
	w.tokens.fail(errSecret)
	for range 3 {
		r := w.send("GET", exports+ourOrg)
		wantError(t, r, http.StatusServiceUnavailable, "service_unavailable", "Service Unavailable",
			"Bearer tokens cannot be checked for now. Please try again later.", true)
		r.wantHeader("WWW-Authenticate", "")
		r.wantHeader("RateLimit-Policy", "")
	}
	if !strings.Contains(w.log.String(), secret) {
		t.Error("the cause is not in the log")
	}
	w.tokens.fail(nil)
	w.send("GET", exports+ourOrg).want(http.StatusOK)
}

// TestNoSecretsInTheLog: no credentials are in it, good or bad.
func TestNoSecretsInTheLog(t *testing.T) {
	w := newWorld(t, func(w *world) { w.config.AddressLimits = access.Limits{PerMinute: 12} })
	w.member(ourOrg, "ann", access.Manager)
	token, session := w.tokens.of("ann"), w.newSession("ann", time.Hour)
	const wrong = "planted"
	secrets := []string{w.key, token, session, wrong}
	for range 10 {
		for _, o := range []option{withKey(w.key), withToken(token), withSession(session), withToken(wrong), withKey(wrong), withSession(wrong)} {
			w.send("GET", exports+ourOrg, o)
		}
	}
	for _, call := range []string{
		"KeyStore.KeyByHash", "KeyStore.TouchKey", "SessionStore.SessionByHash", "SessionStore.EndSession", "SessionStore.ExtendSession", "Log.Record",
	} {
		w.faults.Fail(call, 1, errSecret)
	}
	w = newWorld(t, func(v *world) {
		v.faults, v.log, v.tokens, v.sessions, v.keys = w.faults, w.log, w.tokens, w.sessions, w.keys
	})
	w.tokens.fail(errSecret)
	for range 2 {
		for _, o := range []option{withKey(w.key), withToken(token), withSession(session)} {
			w.send("POST", exports+ourOrg, o)
			w.send("DELETE", sessionPath, o)
		}
	}
	log := w.log.String()
	for _, s := range append(secrets, w.key) {
		if strings.Contains(log, s) {
			t.Errorf("the log has %q:\n%s", s, log)
		}
	}
	if !strings.Contains(log, "bearer token refused") {
		t.Errorf("the log says nothing of a bad token: %s", log)
	}
}

// TestRemovalActsAtOnce: a member who was removed, or has another role, may
// nothing from then on, whatever their credentials.
func TestRemovalActsAtOnce(t *testing.T) {
	eachScheme(t, func(t *testing.T, w *world) {
		id := w.job("")
		w.member(ourOrg, "ann", access.Editor)
		w.send("GET", exports+ourOrg+"/"+id).want(http.StatusForbidden)
		w.member(ourOrg, "ann", access.Owner)
		w.send("GET", exports+ourOrg+"/"+id).want(http.StatusOK)
		if err := w.members.RemoveMember(t.Context(), ourOrg, "ann"); err != nil {
			t.Fatal(err)
		}
		for _, o := range operations {
			w.send(o[0], o[1]).want(http.StatusForbidden)
		}
	})
}

// TestLinksAreRecordedOnceAnHour of a principal and job, whichever process gives
// them.
func TestLinksAreRecordedOnceAnHour(t *testing.T) {
	c := newClock(time.Date(2026, 7, 1, 12, 10, 0, 0, time.UTC))
	counter := &access.MemCounter{Now: c.Now}
	w := newWorld(t, func(w *world) { w.config.Now, w.config.Counter = c.Now, w.faults.Counter(counter) })
	other := newWorld(t, func(o *world) {
		o.config = w.config // the same stores, another process
	})
	one, two := w.job(""), w.job("?archive_format=tar.gz")
	w.work()
	w.member(ourOrg, "ann", access.Manager)
	linked := func() (n int) {
		entries, err := w.trail.Entries(t.Context(), ourOrg, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Action == "export.linked" {
				n++
			}
		}
		return n
	}
	poll := func(want int, id string, options ...option) {
		t.Helper()
		for _, v := range []*world{w, other, w} {
			v.send("GET", exports+ourOrg+"/"+id, append([]option{withKey(w.key)}, options...)...).want(http.StatusOK)
		}
		if n := linked(); n != want {
			t.Fatalf("the trail has %d entries of links, want %d", n, want)
		}
	}
	poll(1, one)
	c.move(2 * time.Minute)
	poll(1, one)
	poll(2, two)
	poll(3, one, withToken(w.tokens.of("ann")))
	w.send("GET", exports+ourOrg).want(http.StatusOK) // the list has links, too
	poll(3, two)
	c.set(time.Date(2026, 7, 1, 13, 0, 0, 0, time.UTC))
	poll(4, one)

	// Rather twice than not at all.
	c.move(time.Minute)
	w.faults.Fail("Counter.Count", 2, errSecret) // the first is for the limits
	w.send("GET", exports+ourOrg+"/"+one).want(http.StatusOK)
	if n := linked(); n != 5 {
		t.Errorf("the trail has %d entries of links, want 5", n)
	}
}
