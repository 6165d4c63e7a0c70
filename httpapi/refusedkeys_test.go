package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/export/access"
)

// TestRefusedKeysAreAlike: a key that is unknown, revoked or expired, or begins as a good one
// does, costs one look-up and gets an answer that is the same to the byte. Text that is no
// key is looked up nowhere, and gets that answer, too.
func TestRefusedKeysAreAlike(t *testing.T) {
	var lookups atomic.Int64
	now := time.Now()
	w := newWorld(t, func(w *world) {
		w.unserved = true
		w.config.Keys = watchedKeys{w.keys, func() { lookups.Add(1) }}
		w.config.Now = func() time.Time { return now }
	})
	unknown, err := access.NewKeyText(access.Business, neverEmpty{})
	if err != nil {
		t.Fatal(err)
	}
	manager := access.Key{Kind: access.Business, OrganizationID: ourOrg, Role: access.Manager}
	revoked, expired := manager, manager
	revoked.RevokedAt, expired.ExpiresAt = now.Add(-time.Hour), now.Add(-time.Hour)
	ask := func(key string) (answer string, asked int64) {
		r := httptest.NewRequestWithContext(t.Context(), "GET", exports+ourOrg, http.NoBody)
		r.Header.Set("X-Api-Key", key)
		r.Header.Set("X-Request-Id", "the-same")
		rec := httptest.NewRecorder()
		before := lookups.Load()
		w.handler.ServeHTTP(rec, r)
		if rec.Code != http.StatusUnauthorized {
			t.Errorf("status %d", rec.Code)
		}
		for name := range rec.Header() { // these count requests
			if name == "Ratelimit-Remaining" || name == "X-Ratelimit-Remaining" {
				rec.Header().Del(name)
			}
		}
		var all strings.Builder
		if err := rec.Header().Write(&all); err != nil {
			t.Fatal(err)
		}
		return all.String() + rec.Body.String(), lookups.Load() - before
	}
	want, one := ask(unknown)
	if one != 1 {
		t.Errorf("an unknown key costs %d look-ups, want 1", one)
	}
	for name, c := range map[string]struct {
		key   string
		asked int64
	}{
		"revoked": {w.newKey(revoked), 1}, "expired": {w.newKey(expired), 1},
		"wrong checksum": {w.key[:len(w.key)-1] + "x", 0}, "cut short": {w.key[:20], 0}, "nothing like a key": {"a", 0},
	} {
		got, asked := ask(c.key)
		if got != want || asked != c.asked {
			t.Errorf("%s: %d look-ups, want %d; the answer is\n%s, want\n%s", name, asked, c.asked, got, want)
		}
	}
}

// neverEmpty is no source of random bytes.
type neverEmpty struct{}

func (neverEmpty) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
