package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/export/jobs"
)

// limitNames are the header fields of limits, in the order of limitsOf.
var limitNames = []string{
	"RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
	"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
}

func limitsOf(h http.Header) string {
	var values []string
	for _, name := range limitNames {
		if h.Get(name) != "" {
			values = append(values, h.Get(name))
		}
	}
	return strings.Join(values, " | ")
}

// wantLimits wants policy, limit, remaining, reset and the aliases that follow.
func wantLimits(t *testing.T, r reply, policy string, limit, remaining, reset int, at time.Time) {
	t.Helper()
	want := fmt.Sprintf("%s | %d | %d | %d | %[2]d | %[3]d | %[5]d", policy, limit, remaining, reset, at.Unix())
	if got := limitsOf(r.Header); got != want {
		t.Errorf("%s %s (%d): limits are\n%s, want\n%s", r.Request.Method, r.Request.URL.Path, r.StatusCode, got, want)
	}
}

// wantTooMany wants the three ways to say when to come again, which are one.
func wantTooMany(t *testing.T, r reply, after int, detail string) {
	t.Helper()
	r.want(http.StatusTooManyRequests)
	r.wantHeader("Retry-After", strconv.Itoa(after))
	wantFields(t, r, map[string]any{
		"type": "https://closient.com/docs/errors/rate_limited", "title": "Rate Limited", "status": 429.0, "detail": detail,
		"error_code": "rate_limited", "retryable": true, "timestamp": r.json["timestamp"],
		"retry_after": float64(after), "retry_after_seconds": float64(after),
	})
}

const (
	tooManyDetail = "Rate limit exceeded. Please try again later."
	defaultPolicy = "300;w=60, 10000;w=86400"
)

var (
	noon     = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	midnight = time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
)

// limitWorld has a clock, which begins 58 seconds after noon.
func limitWorld(t *testing.T, limits, addresses access.Limits, change func(w *world)) (*world, *clock) {
	t.Helper()
	c := newClock(noon.Add(58 * time.Second))
	return newWorld(t, func(w *world) {
		w.config.Now, w.config.Limits, w.config.AddressLimits = c.Now, limits, addresses
		if change != nil {
			change(w)
		}
	}), c
}

// TestLimitHeaders: they are on every response of an operation, whatever it is.
func TestLimitHeaders(t *testing.T) {
	w, c := limitWorld(t, access.Limits{}, access.Limits{}, withEverything)
	c.set(noon.Add(29*time.Second + 400*time.Millisecond))
	job, id := w.job(""), 1 // the first request
	w.work()
	for _, test := range []struct {
		status       int
		method, path string
		with         option
	}{
		{200, "GET", exports + ourOrg, nil},
		{200, "HEAD", exports + ourOrg, nil},
		{200, "GET", exports + ourOrg + "/" + job, nil},
		{200, "GET", exports + ourOrg + "/" + job + "/events", nil},
		{422, "GET", exports + "x", nil},
		{403, "GET", exports + theirOrg, nil},
		{404, "GET", exports + ourOrg + "/" + noJob, nil},
		{404, "GET", exports + ourOrg + "/" + noJob + "/events", nil},
		{406, "GET", exports + ourOrg, withHeader("Accept", "text/html")},
		{413, "POST", exports + ourOrg, withBody("", strings.Repeat(" ", 5000))},
		{415, "POST", exports + ourOrg, withBody("text/html", "x")},
		{204, "DELETE", exports + ourOrg + "/" + job, nil},
		{204, "DELETE", sessionPath, nil},
	} {
		if test.with == nil {
			test.with = func(*http.Request) {}
		}
		r := w.send(test.method, test.path, test.with)
		r.want(test.status)
		id++
		wantLimits(t, r, defaultPolicy, 300, 300-id, 31, noon.Add(time.Minute))
	}
	bad := 0
	for _, test := range []struct {
		status       int
		method, path string
		with         option
	}{
		{401, "GET", exports + ourOrg, withoutKey},
		{401, "HEAD", exports + ourOrg, withKey("x")},
		{401, "DELETE", sessionPath, withToken("x")},
		{404, "GET", "/", withKey(w.key)},
		{404, "GET", exports + ourOrg + "/", withoutKey},
		{405, "PUT", exports + ourOrg, withKey(w.key)},
		{405, "POST", "/healthz", withoutKey},
	} {
		r := w.send(test.method, test.path, test.with)
		r.want(test.status)
		bad++
		wantLimits(t, r, "60;w=60, 1000;w=86400", 60, 60-bad, 31, noon.Add(time.Minute))
	}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.json", "/openapi.yaml", "/docs", "/docs/", "/downloads/x"} {
		for range 70 { // which is over the limit of an address
			r := w.send("GET", path, withoutKey)
			if got := limitsOf(r.Header); got != "" || r.StatusCode == http.StatusTooManyRequests {
				t.Fatalf("%s is limited: %d %s", path, r.StatusCode, got)
			}
		}
	}
}

// TestLimits walks over the borders of a minute and of a day.
func TestLimits(t *testing.T) {
	var over []string
	w, c := limitWorld(t, access.Limits{PerMinute: 3, PerDay: 6}, access.Limits{}, func(w *world) {
		w.config.OnLimit = func(who string) { over = append(over, who) }
	})
	const policy = "3;w=60, 6;w=86400"
	one, day := noon.Add(time.Minute), int(midnight.Sub(noon)/time.Second)
	get := func(status, limit, remaining, reset int, at time.Time) {
		t.Helper()
		r := w.send("GET", exports+ourOrg)
		r.want(status)
		wantLimits(t, r, policy, limit, remaining, reset, at)
		if status == http.StatusTooManyRequests {
			wantTooMany(t, r, reset, tooManyDetail)
		}
	}
	get(200, 3, 2, 2, one)
	get(200, 3, 1, 2, one)
	get(200, 3, 0, 2, one)
	c.move(500 * time.Millisecond)
	get(429, 3, 0, 2, one) // the fourth: one and a half seconds are left
	c.move(1500*time.Millisecond - time.Millisecond)
	get(429, 3, 0, 1, one) // the fifth
	c.set(one)
	get(200, 6, 0, day-60, midnight) // the sixth: refused ones count, and the day has fewer left
	get(429, 6, 0, day-60, midnight)
	get(429, 6, 0, day-60, midnight)
	get(429, 6, 0, day-60, midnight) // both are used up: who comes when the minute ends is too early
	c.set(midnight.Add(-time.Millisecond))
	get(429, 6, 0, 1, midnight)
	c.set(midnight)
	get(200, 3, 2, 60, midnight.Add(time.Minute))

	key, err := w.keys.KeyByHash(t.Context(), access.Hash(w.key))
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat(" key:"+key.ID, 6)[1:]; strings.Join(over, " ") != want {
		t.Errorf("over the limit were %q, want %s", over, want)
	}
}

// TestResetIsABorder: the absolute reset is when a window ends, and not when it
// would if it had begun with what the counter's clock and ours differ by.
func TestResetIsABorder(t *testing.T) {
	w := newWorld(t, nil) // with the real clock
	for range 20 {
		at, err := strconv.ParseInt(w.send("GET", exports+ourOrg).Header.Get("X-RateLimit-Reset"), 10, 64)
		if err != nil || at%60 != 0 {
			t.Fatalf("a minute ends at %d, %v", at, err)
		}
	}
}

// slowCounter is a counter whose answer takes a while.
type slowCounter struct {
	access.MemCounter

	clock *clock
	takes time.Duration
}

func (s *slowCounter) Count(ctx context.Context, key string, lengths ...time.Duration) ([]access.Window, error) {
	defer s.clock.move(s.takes)
	return s.MemCounter.Count(ctx, key, lengths...)
}

// TestResetOfASlowCounter: the border is the same however long the counter took.
func TestResetOfASlowCounter(t *testing.T) {
	for _, takes := range []time.Duration{400 * time.Millisecond, 900 * time.Millisecond, 10 * time.Second} {
		c := newClock(noon.Add(30 * time.Second))
		w := newWorld(t, func(w *world) {
			w.config.Now, w.config.Limits = c.Now, access.Limits{PerMinute: 3, PerDay: 9}
			w.config.Counter = &slowCounter{access.MemCounter{Now: c.Now}, c, takes}
		})
		wantLimits(t, w.send("GET", exports+ourOrg), "3;w=60, 9;w=86400", 3, 2, 30, noon.Add(time.Minute))
	}
}

// TestLimitOfTheDayIsMet: the day has nothing left, though nobody was refused for
// that yet.
func TestLimitOfTheDayIsMet(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{PerMinute: 1, PerDay: 2}, access.Limits{}, nil)
	w.send("GET", exports+ourOrg).want(http.StatusOK)
	r := w.send("GET", exports+ourOrg)
	wantTooMany(t, r, 12*3600-58, tooManyDetail)
	wantLimits(t, r, "1;w=60, 2;w=86400", 2, 0, 12*3600-58, midnight)
}

// TestLimitsOf: whose they are.
func TestLimitsOf(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{}, access.Limits{}, nil)
	w.member(ourOrg, "ann", access.Manager)
	at, day := noon.Add(time.Minute), 12*3600-58
	key := func(kind access.Kind, limits access.Limits) option {
		return withKey(w.newKey(access.Key{Kind: kind, OrganizationID: ourOrg, Role: access.Owner, Limits: limits}))
	}
	get := func(with option, policy string, limit, remaining, reset int, at time.Time) {
		t.Helper()
		wantLimits(t, w.send("GET", exports+ourOrg, with), policy, limit, remaining, reset, at)
	}
	get(key(access.Business, access.Limits{PerMinute: 2}), "2;w=60, 10000;w=86400", 2, 1, 2, at)
	get(key(access.Business, access.Limits{PerDay: 7}), "300;w=60, 7;w=86400", 7, 6, day, midnight)
	get(key(access.Business, access.Limits{PerMinute: 5, PerDay: 5}), "5;w=60, 5;w=86400", 5, 4, day, midnight) // the longer one of two alike
	get(key(access.Business, access.Limits{PerMinute: 20000, PerDay: 20001}), "20000;w=60, 20001;w=86400", 20000, 19999, 2, at)
	get(key(access.Publishable, access.Limits{PerMinute: 4, PerDay: 9}), "4;w=60, 9;w=86400", 4, 3, 2, at)

	public := key(access.Publishable, access.Limits{})
	for i := range 100 {
		get(public, "100;w=60, 10000;w=86400", 100, 99-i, 2, at)
	}
	wantTooMany(t, w.send("GET", exports+ourOrg, public), 2, tooManyDetail)

	// Each session has its own, a subject one for all their tokens.
	for range 2 {
		get(withSession(w.newSession("ann", time.Hour)), defaultPolicy, 300, 299, 2, at)
	}
	get(withToken(w.tokens.of("ann")), defaultPolicy, 300, 299, 2, at)
	get(withToken(w.tokens.of("ann")), defaultPolicy, 300, 298, 2, at)
	get(withKey(w.key), defaultPolicy, 300, 299, 2, at)
}

// TestLimitIsExact: of what 64 clients send at once as many requests pass as may.
func TestLimitIsExact(t *testing.T) {
	const clients, each, most = 64, 5, 100
	w, _ := limitWorld(t, access.Limits{PerMinute: most}, access.Limits{}, func(w *world) { w.unserved = true })
	var passed, refused atomic.Int64
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			for range each {
				switch rec := w.call("GET", exports+ourOrg, "192.0.2.1:1", withKey(w.key)); rec.Code {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if passed.Load() != most || refused.Load() != clients*each-most {
		t.Errorf("%d requests passed and %d were refused, want %d and %d", passed.Load(), refused.Load(), most, clients*each-most)
	}
}

// call calls the handler, from an address.
func (w *world) call(method, path, address string, with option) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(w.t.Context(), method, path, nil)
	request.RemoteAddr = address
	with(request)
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, request)
	return rec
}

// TestCounterFails: the process counts by itself, also who guesses keys, and goes back to
// the counter when that works.
func TestCounterFails(t *testing.T) {
	w, _ := limitWorld(t, access.Limits{PerMinute: 2}, access.Limits{PerMinute: 1}, func(w *world) {
		w.config.Counter = w.faults.Counter(&access.MemCounter{Now: w.config.Now})
	})
	w.send("GET", exports+ourOrg).want(http.StatusOK)
	for _, test := range []struct {
		status int
		with   option
	}{{200, withKey(w.key)}, {200, withKey(w.key)}, {429, withKey(w.key)}, {401, withKey("x")}, {429, withKey("x")}} {
		w.faults.Fail("Counter.Count", 1, errSecret)
		r := w.send("GET", exports+ourOrg, test.with)
		if r.want(test.status); limitsOf(r.Header) == "" {
			t.Error("the limits are not told")
		}
	}
	if n := strings.Count(w.log.String(), "request counted by this process only"); n != 5 {
		t.Errorf("the log has %d of 5 failures: %s", n, w.log.String())
	}
}

// TestQuota: it is the organization's, and told like a limit.
func TestQuota(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.serviceConfig.Quota = jobs.Quota{InFlight: 1}
		var err error
		if w.config.Service, err = jobs.New(w.serviceConfig); err != nil {
			t.Fatal(err)
		}
	})
	id := w.job("")
	r := w.send("POST", exports+ourOrg+"?archive_format=tar.gz")
	wantTooMany(t, r, 30, "An organization may have 1 export in flight at once.")
	r.wantHeader("RateLimit-Remaining", "298")
	if got := w.job(""); got != id {
		t.Errorf("a request again gives job %s, want %s", got, id)
	}
	wantTrail(t, w, "export.requested "+id)
}
