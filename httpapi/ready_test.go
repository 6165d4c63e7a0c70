package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export/access"
	"github.com/orgexport/orgexport/httpapi"
)

// TestReadyIsCheckedOnceASecond: however many ask, there is one check at a time, and none
// while the last one is less than a second old. Nobody is refused, whatever the limits.
func TestReadyIsCheckedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var checks atomic.Int64
		var broken atomic.Bool
		const takes = 300 * time.Millisecond
		w := newWorld(t, func(w *world) {
			w.unserved = true
			w.config.AddressLimits = access.Limits{PerMinute: 1, PerDay: 1}
			w.config.Ready = []httpapi.Check{{Name: "clock", Run: func(context.Context) error {
				checks.Add(1)
				time.Sleep(takes)
				if broken.Load() {
					return errors.New("wrong")
				}
				return nil
			}}}
		})
		ask := func(ctx context.Context) int {
			rec := httptest.NewRecorder()
			w.handler.ServeHTTP(rec, httptest.NewRequestWithContext(ctx, "GET", "/readyz", nil))
			return rec.Code
		}
		const clients = 500
		want := func(status int) {
			t.Helper()
			var all sync.WaitGroup
			for range clients {
				all.Go(func() {
					if got := ask(t.Context()); got != status {
						t.Errorf("/readyz gives %d, want %d", got, status)
					}
				})
			}
			all.Wait()
		}
		want(http.StatusOK)
		broken.Store(true)
		time.Sleep(time.Second)
		want(http.StatusOK) // what was found a second ago
		if got := checks.Load(); got != 1 {
			t.Errorf("%d requests within a second make %d checks, want 1", 2*clients, got)
		}
		time.Sleep(time.Nanosecond)
		want(http.StatusServiceUnavailable)
		if got := checks.Load(); got != 2 {
			t.Errorf("%d checks were made, want another one", got)
		}

		// A client that goes ends neither the check nor the wait of others.
		broken.Store(false)
		time.Sleep(2 * time.Second)
		gone, leave := context.WithCancel(t.Context())
		go ask(gone)
		synctest.Wait()
		time.AfterFunc(takes/2, leave)
		want(http.StatusOK)
		if got := checks.Load(); got != 3 {
			t.Errorf("%d checks were made, want 3", got)
		}
	})
}

// TestReadyAfterAPanic: a check that panics is one client's error, and the next is told by
// a check of its own.
func TestReadyAfterAPanic(t *testing.T) {
	var checks atomic.Int64
	w := newWorld(t, func(w *world) {
		w.config.Ready = []httpapi.Check{{Name: "clock", Run: func(context.Context) error {
			if checks.Add(1) == 1 {
				panic("no clock")
			}
			return nil
		}}}
	})
	w.send("GET", "/readyz", withoutKey).want(http.StatusInternalServerError)
	w.send("GET", "/readyz", withoutKey).want(http.StatusOK)
	if !strings.Contains(w.log.String(), "no clock") {
		t.Error("the panic is not in the log")
	}
}
