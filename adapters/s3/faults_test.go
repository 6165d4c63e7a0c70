package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/internal/s3test"
)

// behind returns a bucket of a real server that is reached through a handler, which may hand
// requests on.
func behind(t *testing.T, handler func(server http.Handler) http.Handler) s3test.Bucket {
	t.Helper()
	b := s3test.NewBucket(t)
	target, err := url.Parse(b.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(handler(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}))
	t.Cleanup(front.Close)
	b.Endpoint = front.URL
	return b
}

// roundTrip puts and reads several objects, of one piece and of many.
func roundTrip(t *testing.T, b s3test.Bucket) {
	t.Helper()
	d := s3.NewDestination(openIn(t, b, "", s3.Config{PartSize: piece}))
	for _, n := range []int{0, 1000, 3*piece + 1} {
		content := random(n)
		if err := d.Put(t.Context(), "a", copies(content)); err != nil {
			t.Fatal(err)
		}
		wantObject(t, d, "a", content)
	}
}

// cutBody ends after n bytes as if the connection were broken.
type cutBody struct {
	io.ReadCloser
	n int
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.n == 0 {
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.n)])
	b.n -= n
	return n, err
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

// Unwrap is for [http.ResponseController].
func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestCutConnections cuts connections in the middle of requests and of answers.
func TestCutConnections(t *testing.T) {
	var cuts atomic.Int64
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch n := rand.IntN(2 * piece); {
			case r.Method == http.MethodPut && r.ContentLength > int64(n):
				cuts.Add(1)
				r.Body = &cutBody{r.Body, n}
			case r.Method == http.MethodGet:
				w = &cutWriter{w, n / 4}
			}
			server.ServeHTTP(w, r)
		})
	})
	roundTrip(t, b)
	t.Logf("%d requests were cut", cuts.Load())
}

// TestLostAnswers hands requests on and cuts the connection instead of answering, each time
// for the first try: what the server has done must not be an error.
func TestLostAnswers(t *testing.T) {
	var requests atomic.Int64
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet && requests.Add(1)%2 == 1 {
				server.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
			server.ServeHTTP(w, r)
		})
	})
	roundTrip(t, b)
}

// TestSlowDown answers each request with 503 at first.
func TestSlowDown(t *testing.T) {
	var requests atomic.Int64
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if requests.Add(1)%2 == 1 {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
				return
			}
			server.ServeHTTP(w, r)
		})
	})
	roundTrip(t, b)
}

// TestRewrittenHeaders changes a header on the way, as Google's front end and other proxies do: it
// must not be part of the signature.
func TestRewrittenHeaders(t *testing.T) {
	var changed atomic.Int64
	roundTrip(t, behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if said := r.Header.Get("Accept-Encoding"); said != "" {
				changed.Add(1)
				r.Header.Set("Accept-Encoding", said+",gzip(gfe)")
			}
			server.ServeHTTP(w, r)
		})
	}))
	if changed.Load() == 0 {
		t.Error("no header was changed")
	}
}

// TestWrongClock has a server whose clock is 20 minutes ahead. It refuses what is signed by
// another clock, as S3 does.
func TestWrongClock(t *testing.T) {
	const ahead = 20 * time.Minute
	credentials := aws.Credentials{AccessKeyID: s3test.AccessKey, SecretAccessKey: s3test.SecretKey}
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().Add(ahead).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err != nil || now.Sub(signed).Abs() > 15*time.Minute {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "<Error><Code>RequestTimeTooSkewed</Code><Message>The difference is too large.</Message></Error>")
				return
			}
			// The real server has our clock.
			r.Header.Del("Authorization")
			if err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(
				r.Context(), credentials, r, r.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", time.Now()); err != nil {
				t.Error(err)
			}
			server.ServeHTTP(&dated{w, now}, r)
		})
	})
	roundTrip(t, b)
	bucket := openIn(t, b, "", s3.Config{})
	if err := bucket.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	link, err := s3.NewSigner(bucket, s3.SignerConfig{}).Sign(t.Context(), "a", "a.zip", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := time.Parse("20060102T150405Z", u.Query().Get("X-Amz-Date"))
	if off := time.Until(signed.Add(-ahead)); err != nil || off.Abs() > time.Minute {
		t.Errorf("the link is signed at %v, which is off by %v: %v", signed, off, err)
	}
}

// TestSweepByTheServersClock has a server whose clock is three days behind ours: an upload that has
// just begun is not an old one.
func TestSweepByTheServersClock(t *testing.T) {
	now := time.Now().Add(-72 * time.Hour).UTC()
	var aborted atomic.Int64
	b := answers(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", now.Format(http.TimeFormat))
		if r.Method == http.MethodDelete {
			aborted.Add(1)
			return
		}
		_, _ = fmt.Fprintf(w, "<ListMultipartUploadsResult><Upload><Key>p/a</Key><UploadId>1</UploadId><Initiated>%s</Initiated></Upload>"+
			"<Upload><Key>p/b</Key><UploadId>2</UploadId><Initiated>%s</Initiated></Upload></ListMultipartUploadsResult>",
			now.Format(time.RFC3339), now.Add(-49*time.Hour).Format(time.RFC3339))
	})
	if err := b.Sweep(t.Context()); err != nil || aborted.Load() != 1 {
		t.Errorf("%d uploads are aborted, want the old one: %v", aborted.Load(), err)
	}
}

// dated keeps the Date of a skewed clock.
type dated struct {
	http.ResponseWriter
	now time.Time
}

func (w *dated) WriteHeader(status int) {
	w.Header().Set("Date", w.now.Format(http.TimeFormat))
	w.ResponseWriter.WriteHeader(status)
}

// TestDamagedOnTheWay changes a byte of what is sent: the server refuses it.
func TestDamagedOnTheWay(t *testing.T) {
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			if len(body) > 0 {
				body[len(body)/2] ^= 1
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			server.ServeHTTP(w, r)
		})
	})
	d := s3.NewDestination(openIn(t, b, "", s3.Config{PartSize: piece}))
	for _, n := range []int{1000, 2*piece + 1} {
		if err := d.Put(t.Context(), "a", copies(random(n))); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
	if keys, left := b.Keys(t), b.Uploads(t); len(keys)+len(left) > 0 {
		t.Errorf("objects %q and uploads %q", keys, left)
	}
}

// TestCheckIsRare checks again and again, through two prefixes.
func TestCheckIsRare(t *testing.T) {
	var requests atomic.Int64
	b := openIn(t, behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			server.ServeHTTP(w, r)
		})
	}), "", s3.Config{})
	for range 10 {
		if err := errors.Join(b.Sub("a").Check(t.Context()), b.Sub("b").Check(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if n := requests.Load(); n > 2 { // one, unless this takes five seconds
		t.Errorf("20 checks made %d requests", n)
	}
}

// TestErrors has what an operator can have wrong.
func TestErrors(t *testing.T) {
	good := s3test.NewBucket(t)
	missing := good
	missing.Name = "there-is-none"
	closed := good
	closed.Endpoint = "http://127.0.0.1:1"
	for _, c := range []struct {
		name   string
		bucket s3test.Bucket
		secret string
		want   string
	}{
		{"no bucket", missing, s3test.SecretKey, "NoSuchBucket"},
		{"a wrong secret", good, "another-secret-key", "SignatureDoesNotMatch"},
		{"no server", closed, s3test.SecretKey, "connection refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s3test.Setenv(t)
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			b, err := s3.Open(t.Context(), c.bucket.URL(""), s3.Config{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			d := s3.NewDestination(b)
			checkErr := b.Check(ctx)
			if checkErr == nil || !strings.Contains(checkErr.Error(), c.want) { // also if it was tried until the time was over
				t.Errorf("Check gives %v, want %s", checkErr, c.want)
			}
			_, openErr := d.Open(ctx, "a")
			_, sizeErr := d.Size(ctx, "a")
			for what, err := range map[string]error{"Check": checkErr, "Open": openErr, "Size": sizeErr} {
				if err == nil || errors.Is(err, export.ErrNotFound) || strings.Contains(err.Error(), c.secret) {
					t.Errorf("%s gives %v", what, err)
				}
			}
		})
	}
}

// TestReplacedWhileRead replaces and deletes a large object while it is read.
func TestReplacedWhileRead(t *testing.T) {
	d := s3.NewDestination(open(t, "", s3.Config{}))
	for name, change := range map[string]func(){
		"replaced": func() {
			if err := d.Put(t.Context(), "a", copies(make([]byte, 2<<20))); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func() {
			if err := d.Delete(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		if err := d.Put(t.Context(), "a", copies(random(2<<20))); err != nil {
			t.Fatal(err)
		}
		r, err := d.Open(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		change()
		if _, err := io.Copy(io.Discard, r); err == nil || !strings.Contains(err.Error(), name+" while it was read") {
			t.Errorf("%s: %v", name, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
