package ranges_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/orgexport/orgexport/internal/ranges"
)

// object is one of a storage whose answers change can spoil.
type object struct {
	content []byte
	asked   [][2]int64
	change  func(body io.Reader) io.Reader
}

func (o *object) get(_ context.Context, at, until int64) (io.ReadCloser, error) {
	o.asked = append(o.asked, [2]int64{at, until})
	body := io.Reader(bytes.NewReader(o.content[at:min(until, int64(len(o.content)))]))
	if o.change != nil {
		body = o.change(body)
	}
	return io.NopCloser(body), nil
}

func (o *object) open(t *testing.T) *ranges.Reader {
	t.Helper()
	r, err := ranges.Open(t.Context(), func(ctx context.Context, until int64) (io.ReadCloser, int64, error) {
		if len(o.content) == 0 {
			return nil, 0, nil
		}
		body, err := o.get(ctx, 0, until)
		return body, int64(len(o.content)), err
	}, o.get)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

func TestReader(t *testing.T) {
	for _, n := range []int{0, 1, ranges.First, ranges.First + 1, 5 << 20} {
		r := (&object{content: random(n)}).open(t)
		if err := iotest.TestReader(r, random(n)); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
		if r.Size() != int64(n) {
			t.Errorf("the size of %d bytes is %d", n, r.Size())
		}
	}
}

// Ranges grow, and begin small again after a seek.
func TestRangesGrow(t *testing.T) {
	o := &object{content: random(3 << 20)}
	r := o.open(t)
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Seek(-10, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int64{{0, 256 << 10}, {256 << 10, 768 << 10}, {768 << 10, 1792 << 10}, {1792 << 10, 3 << 20}, {3<<20 - 10, 3 << 20}} {
		if i >= len(o.asked) || o.asked[i] != want {
			t.Fatalf("asked for %v, want %v at %d", o.asked, want, i)
		}
	}
}

var errCut = errors.New("cut")

// Connections that break in the middle are made again; those that never give a byte are not made
// forever.
func TestBrokenConnections(t *testing.T) {
	o := &object{content: random(2 << 20), change: func(body io.Reader) io.Reader {
		return io.MultiReader(io.LimitReader(body, 100_000), iotest.ErrReader(errCut))
	}}
	got, err := io.ReadAll(o.open(t))
	if err != nil || !bytes.Equal(got, o.content) {
		t.Errorf("read %d bytes of %d, %v", len(got), len(o.content), err)
	}
	o.change = func(io.Reader) io.Reader { return iotest.ErrReader(errCut) }
	o.asked = nil
	if _, err := io.ReadAll(o.open(t)); !errors.Is(err, errCut) || len(o.asked) != 5 {
		t.Errorf("%v after %d requests", err, len(o.asked))
	}
}

// A server that says that a range has more than it was asked for is not believed.
func TestLongAnswers(t *testing.T) {
	o := &object{content: random(1 << 20), change: func(body io.Reader) io.Reader {
		return io.MultiReader(body, bytes.NewReader(make([]byte, 1000)))
	}}
	if got, err := io.ReadAll(o.open(t)); err != nil || !bytes.Equal(got, o.content) {
		t.Errorf("read %d bytes of %d, %v", len(got), len(o.content), err)
	}
}

// A connection that gives nothing for a minute is broken off.
func TestStalledConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		r, err := ranges.Open(t.Context(), func(ctx context.Context, _ int64) (io.ReadCloser, int64, error) {
			r, w := io.Pipe()
			context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
			return r, 3, nil
		}, func(context.Context, int64, int64) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader([]byte("abc"))), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != "abc" || time.Since(begin) != time.Minute {
			t.Errorf("%q after %v, %v", got, time.Since(begin), err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A server that never answers is given up, at the beginning and in the middle. The error is not
// one of the context, which would say that nobody waits for the object any more.
func TestNoAnswer(t *testing.T) {
	never := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	wantGivenUp := func(t *testing.T, err error, begin time.Time) {
		t.Helper()
		if err == nil || errors.Is(err, context.Canceled) || time.Since(begin) != 2*time.Minute {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, err := ranges.Open(t.Context(), func(ctx context.Context, _ int64) (io.ReadCloser, int64, error) { return nil, 0, never(ctx) }, nil)
		wantGivenUp(t, err, begin)
	})
	synctest.Test(t, func(t *testing.T) {
		o := &object{content: random(1 << 20)}
		r, err := ranges.Open(t.Context(), func(ctx context.Context, until int64) (io.ReadCloser, int64, error) {
			body, err := o.get(ctx, 0, until)
			return body, int64(len(o.content)), err
		}, func(ctx context.Context, _, _ int64) (io.ReadCloser, error) { return nil, never(ctx) })
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		got, err := io.ReadAll(r)
		wantGivenUp(t, err, begin)
		if len(got) != ranges.First {
			t.Errorf("%d bytes", len(got))
		}
	})
}

// A range that is over before it has begun, again and again, is not the end of the object, and
// one that was broken off is not the end of the context.
func TestWhatIsNotTheEnd(t *testing.T) {
	for _, body := range []io.Reader{bytes.NewReader(nil), iotest.ErrReader(context.Canceled), iotest.ErrReader(io.EOF), quiet{}} {
		o := &object{content: random(1000), change: func(io.Reader) io.Reader { return body }}
		_, err := io.ReadAll(o.open(t))
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Unwrap(err) == nil {
			t.Errorf("%T: %v", body, err)
		}
	}
}

// An object whose size is not known is not an empty one.
func TestNoSize(t *testing.T) {
	_, err := ranges.Open(t.Context(), func(context.Context, int64) (io.ReadCloser, int64, error) {
		return io.NopCloser(bytes.NewReader([]byte("abc"))), -1, nil
	}, nil)
	if err == nil {
		t.Error("it was opened")
	}
}

// quiet is a connection that gives neither bytes nor an error.
type quiet struct{}

func (quiet) Read([]byte) (int, error) { return 0, nil }
