package gcs_test

import (
	"bytes"
	"errors"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/orgexport/orgexport/adapters/blob"
	"github.com/orgexport/orgexport/export"
)

const piece = 256 << 10

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = mathrand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func copies(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

func wantObject(t *testing.T, d *blob.Destination, key string, want []byte) {
	t.Helper()
	r, err := d.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes of %d, %v", len(got), len(want), err)
	}
}

// roundTrip puts and reads several objects, of one piece and of many.
func roundTrip(t *testing.T, handler func(http.Handler) http.Handler) {
	t.Helper()
	d := blob.NewDestination(open(t, server(t, handler), bucketName, ""))
	for _, n := range []int{0, 1000, 5*piece + 1} {
		content := random(n)
		if err := d.Put(t.Context(), "a", copies(content)); err != nil {
			t.Fatal(err)
		}
		wantObject(t, d, "a", content)
	}
}

// cutWriter breaks the connection after n bytes.
type cutWriter struct {
	http.ResponseWriter
	n int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if len(p) > w.n {
		_, _ = w.ResponseWriter.Write(p[:w.n])
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	w.n -= len(p)
	return w.ResponseWriter.Write(p)
}

// TestCutAnswers cuts connections in the middle of what is read.
func TestCutAnswers(t *testing.T) {
	var cuts atomic.Int64
	roundTrip(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && !strings.HasPrefix(r.URL.Path, "/storage/") {
				cuts.Add(1)
				w = &cutWriter{w, mathrand.IntN(2 * piece)}
			}
			server.ServeHTTP(w, r)
		})
	})
	if cuts.Load() == 0 {
		t.Error("nothing was read")
	}
}

// TestFirstTriesFail lets each first try fail: with an answer that says so, or without one
// although the server has done what it was asked for. A piece that is sent again makes this
// server, unlike Google's, append it twice: the answers to those are not lost.
func TestFirstTriesFail(t *testing.T) {
	for name, fail := range map[string]func(server http.Handler, w http.ResponseWriter, r *http.Request){
		"unavailable": func(_ http.Handler, w http.ResponseWriter, r *http.Request) {
			// The library uses its buffer again while net/http may still be sending it to a
			// server that has answered before it has read all.
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"lost answers": func(server http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("upload_id") {
				server.ServeHTTP(w, r)
				return
			}
			server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int64
			roundTrip(t, func(server http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if requests.Add(1)%2 == 1 {
						fail(server, w, r)
						return
					}
					server.ServeHTTP(w, r)
				})
			})
		})
	}
}

// TestDamagedOnTheWay changes a byte of what is sent. The object is not there then.
func TestDamagedOnTheWay(t *testing.T) {
	content := random(3 * piece)
	front := server(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if at := bytes.Index(body, content[1000:1016]); at >= 0 {
				body[at] ^= 1
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			server.ServeHTTP(w, r)
		})
	})
	d := blob.NewDestination(open(t, front, bucketName, ""))
	for _, n := range []int{2000, 3 * piece} {
		if err := d.Put(t.Context(), "a", copies(content[:n])); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
		if keys, err := d.List(t.Context(), ""); err != nil || len(keys) > 0 {
			t.Errorf("there are %q, %v", keys, err)
		}
	}
}

// TestReplacedWhileRead reads an object that becomes another one of the same size.
func TestReplacedWhileRead(t *testing.T) {
	d := blob.NewDestination(open(t, server(t, straight), bucketName, ""))
	if err := d.Put(t.Context(), "a", copies(random(3*piece))); err != nil {
		t.Fatal(err)
	}
	r, err := d.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := d.Put(t.Context(), "a", copies(make([]byte, 3*piece))); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); err == nil || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("%v, want that it was replaced", err)
	}
}

// TestErrors has what an operator can have wrong: none of it says that an archive is gone.
func TestErrors(t *testing.T) {
	forbidden := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	}
	for _, c := range []struct {
		name, bucket string
		handler      func(http.Handler) http.Handler
	}{
		{"no rights", bucketName, forbidden},
		{"no bucket", "there-is-none", straight},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, server(t, c.handler), c.bucket, "prod")
			d := blob.NewDestination(b)
			_, opened := d.Open(t.Context(), "a")
			_, size := d.Size(t.Context(), "a")
			_, list := d.List(t.Context(), "")
			for step, err := range map[string]error{
				"Open": opened, "Size": size, "List": list, "Delete": d.Delete(t.Context(), "a"),
				"Put": d.Put(t.Context(), "a", copies([]byte("x"))), "Check": b.Check(t.Context()),
			} {
				if err == nil || errors.Is(err, export.ErrNotFound) {
					t.Errorf("%s: %v", step, err)
				}
			}
		})
	}
}
