package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var errTest = errors.New("test")

// testCodec does not pack. What its encoders do is up to the test.
type testCodec struct{ *testEncoder }

type testEncoder struct {
	running, most atomic.Int64
	encode        func(raw []byte) error
}

func newTestCodec(encode func(raw []byte) error) testCodec {
	return testCodec{&testEncoder{encode: encode}}
}

func (testCodec) Name() string                      { return "test" }
func (testCodec) MediaType() string                 { return "application/octet-stream" }
func (testCodec) Magic() []string                   { return nil }
func (testCodec) SegmentSize() int                  { return 4096 }
func (testCodec) Window() int                       { return 100 }
func (c testCodec) NewEncoder(int) (Encoder, error) { return c.testEncoder, nil }
func (testCodec) NewFrame() Frame                   { return testFrame{} }
func (e *testEncoder) mostAtOnce() int64            { return e.most.Load() }

func (e *testEncoder) Encode(dst, raw, dict []byte, _ bool) ([]byte, uint64, error) {
	n := e.running.Add(1)
	defer e.running.Add(-1)
	for most := e.most.Load(); n > most; most = e.most.Load() {
		if e.most.CompareAndSwap(most, n) {
			break
		}
	}
	if err := e.encode(raw); err != nil {
		return nil, 0, err
	}
	return append(dst, raw...), uint64(len(dict)), nil
}

// NewDecoder is not there: the test codec only packs.
func (testCodec) NewDecoder(io.Reader) (io.ReadCloser, error) {
	return nil, errors.New("test codec does not unpack")
}

type testFrame struct{}

func (testFrame) Open(io.Writer) error  { return nil }
func (testFrame) Segment(Segment) error { return nil }
func (testFrame) Close(io.Writer) error { return nil }

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// TestLaneOrder lets segments be packed in reverse: each waits for the one
// behind it, as far as the pool takes them at the same time.
func TestLaneOrder(t *testing.T) {
	const packers, segments = 4, 40
	packed := make([]chan struct{}, segments+packers)
	for i := range packed {
		packed[i] = make(chan struct{})
	}
	codec := newTestCodec(func(raw []byte) error {
		n := binary.BigEndian.Uint64(raw)
		if n%packers != packers-1 {
			<-packed[n+1]
		}
		close(packed[n])
		return nil
	})
	pool := NewPool(packers)
	l := newLane(pool, encoderKey{codec, 1})
	var got []uint64
	for n := range uint64(segments) {
		if n%packers == 0 && n > 0 {
			<-packed[n-packers] // the group before is through, so this one gets all packers
		}
		err := l.pack(t.Context(), batch{raw: number(n)}, func(_ []Segment, b []byte) error {
			got = append(got, binary.BigEndian.Uint64(b))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.then(func(bool) error { got = append(got, 1000+n); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.close(); err != nil {
		t.Fatal(err)
	}
	var want []uint64
	for n := range uint64(segments) {
		want = append(want, n, 1000+n)
	}
	if !slices.Equal(got, want) {
		t.Errorf("handed on %v", got)
	}
	if n := len(pool.flight); n != 0 {
		t.Errorf("%d segments are still in flight", n)
	}
}

// TestLaneFails lets the encoder, the writer or an action fail: nothing is
// handed on after the first failure, actions are told, and all places are
// given back.
func TestLaneFails(t *testing.T) {
	const segments, bad = 30, 7
	for _, where := range []string{"encoder", "put", "act"} {
		pool := NewPool(2)
		l := newLane(pool, encoderKey{newTestCodec(func(raw []byte) error {
			if where == "encoder" && binary.BigEndian.Uint64(raw) == bad {
				return errTest
			}
			return nil
		}), 1})
		var put, acts, told int
		for n := range uint64(segments) {
			perr := l.pack(t.Context(), batch{raw: number(n)}, func([]Segment, []byte) error {
				if put++; where == "put" && n == bad {
					return errTest
				}
				return nil
			})
			terr := l.then(func(failed bool) error {
				if acts++; failed {
					told++
				}
				if where == "act" && n == bad {
					return errTest
				}
				return nil
			})
			for _, err := range []error{perr, terr} {
				if err != nil && !errors.Is(err, errTest) {
					t.Fatal(err)
				}
			}
		}
		if err := l.close(); !errors.Is(err, errTest) {
			t.Errorf("%s: close returned %v", where, err)
		}
		wantPut, wantWell := bad+1, bad+1
		if where == "encoder" {
			wantPut = bad
		}
		if where != "act" {
			wantWell = bad
		}
		if put != wantPut || acts-told != wantWell {
			t.Errorf("%s: %d segments and %d actions went well, want %d and %d", where, put, acts-told, wantPut, wantWell)
		}
		if n := len(pool.flight); n != 0 {
			t.Errorf("%s: %d segments are still in flight", where, n)
		}
	}
}

// TestPoolBounds shares one pool between parts and counts what runs at once
// and what is in flight.
func TestPoolBounds(t *testing.T) {
	const packers, parts = 3, 6
	pool := NewPool(packers)
	var inFlight atomic.Int64
	codec := newTestCodec(func([]byte) error {
		if n := int64(len(pool.flight)); n > inFlight.Load() {
			inFlight.Store(n)
		}
		return nil
	})
	format := NewTar(codec)
	var running sync.WaitGroup
	errs := make([]error, parts)
	for n := range errs {
		running.Go(func() {
			errs[n] = format.Pack(t.Context(), io.Discard, io.Discard, Options{Pool: pool, Scratch: t.TempDir()}, func(p Packer) error {
				for i := range 30 {
					e := Entry{Name: fmt.Sprint(i), ModTime: time.Unix(0, 0)}
					if _, err := p.Add(t.Context(), e, bytes.NewReader(make([]byte, i*1000))); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if n := codec.mostAtOnce(); n > packers {
		t.Errorf("%d segments were packed at once, want at most %d", n, packers)
	}
	if n := inFlight.Load(); n > 2*packers+2 {
		t.Errorf("%d segments were in flight, want at most %d", n, 2*packers+2)
	}
	if n := len(pool.flight); n != 0 {
		t.Errorf("%d segments are still in flight", n)
	}
	if n := len(pool.encoders[encoderKey{codec, 6}]); n > packers {
		t.Errorf("%d encoders are kept, want at most %d", n, packers)
	}
}

// TestPoolGivesNoPlaceToTheDead asks for a place with a context that has
// ended, which must not depend on chance.
func TestPoolGivesNoPlaceToTheDead(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	pool := NewPool(1)
	for range 100 {
		if err := pool.board(ctx); !errors.Is(err, errTest) {
			t.Fatalf("board returned %v", err)
		}
	}
}

// TestCodecFails has a tar format whose codec breaks at a segment of small
// files, of a large one, and at the end of the archive.
func TestCodecFails(t *testing.T) {
	for _, size := range []int{5, 4000, 20_000} {
		format := NewTar(newTestCodec(func([]byte) error { return errTest }))
		err := format.Pack(t.Context(), io.Discard, io.Discard, Options{}, func(p Packer) error {
			for i := range 5 {
				_, _ = p.Add(t.Context(), Entry{Name: fmt.Sprint(i), ModTime: time.Unix(0, 0)}, bytes.NewReader(make([]byte, size)))
			}
			return nil
		})
		if !errors.Is(err, errTest) {
			t.Errorf("Pack of %d bytes: %v", size, err)
		}
		if err := format.Join(t.Context(), io.Discard, Options{}, func(Joiner) error { return nil }); !errors.Is(err, errTest) {
			t.Errorf("Join: %v", err)
		}
	}
}
