package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

const (
	sessionPath = "/dashboard/api/v1/session"
	twoWeeks    = 14 * 24 * time.Hour
)

// sessionWorld has a clock and a session of ann, a manager.
func sessionWorld(t *testing.T, change func(w *world)) (w *world, c *clock, text string) {
	t.Helper()
	c = newClock(time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC))
	w = newWorld(t, func(w *world) {
		w.config.Now = c.Now
		if change != nil {
			change(w)
		}
	})
	w.member(ourOrg, "ann", access.Manager)
	text = w.newSession("ann", twoWeeks)
	w.credentials = withSession(text)
	return w, c, text
}

// wantCookie wants a cookie with that text, or none if it is empty.
func wantCookie(t *testing.T, r reply, want string) {
	t.Helper()
	got := strings.Join(r.Header.Values("Set-Cookie"), " AND ")
	if got != want {
		t.Errorf("%s %s: Set-Cookie is %q, want %q", r.Request.Method, r.Request.URL.Path, got, want)
	}
}

func TestSessionIsRenewed(t *testing.T) {
	w, c, text := sessionWorld(t, nil)
	begin := c.Now()
	ends := func(want time.Time) {
		t.Helper()
		if s, err := w.session(text); err != nil || !s.ExpiresAt.Equal(want) {
			t.Errorf("the session ends at %v, %v, want %v", s.ExpiresAt, err, want)
		}
	}
	for _, d := range []time.Duration{0, time.Minute, twoWeeks/2 - time.Millisecond} {
		c.set(begin.Add(d))
		r := w.send("GET", exports+ourOrg)
		r.want(http.StatusOK)
		wantCookie(t, r, "")
	}
	ends(begin.Add(twoWeeks))

	c.set(begin.Add(twoWeeks / 2)) // the second half, whatever the request is
	wantCookie(t, w.send("GET", exports+ourOrg+"/"+noJob),
		"sessionid="+text+"; Path=/; Expires=Wed, 22 Jul 2026 12:00:00 GMT; HttpOnly; Secure; SameSite=Lax")
	ends(c.Now().Add(twoWeeks))
	for range 3 {
		c.move(time.Second)
		wantCookie(t, w.send("GET", exports+ourOrg), "")
	}

	c.move(twoWeeks - 4*time.Second) // one second before its end
	w.faults.Fail("SessionStore.ExtendSession", 1, errSecret)
	for range 2 { // which is tried once
		r := w.send("GET", exports+ourOrg)
		r.want(http.StatusOK)
		wantCookie(t, r, "")
	}
	if !strings.Contains(w.log.String(), "session not extended") {
		t.Error("the failure is not in the log")
	}
	c.move(time.Second + time.Millisecond)
	w.send("GET", exports+ourOrg).want(http.StatusUnauthorized)
}

// TestRenewalIsTriedOnceAMinute.
func TestRenewalIsTriedOnceAMinute(t *testing.T) {
	w, c, _ := sessionWorld(t, func(w *world) { w.config.SessionTTL = time.Hour; w.config.PublicURL = "http://localhost:8080" })
	short := w.newSession("ann", time.Hour)
	w.credentials = withSession(short)
	c.move(50 * time.Minute)
	w.faults.Fail("SessionStore.ExtendSession", 1, errSecret)
	for range 6 {
		wantCookie(t, w.send("GET", exports+ourOrg), "")
		c.move(10*time.Second - time.Millisecond)
	}
	c.move(6 * time.Millisecond)
	wantCookie(t, w.send("GET", exports+ourOrg),
		"sessionid="+short+"; Path=/; Expires=Wed, 01 Jul 2026 13:51:00 GMT; HttpOnly; SameSite=Lax") // no https
}

// TestShortSession: one that was made for less time than others ends in time,
// however much it is used.
func TestShortSession(t *testing.T) {
	w, c, _ := sessionWorld(t, nil)
	short := w.newSession("ann", time.Hour)
	w.credentials = withSession(short)
	for range 4 {
		r := w.send("GET", exports+ourOrg)
		r.want(http.StatusOK)
		wantCookie(t, r, "")
		c.move(15 * time.Minute)
	}
	w.send("GET", exports+ourOrg).want(http.StatusUnauthorized)
}

// TestNotRenewed: a request that is refused renews nothing.
func TestNotRenewed(t *testing.T) {
	w, c, text := sessionWorld(t, func(w *world) { w.config.Limits = access.Limits{PerMinute: 1} })
	c.move(twoWeeks - time.Minute)
	before, err := w.session(text)
	if err != nil {
		t.Fatal(err)
	}
	r := w.send("POST", exports+ourOrg, withHeader("Sec-Fetch-Site", "cross-site"))
	r.want(http.StatusForbidden)
	wantCookie(t, r, "")
	r.wantHeader("RateLimit-Remaining", "0") // it counts, though
	r = w.send("GET", exports+ourOrg)
	r.want(http.StatusTooManyRequests)
	wantCookie(t, r, "")
	if after, err := w.session(text); err != nil || after != before {
		t.Errorf("the session is %v, %v, want %v", after, err, before)
	}
}

func TestLogOut(t *testing.T) {
	const cleared = "sessionid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	w, c, text := sessionWorld(t, nil)
	c.move(twoWeeks - time.Minute) // in its second half
	session, err := w.session(text)
	if err != nil {
		t.Fatal(err)
	}
	other := withSession(w.newSession("ann", twoWeeks))

	r := w.send("DELETE", sessionPath, withHeader("Sec-Fetch-Site", "cross-site"))
	wantError(t, r, http.StatusForbidden, "forbidden", "Forbidden", "The request comes from another site.", false)
	wantCookie(t, r, "")
	w.faults.Fail("SessionStore.EndSession", 1, errSecret)
	r = w.send("DELETE", sessionPath)
	wantError(t, r, http.StatusInternalServerError, "internal_error", "Internal Error", internal, true)
	wantCookie(t, r, "")

	r = w.send("DELETE", sessionPath)
	r.want(http.StatusNoContent)
	wantCookie(t, r, cleared)
	r.wantHeader("RateLimit-Limit", "300")
	if s, err := w.session(text); err == nil {
		t.Errorf("the session is still there: %v", s)
	}
	for _, o := range append(operations, [2]string{"DELETE", sessionPath}) {
		wantUnauthorized(t, w.send(o[0], o[1]), badSession)
	}
	w.send("GET", exports+ourOrg, other).want(http.StatusOK)

	for _, nothing := range []option{withKey(w.key), withToken(w.tokens.of("ann"))} {
		r := w.send("DELETE", sessionPath, nothing)
		r.want(http.StatusNoContent)
		wantCookie(t, r, "")
	}
	entries, err := w.trail.Entries(t.Context(), "", 10)
	if err != nil || len(entries) != 1 || entries[0].Action != "session.ended" || entries[0].Object != session.ID ||
		entries[0].Actor != "session:"+session.ID || entries[0].Address != "127.0.0.1" || !entries[0].At.Equal(c.Now()) {
		t.Errorf("the trail has %+v, %v", entries, err)
	}
}

func TestCrossOrigin(t *testing.T) {
	w, _, _ := sessionWorld(t, func(w *world) { w.config.TrustedOrigins = []string{"https://dashboard.example"} })
	host := strings.TrimPrefix(w.server.URL, "http://")
	for name, test := range map[string]struct {
		fields  []string
		refused bool
	}{
		"no browser":       {nil, false},
		"same origin":      {[]string{"Sec-Fetch-Site", "same-origin"}, false},
		"typed":            {[]string{"Sec-Fetch-Site", "none"}, false},
		"own origin":       {[]string{"Origin", "http://" + host}, false},
		"trusted":          {[]string{"Origin", "https://dashboard.example", "Sec-Fetch-Site", "cross-site"}, false},
		"cross site":       {[]string{"Sec-Fetch-Site", "cross-site"}, true},
		"same site":        {[]string{"Sec-Fetch-Site", "same-site"}, true},
		"other origin":     {[]string{"Origin", "https://evil.example"}, true},
		"other, same-site": {[]string{"Origin", "http://dashboard.example", "Sec-Fetch-Site", "same-site"}, true},
		"null":             {[]string{"Origin", "null"}, true},
		"two origins":      {[]string{"Origin", "https://dashboard.example", "Origin", "https://evil.example"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			origin := func(r *http.Request) {
				for i := 0; i < len(test.fields); i += 2 {
					r.Header.Add(test.fields[i], test.fields[i+1])
				}
			}
			for _, o := range operations {
				r := w.send(o[0], o[1], origin)
				if test.refused && o[0] != "GET" {
					wantError(t, r, http.StatusForbidden, "forbidden", "Forbidden", "The request comes from another site.", false)
				} else if r.StatusCode == http.StatusForbidden {
					t.Errorf("%s %s: %s", o[0], o[1], r.body)
				}
			}
			for _, other := range []option{withKey(w.key), withToken(w.tokens.of("ann"))} {
				w.send("POST", exports+ourOrg, other, origin).want(http.StatusOK)
			}
		})
	}
}
