package fetch_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/sections/fetch"
	"github.com/orgexport/orgexport/sections/sectiontest"
)

const errRefused = syscall.ECONNREFUSED

// urlsOf yields files of URLs; the last element is the name.
func urlsOf(s *fetch.Source, urls iter.Seq[string]) iter.Seq2[export.Item, error] {
	open := s.Session()
	return func(yield func(export.Item, error) bool) {
		for url := range urls {
			item := export.Item{Name: strings.NewReplacer("/", "-", ":", "-").Replace(strings.TrimPrefix(url, "http://"))}
			item.Open = func(ctx context.Context) (export.Content, error) { return open(ctx, url) }
			if !yield(item, nil) {
				return
			}
		}
	}
}

// numbered are n URLs of a host.
func numbered(host string, n int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("http://%s/%d", host, i)) {
				return
			}
		}
	}
}

func both(a, b iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, seq := range []iter.Seq[string]{a, b} {
			for v := range seq {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// run fetches files in virtual time. It returns how many came, the public texts of those that
// did not, and how long it took.
func run(t *testing.T, s *fetch.Source, urls iter.Seq[string], n int) (files int, skips map[string]int, took time.Duration, err error) {
	t.Helper()
	r := sectiontest.NewRecorder(t.Context())
	began := time.Now()
	err = export.FetchAll(t.Context(), r, urlsOf(s, urls), n)
	took = time.Since(began)
	skips = make(map[string]int)
	for _, c := range r.Calls() {
		switch {
		case c.Op == sectiontest.Skip:
			skips[export.PublicText(c.Err)]++
		case c.Err == nil:
			files++
		}
	}
	return files, skips, took, err
}

// TestDownForAMinute: a host that is down for a minute costs a minute, and no file.
func TestDownForAMinute(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"busy": func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"bad":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"shut": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"gone": nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const files = 500
				began := time.Now()
				down := func() bool { d := time.Since(began); return d > 50*time.Millisecond && d < 60*time.Second }
				var failed atomic.Int64
				s := onPipes(t, func(w http.ResponseWriter, _ *http.Request) {
					if down() && fail != nil {
						failed.Add(1)
						fail(w)
						return
					}
					if time.Sleep(20 * time.Millisecond); fail == nil {
						w.Header().Set("Connection", "close")
					}
					say(w, "the file")
				}, func(_ *fetch.Config, p *pipes) {
					p.down = func(string) bool {
						if is := fail == nil && down(); is {
							failed.Add(1)
							return true
						}
						return false
					}
				})
				got, skips, took, err := run(t, s, numbered("cdn.example", files), 64)
				if got != files || len(skips) != 0 || err != nil {
					t.Errorf("%d files, skipped %v, %v", got, skips, err)
				}
				if took < time.Minute || took > 80*time.Second {
					t.Errorf("it took %v", took)
				}
				if f := failed.Load(); f < 64 || f > 64*13 { // about once in 10 seconds in the end
					t.Errorf("%d requests have failed", f)
				}
			})
		})
	}
}

// TestBackWithTroubles: a host that has been down, and then fails now and then, has as many tries
// for each file as any other.
func TestBackWithTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files = 200
		began := time.Now()
		var mu sync.Mutex
		failed := make(map[string]int)
		s := onPipes(t, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if time.Since(began) > time.Minute {
				failed[r.URL.Path]++
			}
			if failed[r.URL.Path] < 4 { // three times after it is back
				w.WriteHeader(http.StatusBadGateway)
			}
		}, nil)
		got, skips, took, err := run(t, s, numbered("cdn.example", files), 64)
		if got != files || len(skips) != 0 || err != nil || took > 3*time.Minute {
			t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
		}
	})
}

// TestDownForGood: of a host that is down no file is listed as missing, the section is run again.
func TestDownForGood(t *testing.T) {
	for _, files := range []int{1, 50, 5000} {
		synctest.Test(t, func(t *testing.T) { downForGood(t, files) })
	}
}

func downForGood(t *testing.T, files int) {
	s := onPipes(t, nil, func(_ *fetch.Config, p *pipes) { p.down = func(string) bool { return true } })
	got, skips, took, err := run(t, s, numbered("cdn.example", files), 64)
	if got != 0 || len(skips) != 0 || export.MachineFault(err) != export.FaultConnection || took > 3*time.Minute || took < time.Minute {
		t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
	}
	wantPublic(t, err, silent)
}

// TestGoesDown: a host that goes down in the middle is no reason to list thousands.
func TestGoesDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var served atomic.Int64
		s := onPipes(t, func(w http.ResponseWriter, _ *http.Request) {
			if served.Add(1) > 1000 {
				w.WriteHeader(http.StatusBadGateway)
			}
		}, nil)
		got, skips, took, err := run(t, s, numbered("cdn.example", 5000), 64)
		if got > 1000 || skips[broken]+skips[silent] > 100 || export.MachineFault(err) != export.FaultConnection || took > 3*time.Minute {
			t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
		}
	})
}

// TestDeadHost: a host that is gone keeps nobody from the files of others.
func TestDeadHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onPipes(t, func(w http.ResponseWriter, _ *http.Request) { say(w, "the file") },
			func(_ *fetch.Config, p *pipes) { p.down = func(host string) bool { return host == "gon" } })
		got, skips, took, err := run(t, s, both(both(numbered("cdn.example", 1000), numbered("gone.example", 90)), numbered("cdn.example/b", 3000)), 64)
		if got != 4000 || skips[silent] != 90 || err != nil || took > 3*time.Minute {
			t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
		}
	})
}

// TestDeadHosts: of many hosts that are gone each costs less time than the one before.
func TestDeadHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onPipes(t, func(w http.ResponseWriter, _ *http.Request) { say(w, "the file") },
			func(_ *fetch.Config, p *pipes) { p.down = func(host string) bool { return host[0] == 'x' } })
		got, skips, took, err := run(t, s, func(yield func(string) bool) {
			for i := range 5000 {
				host := "cdn.example"
				if i%100 == 50 {
					host = fmt.Sprintf("x%c%c.example", 'a'+i/1000, 'a'+i%1000/100)
				}
				if !yield(fmt.Sprintf("http://%s/%d", host, i)) {
					return
				}
			}
		}, 64)
		if got != 4950 || skips[silent] != 50 || err != nil || took > 5*time.Minute {
			t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
		}
	})
}

// TestLoneFailure: a file that its server cannot give is skipped, although no other file shows
// meanwhile that the server is well, and those behind it are not.
func TestLoneFailure(t *testing.T) {
	for status, want := range map[int]struct {
		reason string
		within time.Duration
	}{
		500: {broken, 30 * time.Second},
		504: {broken, 3 * time.Minute},
		429: {"The server of the file is too busy. Try again later.", 3 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := onPipes(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "7") {
					w.WriteHeader(status)
				}
			}, nil)
			got, skips, took, err := run(t, s, numbered("cdn.example", 20), 1)
			if got != 18 || skips[want.reason] != 2 || err != nil || took > 2*want.within {
				t.Errorf("%d: %d files, skipped %v, %v after %v", status, got, skips, err, took)
			}
		})
	}
}

// TestRetryAfter: a server that counts requests is left alone when it says so, by all.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const files, allowed, window = 600, 100, 30 * time.Second
		var refused, served int64
		var mu = make(chan struct{}, 1)
		since := time.Now()
		s := onPipes(t, func(w http.ResponseWriter, _ *http.Request) {
			mu <- struct{}{}
			defer func() { <-mu }()
			if time.Since(since) >= window {
				since, served = time.Now(), 0
			}
			if served++; served > allowed {
				refused++
				w.Header().Set("Retry-After", strconv.Itoa(int((window-time.Since(since)).Seconds())+1))
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, nil)
		got, skips, took, err := run(t, s, numbered("cdn.example", files), 64)
		if got != files || len(skips) != 0 || err != nil {
			t.Errorf("%d files, skipped %v, %v", got, skips, err)
		}
		if took < (files/allowed-1)*window || took > (files/allowed+1)*window || refused > 64*files/allowed {
			t.Errorf("it took %v, and %d were refused", took, refused)
		}
	})
}

// TestRetryAfterADay: one file that its server wants to be asked for tomorrow keeps no other.
func TestRetryAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onPipes(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/5" {
				w.Header().Set("Retry-After", "86400")
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		}, nil)
		got, skips, took, err := run(t, s, numbered("cdn.example", 200), 8)
		if got != 199 || skips["The server of the file is too busy. Try again later."] != 1 || err != nil || took > 3*time.Minute {
			t.Errorf("%d files, skipped %v, %v after %v", got, skips, err, took)
		}
	})
}

// TestStalls: a server that says nothing, or next to nothing, is given up in time. A file that
// nobody reads meanwhile is not.
func TestStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onPipes(t, func(w http.ResponseWriter, r *http.Request) {
			wait := func(d time.Duration) bool {
				select {
				case <-time.After(d):
					return true
				case <-r.Context().Done():
					return false
				}
			}
			if r.URL.Path == "/head" {
				wait(time.Hour)
				return
			}
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(make([]byte, 1000))
			_ = http.NewResponseController(w).Flush()
			for r.URL.Path == "/drips" && wait(time.Second) {
				_, _ = w.Write([]byte{0})
				_ = http.NewResponseController(w).Flush()
			}
			switch r.URL.Path {
			case "/body":
				wait(time.Hour)
			case "/steady": // 66,600 bytes in 20 seconds
				for range 15 {
					wait(20 * time.Second)
					_, _ = w.Write(make([]byte, 66_600))
					_ = http.NewResponseController(w).Flush()
				}
			default:
				_, _ = w.Write(make([]byte, 999_000))
			}
		}, func(c *fetch.Config, _ *pipes) { c.Retries = -1 })
		for path, most := range map[string]time.Duration{"/head": 3 * time.Minute, "/body": time.Minute, "/drips": time.Minute} {
			began := time.Now()
			_, _, err := get(t.Context(), s.NewSession(), "http://cdn.example"+path)
			wantPublic(t, err, silent)
			if took := time.Since(began); took < 30*time.Second || took > most {
				t.Errorf("%s: took %v", path, took)
			}
		}
		if body, _, err := get(t.Context(), s.NewSession(), "http://cdn.example/steady"); err != nil || len(body) != 1_000_000 {
			t.Errorf("a slow server: %d bytes, %v", len(body), err)
		}
		content, err := s.NewSession().Open(t.Context(), "http://cdn.example/patient")
		if err != nil {
			t.Fatal(err)
		}
		defer content.Body.Close()
		read := 0
		for p := make([]byte, 100_000); err == nil; {
			time.Sleep(time.Hour)
			var n int
			n, err = content.Body.Read(p)
			read += n
		}
		if read != 1_000_000 {
			t.Errorf("a file that is read slowly: %d bytes, %v", read, err)
		}
	})
}
