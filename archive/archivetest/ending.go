package archivetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/orgexport/orgexport/archive"
)

var errCancelled = errors.New("cancelled by test")

// testCancelled ends the context of single Adds, after which the part goes on,
// then that of Pack, and then that of Join.
func testCancelled(t *testing.T, k *kit) {
	good := []item{newItem("before", text(3000, 1)), newItem("after", text(3000, 2))}
	want := k.pack(t, good...)
	got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
		if err := add(t.Context(), p, good[0]); err != nil {
			return err
		}
		for _, at := range []int{0, 100, k.Segment - 1, k.Segment, k.Segment + 1, 2*k.Segment + 5} {
			ctx, cancel := context.WithCancelCause(t.Context())
			r := io.MultiReader(bytes.NewReader(repeated(at)), &cancels{cancel})
			_, err := p.Add(ctx, newItem("cancelled", nil).entry(), r)
			var re *archive.ReadError
			if !errors.Is(err, errCancelled) || errors.As(err, &re) {
				t.Errorf("Add cancelled at %d: %v", at, err)
			}
		}
		return add(t.Context(), p, good[1])
	})
	if err != nil {
		t.Fatal(err)
	}
	sameParts(t, "part with cancelled files", got, want)

	items := k.several()
	for stop := range 3 {
		ctx, cancel := context.WithCancelCause(t.Context())
		_, err := k.tryPack(ctx, k.options(), func(p archive.Packer) error {
			for n, i := range items[:2] {
				if n == stop {
					cancel(errCancelled)
				}
				_, _ = p.Add(t.Context(), i.entry(), bytes.NewReader(i.content))
			}
			cancel(errCancelled)
			return nil
		})
		if !errors.Is(err, errCancelled) {
			t.Errorf("Pack cancelled before file %d: %v", stop, err)
		}
	}
	for stop := range 3 {
		ctx, cancel := context.WithCancelCause(t.Context())
		err := k.Format.Join(ctx, io.Discard, k.options(), func(j archive.Joiner) error {
			for n := range 2 {
				if n == stop {
					cancel(errCancelled)
				}
				_ = j.Part(bytes.NewReader(want.body), bytes.NewReader(want.tail))
			}
			cancel(errCancelled)
			return nil
		})
		if !errors.Is(err, errCancelled) {
			t.Errorf("Join cancelled before part %d: %v", stop, err)
		}
	}
}

// cancels is a reader that ends a context when it is read, and never ends itself.
type cancels struct{ cancel context.CancelCauseFunc }

func (c *cancels) Read(p []byte) (int, error) {
	c.cancel(errCancelled)
	return len(p), nil
}

// testAbandonedAdd returns from Pack's function while an Add waits for its
// reader.
func testAbandonedAdd(t *testing.T, k *kit) {
	good := newItem("good", text(3000, 1))
	want := k.pack(t, good)
	for _, size := range []int{0, 10, k.Segment, 2*k.Segment + 5} {
		r := &blocked{head: bytes.NewReader(repeated(size)), reached: make(chan struct{}), answer: make(chan struct{})}
		result := make(chan error, 1)
		got, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
			if err := add(t.Context(), p, good); err != nil {
				return err
			}
			go func() {
				_, err := p.Add(t.Context(), newItem("abandoned", nil).entry(), r)
				result <- err
			}()
			<-r.reached
			return nil
		})
		close(r.answer)
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		sameParts(t, "part with an abandoned file", got, want)
		if err := <-result; !errors.Is(err, archive.ErrClosed) || r.answers != 1 {
			t.Errorf("size %d: abandoned Add returned %v after %d more reads", size, err, r.answers)
		}
	}
}

// blocked is a reader that gives head, closes reached, waits for answer, and then
// ends or gives much more.
type blocked struct {
	head            io.Reader
	reached, answer chan struct{}
	ends            bool
	answers         int // how many reads came after head
}

func (b *blocked) Read(p []byte) (int, error) {
	if n, err := b.head.Read(p); n > 0 || err != io.EOF {
		return n, err
	}
	if b.answers == 0 {
		close(b.reached)
	}
	<-b.answer
	if b.answers++; b.ends || b.answers > 20 {
		return 0, io.EOF
	}
	return len(p), nil
}

func testAddAfterPack(t *testing.T, k *kit) {
	var kept archive.Packer
	for _, result := range []error{nil, errInjected} {
		_, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
			kept = p
			return result
		})
		if !errors.Is(err, result) {
			t.Errorf("Pack returned %v, want %v", err, result)
		}
		for _, size := range []int{0, 10, k.Segment + 1} {
			if err := add(t.Context(), kept, newItem("late", repeated(size))); !errors.Is(err, archive.ErrClosed) {
				t.Errorf("Add of %d bytes after Pack: %v", size, err)
			}
		}
	}
}

// testFailedFunction returns an error from the functions of Pack and Join.
func testFailedFunction(t *testing.T, k *kit) {
	items := k.several()
	for n := range 3 {
		_, err := k.tryPack(t.Context(), k.options(), func(p archive.Packer) error {
			return errors.Join(addAll(t.Context(), p, items[:n]), errInjected)
		})
		if !errors.Is(err, errInjected) {
			t.Errorf("Pack of %d files returned %v", n, err)
		}
	}
	p := k.pack(t, items[1])
	err := k.Format.Join(t.Context(), io.Discard, k.options(), func(j archive.Joiner) error {
		return errors.Join(joinAll([]part{p})(j), errInjected)
	})
	if !errors.Is(err, errInjected) {
		t.Errorf("Join returned %v", err)
	}
}
