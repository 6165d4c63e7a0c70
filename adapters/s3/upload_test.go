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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/orgexport/orgexport/adapters/s3"
	"github.com/orgexport/orgexport/internal/s3test"
)

const piece = 5 << 20

var errBroken = errors.New("broken")

// random returns n bytes that do not repeat.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b) // never fails
	return b
}

// copies returns a function for Put that writes b in chunks.
func copies(b []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{w}, bytes.NewReader(b), make([]byte, 100_003))
		return err
	}
}

func wantObject(t *testing.T, d *s3.Destination, key string, want []byte) {
	t.Helper()
	r, err := d.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes of %d come back, or others: %v", len(got), len(want), err)
	}
}

// TestUploadsOfAllSizes has sizes around whole pieces.
func TestUploadsOfAllSizes(t *testing.T) {
	b := s3test.NewBucket(t)
	d := s3.NewDestination(openIn(t, b, "", s3.Config{PartSize: piece}))
	content := random(3*piece + 1)
	for _, n := range []int{1, piece - 1, piece, piece + 1, 2 * piece, 3*piece + 1} {
		if err := d.Put(t.Context(), "a", copies(content[:n])); err != nil {
			t.Fatal(err)
		}
		wantObject(t, d, "a", content[:n])
	}
	if left := b.Uploads(t); len(left) > 0 {
		t.Errorf("uploads of %q are not complete", left)
	}
}

// TestBrokenOffUploads breaks uploads off when several pieces have been sent: the server
// keeps nothing of them.
func TestBrokenOffUploads(t *testing.T) {
	b := s3test.NewBucket(t)
	d := s3.NewDestination(openIn(t, b, "", s3.Config{PartSize: piece}))
	content := random(3 * piece)
	ctx, cancel := context.WithCancelCause(t.Context())
	for name, c := range map[string]struct {
		ctx  context.Context
		stop func() error
	}{
		"an error":  {t.Context(), func() error { return errBroken }},
		"a panic":   {t.Context(), func() error { panic(errBroken) }},
		"cancelled": {ctx, func() error { cancel(errBroken); return nil }},
	} {
		err := func() (err error) {
			defer func() {
				if v := recover(); v != nil {
					err, _ = v.(error)
				}
			}()
			return d.Put(c.ctx, "a", func(w io.Writer) error {
				return errors.Join(copies(content)(w), c.stop())
			})
		}()
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: Put gives %v", name, err)
		}
		if c.ctx == ctx { // a piece may have been on its way
			if err := d.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if keys, left := b.Keys(t), b.Uploads(t); len(keys)+len(left) > 0 {
			t.Errorf("%s: objects %q and uploads %q are left", name, keys, left)
		}
	}
}

// TestUploadWaits has a server that answers nothing: no more than two pieces are taken.
func TestUploadWaits(t *testing.T) {
	var taken atomic.Int64
	ctx, cancel := context.WithCancelCause(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPost && r.URL.Query().Has("uploads"):
			_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPut:
			_, _ = io.Copy(io.Discard, r.Body)
			cancel(errBroken) // the first piece is there
			<-r.Context().Done()
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer server.Close()
	d := s3.NewDestination(openIn(t, s3test.Bucket{Name: "b", Endpoint: server.URL}, "", s3.Config{PartSize: piece}))
	err := d.Put(ctx, "a", func(w io.Writer) error {
		for range 4 * piece / 1024 {
			n, err := w.Write(make([]byte, 1024))
			taken.Add(int64(n))
			if err != nil {
				return err
			}
		}
		return nil
	})
	if got := taken.Load(); !errors.Is(err, errBroken) || got < piece || got > 2*piece {
		t.Errorf("%d bytes were taken, want one or two pieces: %v", got, err)
	}
}

// TestPutBounded has pieces that are as large as the bound needs.
func TestPutBounded(t *testing.T) {
	var first atomic.Int64
	b := behind(t, func(server http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut && r.URL.Query().Get("partNumber") == "1" {
				first.Store(r.ContentLength)
			}
			server.ServeHTTP(w, r)
		})
	})
	d := s3.NewDestination(openIn(t, b, "", s3.Config{PartSize: piece}))
	content := random(2*piece + 1)
	for most, want := range map[int64]int64{0: piece, 9000 * piece: piece, 9000*piece + 1: piece + 1, 9000 * 2 * piece: 2 * piece} {
		if err := d.PutBounded(t.Context(), "a", most, copies(content)); err != nil {
			t.Fatal(err)
		}
		wantObject(t, d, "a", content)
		if got := first.Load(); got != want {
			t.Errorf("for up to %d bytes the first piece has %d, want %d", most, got, want)
		}
	}
	if err := d.PutBounded(t.Context(), "a", 5<<40+1, copies(content)); err == nil {
		t.Error("an object of more than 5 TiB is begun")
	}
}

// TestMaxBytes has sizes that no server takes.
func TestMaxBytes(t *testing.T) {
	for _, c := range []struct {
		max, part int64
		ok        bool
	}{
		{0, 0, true},
		{5 << 40, 0, true},
		{5<<40 + 1, 0, false},
		{0, 1 << 20, false},
		{0, 6 << 30, false},
	} {
		s3test.Setenv(t)
		_, err := s3.Open(t.Context(), "s3://b", s3.Config{MaxBytes: c.max, PartSize: c.part})
		if (err == nil) != c.ok {
			t.Errorf("MaxBytes %d, PartSize %d: %v", c.max, c.part, err)
		}
	}
}

// TestKilledServer kills the server at ten random moments of uploads, and starts it again:
// what is there is whole, and nothing else is left once it is swept. Half of the uploads are
// of a client that tries nothing twice.
func TestKilledServer(t *testing.T) {
	server := s3test.NewServer(t)
	b := server.NewBucket(t)
	impatient, err := s3.NewBucket(s3.Config{
		Client: awss3.New(b.Client().Options(), func(o *awss3.Options) { o.Retryer = aws.NopRetryer{} }), Name: b.Name, PartSize: piece,
	})
	if err != nil {
		t.Fatal(err)
	}
	buckets := []*s3.Bucket{openIn(t, b, "archives", s3.Config{PartSize: piece}), impatient.Sub("archives")}
	content := random(4*piece + 1)
	var completed int
	for round := range 10 {
		d := s3.NewDestination(buckets[round%2])
		key := fmt.Sprint("a/", round)
		kill := rand.IntN(len(content))
		var down sync.WaitGroup
		err := d.Put(t.Context(), key, func(w io.Writer) error {
			var written int
			for chunk := range bytesIn(content, 100_003) {
				if written <= kill && kill < written+len(chunk) {
					down.Go(func() {
						server.Kill(t)
						server.Start(t)
					})
				}
				written += len(chunk)
				if _, err := w.Write(chunk); err != nil {
					return err
				}
			}
			return nil
		})
		down.Wait()
		if err == nil {
			completed++
			wantObject(t, d, key, content)
			continue
		}
		t.Logf("round %d, killed at byte %d: %.200v", round, kill, err)
		if keys := b.Keys(t); slices.Contains(keys, "archives/"+key) {
			t.Errorf("an object of a failed upload is in %q", keys)
		}
	}
	for _, b := range buckets {
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if left := b.Uploads(t); len(left) > 0 {
		t.Errorf("uploads of %q are left", left)
	}
	if completed < 5 {
		t.Errorf("%d of 10 uploads were completed, want all five of the client that tries again", completed)
	}
}

func bytesIn(b []byte, n int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			k := min(n, len(b))
			if !yield(b[:k]) {
				return
			}
			b = b[k:]
		}
	}
}

// TestSweep sweeps uploads of others when they are old, and none that is in use or of
// another prefix.
func TestSweep(t *testing.T) {
	b := s3test.NewBucket(t)
	ours := openIn(t, b, "ours", s3.Config{PartSize: piece, UploadAge: 1})
	patient := openIn(t, b, "ours", s3.Config{PartSize: piece})
	others := openIn(t, b, "oursnot", s3.Config{PartSize: piece})
	write := func(sweep func(), keep int) func(io.Writer) error {
		return func(w io.Writer) error {
			err := copies(random(2*piece + 1))(w)
			sweep()
			left := b.Uploads(t)
			for range 50 { // the server may receive a piece meanwhile, and keep the upload
				if keep > 0 || len(left) == 0 {
					break
				}
				sweep()
				left = b.Uploads(t)
			}
			if len(left) != keep {
				t.Errorf("the uploads %q are there, want %d", left, keep)
			}
			return errors.Join(err, errBroken)
		}
	}
	sweep := func(b *s3.Bucket) func() {
		return func() {
			if err := b.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}
	for _, c := range []struct {
		name    string
		upload  *s3.Bucket
		sweeper *s3.Bucket
		keep    int
	}{
		{"its own", ours, ours, 1},
		{"of another process, new", ours, patient, 1},
		{"of another prefix", others, ours, 1},
		{"of another process, old", patient, ours, 0},
	} {
		if err := s3.NewDestination(c.upload).Put(t.Context(), "a", write(sweep(c.sweeper), c.keep)); !strings.Contains(err.Error(), errBroken.Error()) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
