package sign_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/orgexport/orgexport/export/audit"
	"github.com/orgexport/orgexport/sign"
)

func (w *world) serve(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(w.handler)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, client *http.Client, url string) (int, []byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// TestCurlResumes interrupts a download twice, and lets curl go on.
func TestCurlResumes(t *testing.T) {
	needTool(t, "curl")
	needTool(t, "sha256sum")
	w := newWorld(t)
	w.destination.breaks = []int64{100_000, 250_000}
	url := w.link(t, w.serve(t).URL)
	out := filepath.Join(t.TempDir(), "archive")
	headers := filepath.Join(t.TempDir(), "headers")
	var sizes []int64
	var err error
	for range 3 {
		cmd := exec.CommandContext(t.Context(), "curl", "--silent", "--show-error", "--fail", "-C", "-", "-D", headers, "-o", out, url)
		var text []byte
		text, err = cmd.CombinedOutput()
		t.Logf("curl: %v %s", err, text)
		info, serr := os.Stat(out)
		if serr != nil {
			t.Fatal(serr)
		}
		sizes = append(sizes, info.Size())
		if err == nil {
			break
		}
	}
	if err != nil || len(sizes) != 3 || sizes[0] == 0 || sizes[0] > 100_000 || sizes[1] <= sizes[0] || sizes[1] > 250_000 {
		t.Fatalf("after each run there were %v bytes, the last one ended with %v", sizes, err)
	}
	sum, err := exec.CommandContext(t.Context(), "sha256sum", out).Output()
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(headers)
	if err != nil {
		t.Fatal(err)
	}
	digest := fieldDigest(t, string(header))
	if got := strings.Fields(string(sum))[0]; got != digest {
		t.Errorf("sha256sum says %s, Repr-Digest %s", got, digest)
	}
	entries := w.trail.all()
	if len(entries) != 3 || entries[0].Complete || entries[1].Complete || !entries[2].Complete ||
		entries[0].Range != "" || !strings.HasPrefix(entries[1].Range, "bytes=") ||
		entries[2].Range != "bytes="+strconv.FormatInt(sizes[1], 10)+"-" || entries[2].Bytes != 300_000-sizes[1] {
		t.Errorf("recorded %+v", entries)
	}
	if log := w.log.String(); strings.Count(log, "a download was broken off") != 2 || strings.Contains(log, "signature") {
		t.Errorf("logged %s", log)
	}
}

// fieldDigest is the hexadecimal SHA-256 in Repr-Digest.
func fieldDigest(t *testing.T, header string) string {
	t.Helper()
	_, text, _ := strings.Cut(header, "Repr-Digest: sha-256=:")
	text, _, _ = strings.Cut(text, ":")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != sha256.Size {
		t.Fatalf("Repr-Digest in %s: %v", header, err)
	}
	return hex.EncodeToString(b)
}

// TestBrokenObject has a destination that fails in the middle; a client must
// never take a piece for the whole.
func TestBrokenObject(t *testing.T) {
	for _, c := range []struct {
		name, span string
		http2      bool
	}{
		{"whole", "", false},
		{"range", "bytes=50000-", false},
		{"several ranges", "bytes=0-9,50000-199999", false},
		{"HTTP/2", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.destination.breaks = []int64{100_000}
			s := httptest.NewUnstartedServer(w.handler)
			s.EnableHTTP2 = c.http2
			if s.EnableHTTP2 {
				s.StartTLS()
			} else {
				s.Start()
			}
			defer s.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.link(t, s.URL), nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.span != "" {
				r.Header.Set("Range", c.span)
			}
			resp, err := s.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err == nil {
				t.Errorf("the client took %d bytes for the whole", len(body))
			}
			if resp.ProtoMajor == 2 != c.http2 {
				t.Errorf("it was %s", resp.Proto)
			}
			s.Close() // waits for the handler
			e := w.trail.all()
			if len(e) != 1 || e[0].Complete || e[0].Bytes == 0 || e[0].Bytes > 101_000 || e[0].Range != c.span {
				t.Errorf("recorded %+v", e)
			}
			if !strings.Contains(w.log.String(), errRead.Error()) {
				t.Errorf("logged %s", w.log)
			}
			if w.destination.closed != 1 {
				t.Error("the object is open")
			}
		})
	}
}

// TestClientGoes has a client that hangs up.
func TestClientGoes(t *testing.T) {
	w := newWorld(t)
	w.destination.content = bytes.Repeat([]byte("x"), 64<<20) // more than sockets take
	w.jobs.job.Size = 64 << 20
	s := w.serve(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.link(t, s.URL), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	s.Close()
	e := w.trail.all()
	if len(e) != 1 || e[0].Complete || e[0].Bytes < 1000 || e[0].Bytes >= 64<<20 || e[0].Action != audit.Downloaded {
		t.Errorf("recorded %+v", e)
	}
	if w.log.String() != "" {
		t.Errorf("logged %s", w.log)
	}
}

func TestTwoAtOnce(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for range 10 {
				status, body, err := get(t, s.Client(), w.link(t, s.URL))
				if err != nil || status != http.StatusOK || !bytes.Equal(body, w.content) {
					t.Errorf("%d bytes, %v", len(body), err)
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	if err := w.handler.(*sign.Links).Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var recorded int64
	for _, e := range w.trail.all() {
		recorded += max(e.Requests, 1)
	}
	if recorded != 20 {
		t.Errorf("%d downloads were recorded, want 20", recorded)
	}
}

// brokenWriter fails behind some bytes, as a connection that is reset does.
type brokenWriter struct {
	http.ResponseWriter
	left int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return b.left, errors.New("connection reset by peer")
	}
	b.left -= len(p)
	return b.ResponseWriter.Write(p)
}

func TestConnectionBreaks(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), "GET", w.link(t, "http://example.com"), nil)
	r.RemoteAddr = "[2001:db8::1]:4711"
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler { //nolint:errorlint // it is what net/http compares
				t.Errorf("recovered %v", v)
			}
		}()
		w.handler.ServeHTTP(&brokenWriter{httptest.NewRecorder(), 100_000}, r)
	}()
	e := w.trail.all()
	if len(e) != 1 || e[0].Complete || e[0].Bytes == 0 || e[0].Bytes > 100_000+1<<15 || e[0].Address != "2001:db8::1" {
		t.Errorf("recorded %+v", e)
	}
}
