package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

const (
	minute = time.Minute
	day    = 24 * time.Hour
)

// defaultLimits are those of the contract.
func defaultLimits() access.Limits { return access.Limits{PerMinute: 300, PerDay: 10_000} }

// defaultAddressLimits are lower: clients without credentials have little to ask.
func defaultAddressLimits() access.Limits { return access.Limits{PerMinute: 60, PerDay: 1000} }

// within fills in the limits that l leaves to the default.
func within(l, otherwise access.Limits) access.Limits {
	setDefault(&l.PerMinute, otherwise.PerMinute)
	setDefault(&l.PerDay, otherwise.PerDay)
	return l
}

// count counts a request for key, and tells the client how many are left. wait is how
// long the client has to wait, 0 if the request may pass. burst is the part of it that
// comes from the limit of a minute.
//
// If the counter fails, this process counts by itself: the API must not fail with it, and
// who guesses credentials must not profit.
func (a *api) count(w http.ResponseWriter, r *http.Request, key string, limits access.Limits) (wait, burst time.Duration) {
	ctx := r.Context()
	windows, err := a.config.Counter.Count(ctx, key, minute, day)
	if err != nil {
		if ctx.Err() != nil {
			return 0, 0
		}
		a.log(ctx).ErrorContext(ctx, "request counted by this process only", "error", err)
		if windows, err = a.spare.Count(ctx, key, minute, day); err != nil {
			return 0, 0
		}
	}
	quotas := []int64{int64(limits.PerMinute), int64(limits.PerDay)}
	next := tell(w.Header(), a.config.Now(), windows, quotas)
	if windows[0].Count > quotas[0] {
		burst = windows[0].Reset
	}
	if burst == 0 && windows[1].Count <= quotas[1] {
		return 0, 0
	}
	if a.config.OnLimit != nil {
		a.config.OnLimit(key)
	}
	return next, burst
}

// tell writes the header fields about the window with the fewest requests left; of
// several such windows, about the one that ends last. It returns how long until that
// window ends. If it has no requests left, none can pass before.
func tell(h http.Header, now time.Time, windows []access.Window, quotas []int64) time.Duration {
	policies := make([]string, len(windows))
	tightest, left := 0, int64(0)
	for i, window := range windows {
		policies[i] = fmt.Sprintf("%d;w=%d", quotas[i], int64(window.Length/time.Second))
		remaining := max(quotas[i]-window.Count, 0)
		if i == 0 || remaining < left || remaining == left && window.Reset > windows[tightest].Reset {
			tightest, left = i, remaining
		}
	}
	limit, remaining := strconv.FormatInt(quotas[tightest], 10), strconv.FormatInt(left, 10)
	reset := windows[tightest].Reset
	h.Set("RateLimit-Policy", strings.Join(policies, ", "))
	h.Set("RateLimit-Limit", limit)
	h.Set("RateLimit-Remaining", remaining)
	h.Set("RateLimit-Reset", strconv.FormatInt(seconds(reset), 10))
	h.Set("X-RateLimit-Limit", limit)
	h.Set("X-RateLimit-Remaining", remaining)
	// Windows follow each other from 1970 on, so that the nearest border is where this
	// one ends: the counter may have read its clock seconds ago.
	h.Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(reset).Round(windows[tightest].Length).Unix(), 10))
	return reset
}

// seconds rounds up, so that a client that waits as long does not come too early.
func seconds(d time.Duration) int64 { return int64((max(d, 0) + time.Second - 1) / time.Second) }

// tooMany returns the error that asks a client to come again after wait.
func (a *api) tooMany(detail string, wait time.Duration) *errorOut {
	e := a.problem(http.StatusTooManyRequests, detail)
	e.comeAgain(wait)
	return e
}

// limit refuses requests of a principal that are over its limits.
func (a *api) limit(w http.ResponseWriter, r *http.Request, p access.Principal) error {
	if wait, _ := a.count(w, r, p.Name, within(p.Limits, a.config.Limits)); wait > 0 {
		return a.tooMany("", wait)
	}
	return nil
}

// limitAddress counts a request without good credentials for its address, and refuses it
// if there were too many. guessed means that the credentials were bad; an address that
// guesses too fast is blocked: see refuseBlocked.
func (a *api) limitAddress(w http.ResponseWriter, r *http.Request, guessed bool) error {
	from := access.Network(requestOf(r.Context()).address)
	wait, burst := a.count(w, r, "address:"+from, a.config.AddressLimits)
	if wait == 0 {
		return nil
	}
	if guessed && burst > 0 {
		a.blocked.add(from, a.config.Now().Add(burst))
	}
	return a.tooMany("", wait)
}

// refuseBlocked refuses every request of an address that has guessed credentials too
// fast, even with good ones. Nothing is looked up, so that nobody learns which ones are
// good. The block lasts until the end of the minute, not of the day: other clients may
// have the same address.
func (a *api) refuseBlocked(w http.ResponseWriter, r *http.Request) error {
	left := a.blocked.left(access.Network(requestOf(r.Context()).address), a.config.Now())
	if left == 0 {
		return nil
	}
	if err := a.limitAddress(w, r, false); err != nil {
		return err
	}
	return a.tooMany("", left) // the counter has failed, or another clock
}

// blocked holds the addresses that have guessed too fast.
type blocked struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// maxBlocked bounds the memory that many addresses can take.
const maxBlocked = 100_000

func (b *blocked) add(address string, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.until == nil || len(b.until) >= maxBlocked {
		b.until = make(map[string]time.Time)
	}
	b.until[address] = until
}

// left returns how long an address is still blocked. A block that would last for more than
// a minute was made before the clock was put back, and is over.
func (b *blocked) left(address string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	until, ok := b.until[address]
	left := until.Sub(now)
	if ok && (left <= 0 || left > minute) {
		delete(b.until, address)
		return 0
	}
	return max(left, 0)
}

// countUnmatched counts a request without a route for its address: nobody looks at its
// credentials.
func (a *api) countUnmatched(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := a.mux.Handler(r); pattern == "" {
			if err := a.limitAddress(w, r, false); err != nil {
				a.fail(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
