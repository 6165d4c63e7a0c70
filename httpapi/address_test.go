package httpapi_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

const addressPolicy = "3;w=60, 9;w=86400"

// TestGuessing: after a few bad credentials nothing is looked up any more until
// the minute ends, not even good ones.
func TestGuessing(t *testing.T) {
	w, c := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 3, PerDay: 9}, nil)
	w.member(ourOrg, "ann", access.Manager)
	good := []option{withKey(w.key), withToken(w.tokens.of("ann")), withSession(w.newSession("ann", time.Hour))}
	one := noon.Add(time.Minute)
	for range 4 { // which do not count for the address
		for _, o := range good {
			w.send("GET", exports+ourOrg, o).want(http.StatusOK)
		}
	}
	for i, bad := range []option{withKey("x"), withToken("x"), withSession("x")} {
		r := w.send("GET", exports+ourOrg, bad)
		r.want(http.StatusUnauthorized)
		wantLimits(t, r, addressPolicy, 3, 2-i, 2, one)
	}
	w.send("GET", exports+ourOrg).want(http.StatusOK) // the address is not over its limit yet
	r := w.send("GET", exports+ourOrg, withToken("y"))
	wantTooMany(t, r, 2, tooManyDetail)
	r.wantHeader("WWW-Authenticate", "")

	w.sealed.Store(true)
	w.closed.Store(true)
	for i, o := range append(good, withoutKey, withKey("x")) {
		r := w.send("GET", exports+ourOrg, o)
		if i < 4 {
			wantTooMany(t, r, 2, tooManyDetail)
			wantLimits(t, r, addressPolicy, 3, 0, 2, one)
		} else { // refused ones count: with this one the day is used up as well
			r.want(http.StatusTooManyRequests)
			wantLimits(t, r, addressPolicy, 9, 0, 12*3600-58, midnight)
		}
	}
	w.send("GET", "/healthz", withoutKey).want(http.StatusOK)
	c.set(one.Add(-time.Millisecond))
	w.send("GET", exports+ourOrg).want(http.StatusTooManyRequests)
	w.sealed.Store(false)
	w.closed.Store(false)

	// The day's limit is for those who have no good credentials: the others at the
	// address can do nothing for it.
	c.set(one)
	for range 2 {
		w.send("GET", exports+ourOrg, withKey("x")).want(http.StatusTooManyRequests)
		for _, o := range good {
			w.send("GET", exports+ourOrg, o).want(http.StatusOK)
		}
	}
	c.set(midnight)
	w.send("GET", exports+ourOrg, withKey("x")).want(http.StatusUnauthorized)
}

// TestNoGuesses: who sends no credentials, or to no route, is limited and keeps
// nobody from being looked up.
func TestNoGuesses(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 2}, nil)
	for range 3 {
		w.send("GET", "/nothing")
		w.send("PUT", exports+ourOrg)
		w.send("GET", exports+ourOrg, withoutKey)
	}
	for _, o := range [][2]string{{"GET", "/nothing"}, {"PUT", exports + ourOrg}} {
		wantTooMany(t, w.send(o[0], o[1]), 2, tooManyDetail)
	}
	wantTooMany(t, w.send("GET", exports+ourOrg, withoutKey), 2, tooManyDetail)
	w.send("GET", exports+ourOrg).want(http.StatusOK)
}

// TestBlockedWithoutCounter: that the counter fails helps nobody who guesses.
func TestBlockedWithoutCounter(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 1}, func(w *world) {
		w.config.Counter = w.faults.Counter(&access.MemCounter{Now: w.config.Now})
	})
	for range 2 {
		w.send("GET", exports+ourOrg, withKey("x"))
	}
	w.closed.Store(true)
	w.faults.Fail("Counter.Count", 1, errSecret)
	wantTooMany(t, w.send("GET", exports+ourOrg), 2, tooManyDetail)
}

// TestBlockedBeforeTheClockWasPutBack: an address is not blocked for hours.
func TestBlockedBeforeTheClockWasPutBack(t *testing.T) {
	w, c := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 1}, nil)
	for range 2 {
		w.send("GET", exports+ourOrg, withKey("x"))
	}
	wantTooMany(t, w.send("GET", exports+ourOrg), 2, tooManyDetail)
	c.move(-5 * time.Hour)
	w.send("GET", exports+ourOrg).want(http.StatusOK)
}

// TestHostIsAlwaysAsked: a host that authenticates decides itself how often.
func TestHostIsAlwaysAsked(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 1}, func(w *world) {
		w.config.Authenticate = func(r *http.Request) (access.Principal, error) {
			if r.Header.Get("User") == "" {
				return access.Principal{}, w401
			}
			return access.Principal{Name: "user:ann", OrganizationID: ourOrg, Role: access.Owner}, nil
		}
	})
	w.send("GET", exports+ourOrg).want(http.StatusUnauthorized)
	wantTooMany(t, w.send("GET", exports+ourOrg), 2, tooManyDetail)
	w.send("GET", exports+ourOrg, withHeader("User", "ann")).want(http.StatusOK)
}

// TestNetworks: which addresses count together.
func TestNetworks(t *testing.T) {
	var over []string
	w, _ := limitWorld(t, access.Limits{}, access.Limits{PerMinute: 50}, func(w *world) {
		w.unserved = true
		w.config.OnLimit = func(who string) { over = append(over, who) }
	})
	for i, test := range []struct {
		address string
		left    int
	}{
		{"192.0.2.1:1", 49}, {"192.0.2.1:2", 48}, {"192.0.2.2:1", 49}, {"[::ffff:192.0.2.1]:1", 47},
		{"[2001:db8::1]:1", 49}, {"[2001:db8::2:3:4]:1", 48}, {"[2001:db8:0:1::1]:1", 49}, {"[fe80::1%eth0]:1", 49}, {"[fe80::2%eth1]:1", 48},
		{"@", 49}, {"", 49},
	} {
		rec := w.call("GET", "/nothing", test.address, withoutKey)
		if got := rec.Header().Get("RateLimit-Remaining"); got != strconv.Itoa(test.left) {
			t.Errorf("%d: %s has %s left, want %d", i, test.address, got, test.left)
		}
	}
	for range 60 {
		w.call("GET", "/nothing", "[2001:db8::9]:1", withoutKey)
	}
	if len(over) != 12 || over[0] != "address:2001:db8::/64" {
		t.Errorf("over the limit were %q", over)
	}
}
