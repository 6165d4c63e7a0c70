package s3_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/internal/s3test"
)

// answers returns a Bucket whose server answers by handler.
func answers(t *testing.T, handler http.HandlerFunc) *s3.Bucket {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return openIn(t, s3test.Bucket{Name: "b", Endpoint: server.URL}, "p", s3.Config{})
}

// changed returns a bucket of a real server behind a proxy that changes the header of answers.
func changed(t *testing.T, change func(h http.Header)) s3test.Bucket {
	t.Helper()
	return behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.ServeHTTP(&changedWriter{w, change}, r)
		})
	})
}

type changedWriter struct {
	http.ResponseWriter
	change func(http.Header)
}

func (w *changedWriter) WriteHeader(status int) {
	w.change(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

// TestAnswersThatLie reads through servers and proxies whose answers are not of the range that
// was asked for, or do not say what they are of. The object is read as it is, or not at all.
func TestAnswersThatLie(t *testing.T) {
	content := random(600_000) // two ranges and the rest of a third
	for name, change := range map[string]func(h http.Header){
		"the first range again": func(h http.Header) { h.Set("Content-Range", "bytes 0-262143/600000") },
		"another beginning": func(h http.Header) {
			h.Set("Content-Range", strings.Replace(h.Get("Content-Range"), "bytes 0-", "bytes 5-", 1))
		},
		"no size": func(h http.Header) {
			h.Del("Content-Length")
			h.Del("Content-Range")
		},
		"no total": func(h http.Header) { h.Set("Content-Range", "bytes 0-262143/*") },
		"another size later": func(h http.Header) {
			if !strings.HasPrefix(h.Get("Content-Range"), "bytes 0-") {
				h.Set("Content-Range", strings.Replace(h.Get("Content-Range"), "/600000", "/900000", 1))
			}
		},
		"another object later": func(h http.Header) {
			if !strings.HasPrefix(h.Get("Content-Range"), "bytes 0-") {
				h.Set("ETag", `"another"`)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			lies := false
			in := changed(t, func(h http.Header) {
				if lies {
					change(h)
				}
			})
			d := s3.NewDestination(openIn(t, in, "", s3.Config{}))
			if err := d.Put(t.Context(), "a", copies(content)); err != nil {
				t.Fatal(err)
			}
			lies = true
			r, err := d.Open(t.Context(), "a")
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if err == nil || !strings.HasPrefix(err.Error(), "s3: ") || !bytes.HasPrefix(content, got) {
				t.Errorf("%d bytes of %d were read: %v", len(got), len(content), err)
			}
		})
	}
}

// TestNoLength has answers of which nobody knows how long they are.
func TestNoLength(t *testing.T) {
	d := s3.NewDestination(answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, "hello")
	}))
	if _, err := d.Open(t.Context(), "a"); err == nil {
		t.Error("an object of unknown size was opened")
	}
	if n, err := d.Size(t.Context(), "a"); err == nil {
		t.Errorf("its size is %d", n)
	}
}

// TestNoRanges has answers that say that an object has no ranges, as one does that is empty.
func TestNoRanges(t *testing.T) {
	modified := time.Date(2026, 6, 26, 21, 0, 0, 0, time.UTC)
	for length, body := range map[string]string{
		"0": "<Error><Code>InvalidRange</Code><Message>No.</Message></Error>",
		"":  "<html>416</html>",
		"9": "<Error><Code>InvalidRange</Code><Message>No.</Message></Error>",
	} {
		size := map[string]string{"": "0"}[length] + length
		f := s3.NewFiles(answers(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
				w.Header().Set("Content-Length", size)
				return
			}
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			_, _ = io.WriteString(w, body)
		}))
		got, err := f.Session()(t.Context(), "a")
		if (err == nil) != (size == "0") || err == nil && (got.Size != 0 || !got.Modified.Equal(modified)) {
			t.Errorf("%s bytes, %q: %+v, %v", size, body, got, err)
		}
	}
}

// TestPages writes and reads through a proxy that answers some requests with a page for people, and
// 200, instead of handing them on. Nothing was stored, and nothing is there.
func TestPages(t *testing.T) {
	for name, answered := range map[string]func(r *http.Request) bool{
		"all":      func(*http.Request) bool { return true },
		"POST":     func(r *http.Request) bool { return r.Method == http.MethodPost },
		"begin":    func(r *http.Request) bool { return r.Method != http.MethodHead && r.URL.Query().Has("uploads") },
		"complete": func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("uploadId") },
		"pieces":   func(r *http.Request) bool { return r.URL.Query().Has("partNumber") },
	} {
		t.Run(name, func(t *testing.T) {
			in := behind(t, func(server http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if !answered(r) {
						server.ServeHTTP(w, r)
						return
					}
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = io.WriteString(w, "<html><body>Sign in</body></html>")
				})
			})
			d := s3.NewDestination(openIn(t, in, "", s3.Config{PartSize: piece}))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // some of it is tried again
			defer cancel()
			if err := d.Put(ctx, "large", copies(random(2*piece+1))); err == nil {
				t.Error("an object of pieces is taken for stored")
			}
			if name != "all" {
				return
			}
			if err := d.Put(ctx, "small", copies(random(10))); err == nil {
				t.Error("an object is taken for stored")
			}
			if r, err := d.Open(ctx, "large"); err == nil {
				got, err := io.ReadAll(r)
				t.Errorf("a page is read for an object: %q, %v", got, err)
			}
		})
	}
}

// TestDeleteThatReachesNobody has a proxy that answers 404, or a page, to all, as those of clusters do
// whose server is not there. Nothing was deleted. A server may say the same of an object that is gone already.
func TestDeleteThatReachesNobody(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNotFound} {
		nobody := s3.NewDestination(answers(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>default backend - 404</html>")
		}))
		if err := nobody.Delete(t.Context(), "a"); err == nil {
			t.Errorf("%d: an object was deleted by nobody", status)
		}
	}
	exact := s3.NewDestination(answers(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	if err := exact.Delete(t.Context(), "a"); err != nil {
		t.Errorf("an object that is gone already: %v", err)
	}
}

// TestRedirects has servers that send requests elsewhere.
func TestRedirects(t *testing.T) {
	t.Setenv("AWS_SESSION_TOKEN", "session-token")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // such an error is tried again
	defer cancel()
	var asked, elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		elsewhere.Add(1)
		if r.Header.Get("Authorization")+r.Header.Get("X-Amz-Security-Token") != "" {
			t.Error("credentials are sent elsewhere")
		}
		http.NotFound(w, r)
	}))
	defer other.Close()
	d := s3.NewDestination(answers(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/loop"):
			asked.Add(1)
			http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
		case strings.HasSuffix(r.URL.Path, "/307"):
			http.Redirect(w, r, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)+r.URL.String(), http.StatusTemporaryRedirect)
		default: // 301 has no Location if the bucket is in another region
			w.WriteHeader(http.StatusMovedPermanently)
			_, _ = io.WriteString(w, "<Error><Code>PermanentRedirect</Code><Message>Use another endpoint.</Message></Error>")
		}
	}))
	if _, err := d.Open(ctx, "loop"); err == nil || asked.Load() > 100 {
		t.Errorf("%d requests: %v", asked.Load(), err)
	}
	if _, err := d.Open(t.Context(), "301"); err == nil || !strings.Contains(err.Error(), "PermanentRedirect") {
		t.Errorf("301: %v", err)
	}
	if _, err := d.Open(t.Context(), "307"); err == nil || elsewhere.Load() == 0 {
		t.Errorf("307: %d requests elsewhere: %v", elsewhere.Load(), err)
	}
}

// TestEndlessAnswers has a server whose answers never end: little of them is read.
func TestEndlessAnswers(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusNotFound} {
		var sent atomic.Int64
		d := s3.NewDestination(answers(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(status)
			for filling := make([]byte, 1<<20); ; sent.Add(1) {
				if _, err := w.Write(bytes.ReplaceAll(filling, []byte{0}, []byte{' '})); err != nil || r.Context().Err() != nil {
					return
				}
			}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		_, err := d.List(ctx, "")
		cancel()
		if err == nil || sent.Load() > 500 { // a few tries of 64 MiB
			t.Errorf("%d: %d MiB are read: %v", status, sent.Load(), err)
		}
	}
}
