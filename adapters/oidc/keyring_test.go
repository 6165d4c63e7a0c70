package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/oidc"
	"github.com/orgexport/orgexport/internal/oidctest"
)

func TestRotation(t *testing.T) {
	p := newProvider(t)
	var c clock
	v := newVerifier(t, p.config(&c))
	first := p.token(t, scope)
	good(t, v, first, "first key")

	p.Rotate(newRSAKey(t, "second"))
	second := p.token(t, scope)
	good(t, v, second, "second key, at once")
	good(t, v, first, "first key, still published")
	if n := p.keySets.Load(); n != 2 {
		t.Errorf("%d requests for keys, want 2", n)
	}

	p.Retire()
	c.add(4 * time.Minute)
	good(t, v, first, "first key, retired but not yet known to be")
	c.add(time.Minute)
	bad(t, v, first, oidc.ErrToken, "first key, retired")
	good(t, v, second, "second key")
	if n := p.discoveries.Load(); n != 1 {
		t.Errorf("%d discoveries, want 1", n)
	}
}

// TestRotationUnderAName is what providers do that have one name for all keys, or
// none.
func TestRotationUnderAName(t *testing.T) {
	for _, id := range []string{"", "key"} {
		p := newProvider(t)
		p.Rotate(oidctest.NewKey(t, id))
		p.Retire()
		v := newVerifier(t, p.config(&clock{}))
		first := p.token(t, scope)
		good(t, v, first, "first key")
		p.Rotate(oidctest.NewKey(t, id))
		p.Retire()
		good(t, v, p.token(t, scope), "second key")
		bad(t, v, first, oidc.ErrToken, "first key, retired")
	}
}

// TestNewKeyDuringRequest rotates while a request for keys is under way that the
// provider has answered already.
func TestNewKeyDuringRequest(t *testing.T) {
	p := newProvider(t)
	v := newVerifier(t, p.config(&clock{}))
	first := p.token(t, scope)
	entered, leave := make(chan struct{}), make(chan struct{})
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r)
		if r.URL.Path == "/keys" {
			close(entered)
			<-leave
		}
	})
	var tokens sync.WaitGroup
	tokens.Go(func() { good(t, v, first, "first key") })
	<-entered
	p.answer(nil)
	p.Rotate(oidctest.NewKey(t, "second"))
	second := p.token(t, scope)
	tokens.Go(func() { good(t, v, second, "second key") })
	close(leave)
	tokens.Wait()
}

func TestDownAtStart(t *testing.T) {
	for name, f := range map[string]http.HandlerFunc{
		"connection cut": down,
		"status 503": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "maintenance", http.StatusServiceUnavailable)
		},
		"not JSON": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") }, //nolint:errcheck // the client may hang up
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.answer(f)
			var c clock
			var logged bytes.Buffer
			config := p.config(&c)
			config.Logger = slog.New(slog.NewTextHandler(&logged, nil))
			v := newVerifier(t, config)
			token := p.token(t, scope)
			bad(t, v, token, oidc.ErrUnavailable, "provider is down")
			bad(t, v, "x.y.z", oidc.ErrToken, "garbage, provider is down")
			if err := v.Ready(t.Context()); !errors.Is(err, oidc.ErrUnavailable) {
				t.Errorf("Ready: %v", err)
			}
			for range 10 {
				bad(t, v, token, oidc.ErrUnavailable, "provider is down")
			}
			if n := p.discoveries.Load(); n != 1 {
				t.Errorf("%d requests without a pause, want 1", n)
			}
			// A second, two, four and so on up to a minute.
			for i := range 10 {
				c.add(min(time.Second<<i, time.Minute) - 500*time.Millisecond)
				bad(t, v, token, oidc.ErrUnavailable, "provider is down")
				c.add(500 * time.Millisecond)
				bad(t, v, token, oidc.ErrUnavailable, "provider is down")
				if n := p.discoveries.Load(); n != int64(i+2) {
					t.Fatalf("%d requests after %d pauses", n, i+1)
				}
			}
			p.answer(nil)
			bad(t, v, token, oidc.ErrUnavailable, "provider is up, pause not over")
			c.add(time.Minute)
			good(t, v, token, "provider is up")
			if text := logged.String(); strings.Contains(text, token[:20]) || !strings.Contains(text, "retry_in=1m0s") ||
				!strings.Contains(text, "can be had again") {
				t.Errorf("logged:\n%s", text)
			}
		})
	}
}

func TestDownLater(t *testing.T) {
	p := newProvider(t)
	var c clock
	v := newVerifier(t, p.config(&c))
	known := p.token(t, scope)
	good(t, v, known, "provider is up")
	p.Rotate(oidctest.NewKey(t, "second"))
	unknown := p.token(t, scope)
	p.server.CloseClientConnections()
	p.server.Close()

	bad(t, v, unknown, oidc.ErrUnavailable, "unknown key, provider is down")
	p.lifetime = time.Hour
	for range 9 {
		c.add(6 * time.Minute)
		good(t, v, known, "known key, provider is down")
		bad(t, v, unknown, oidc.ErrUnavailable, "unknown key, provider is down")
	}
	if err := v.Ready(t.Context()); err != nil {
		t.Errorf("Ready with known keys: %v", err)
	}
}

func TestHanging(t *testing.T) {
	p := newProvider(t)
	p.answer(hang)
	var c clock
	config := p.config(&c)
	config.Timeout = 200 * time.Millisecond
	v := newVerifier(t, config)
	token := p.token(t, scope)

	// One request for all, and its end is not that of the caller's time.
	var tokens sync.WaitGroup
	for range 20 {
		tokens.Go(func() {
			_, err := v.Verify(t.Context(), token)
			if !errors.Is(err, oidc.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("provider hangs: %v", err)
			}
		})
	}
	tokens.Wait()
	if n := p.discoveries.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}

	// Whoever began a request may go.
	c.add(time.Minute)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := v.Verify(ctx, token); !errors.Is(err, gone) || !errors.Is(err, oidc.ErrUnavailable) {
		t.Errorf("caller has gone: %v", err)
	}
	bad(t, v, token, oidc.ErrUnavailable, "waits for what another began")

	// With known keys it holds up nobody but those who come first.
	p.answer(nil)
	c.add(time.Minute)
	good(t, v, token, "provider is up")
	p.answer(hang)
	c.add(5 * time.Minute)
	good(t, v, token, "hangs, keys are known")
	config.Timeout = time.Hour
	c.add(time.Minute)
	start := time.Now()
	good(t, v, token, "hangs still")
	if d := time.Since(start); d >= 200*time.Millisecond {
		t.Errorf("a token waited %v for a provider that was known to hang", d)
	}
}

// TestBodyHangs is a provider that begins to answer and stops.
func TestBodyHangs(t *testing.T) {
	p := newProvider(t)
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"issuer":`) //nolint:errcheck // the client may hang up
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	config := p.config(&clock{})
	config.Timeout = 100 * time.Millisecond
	bad(t, newVerifier(t, config), p.token(t, scope), oidc.ErrUnavailable, "body hangs")
}

// TestUnknownKeys floods the verifier with tokens that name keys of their own.
func TestUnknownKeys(t *testing.T) {
	p := newProvider(t)
	var c clock
	v := newVerifier(t, p.config(&c))
	token := p.token(t, scope)
	good(t, v, token, "the right one")
	bad(t, v, oidctest.NewKey(t, "forged").Sign(t, nil, p.claims()), oidc.ErrToken, "forged")
	if n := p.keySets.Load(); n != 1+1 {
		t.Errorf("one forged token caused %d requests for keys, want 1", n-1)
	}
	flood := func() {
		t.Helper()
		var tokens sync.WaitGroup
		for i := range 8 {
			tokens.Go(func() {
				for j := range 50 {
					forged := oidctest.NewKey(t, fmt.Sprintf("forged-%d-%d", i, j))
					bad(t, v, forged.Sign(t, nil, p.claims()), oidc.ErrToken, "forged")
					good(t, v, token, "the right one, during a flood")
				}
			})
		}
		tokens.Wait()
	}
	flood()
	if n := p.keySets.Load(); n != 1+5 {
		t.Errorf("400 forged tokens caused %d requests for keys, want 5", n-1)
	}
	flood()
	if n := p.keySets.Load(); n != 1+5 {
		t.Errorf("800 forged tokens caused %d requests for keys, want 5", n-1)
	}
	p.Rotate(oidctest.NewKey(t, "second"))
	second := p.token(t, scope)
	bad(t, v, second, oidc.ErrToken, "new key, budget used up")
	c.add(10 * time.Second)
	good(t, v, second, "new key, ten seconds later")
	if n := p.keySets.Load(); n != 1+6 {
		t.Errorf("%d requests for keys, want 7", n)
	}
}

// TestConcurrent is for the race detector: tokens, rotation and outages at once.
func TestConcurrent(t *testing.T) {
	p := newProvider(t)
	p.lifetime = 1000 * time.Hour
	var c clock
	v := newVerifier(t, p.config(&c))
	tokens := make(chan string, 1)
	tokens <- p.token(t, scope)
	var all, users sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		users.Go(func() {
			for range 100 {
				token := <-tokens
				tokens <- token
				if _, err := v.Verify(t.Context(), token); err != nil && !errors.Is(err, oidc.ErrUnavailable) {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for i := range 50 {
			select {
			case <-stop:
				return
			case <-tokens:
			}
			c.add(time.Minute)
			p.Rotate(oidctest.NewKey(t, fmt.Sprint("key-", i)))
			tokens <- p.token(t, scope)
			if i%3 == 0 {
				p.answer(down)
			} else {
				p.answer(nil)
			}
		}
	})
	users.Wait()
	close(stop)
	all.Wait()
}

// TestCallerGoes ends the request that had the provider asked: others wait for
// the same answer.
func TestCallerGoes(t *testing.T) {
	p := newProvider(t)
	token := p.token(t, scope)
	entered, leave := make(chan struct{}, 2), make(chan struct{})
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		<-leave
		p.ServeHTTP(w, r)
	})
	v := newVerifier(t, p.config(&clock{}))
	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := v.Verify(ctx, token); !errors.Is(err, context.Canceled) {
			t.Errorf("caller has gone: %v", err)
		}
	})
	<-entered
	cancel()
	first.Wait()
	close(leave)
	good(t, v, token, "another caller")
	if n := p.discoveries.Load(); n != 1 {
		t.Errorf("%d discoveries, want 1", n)
	}
}

func TestKeysMove(t *testing.T) {
	p := newProvider(t)
	p.answer(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			r.URL.Path = "/keys"
			p.ServeHTTP(w, r)
			return
		}
		io.WriteString(w, fmt.Sprintf(`{"issuer": %q, "jwks_uri": %q}`, p.issuer, p.issuer+"/old")) //nolint:errcheck // the client may hang up
	})
	var c clock
	v := newVerifier(t, p.config(&c))
	good(t, v, p.token(t, scope), "keys where they were")
	p.answer(nil)
	p.Rotate(oidctest.NewKey(t, "second"))
	token := p.token(t, scope)
	bad(t, v, token, oidc.ErrUnavailable, "keys have moved")
	c.add(time.Second)
	good(t, v, token, "keys where they are")
}
