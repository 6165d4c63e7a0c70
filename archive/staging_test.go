package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestReadsAhead lets the packing of a large file wait until the next file is read.
func TestReadsAhead(t *testing.T) {
	next := make(chan struct{})
	format := NewTar(newTestCodec(func(raw []byte) error {
		if raw[0] == 'a' {
			<-next
		}
		return nil
	}))
	var body bytes.Buffer
	err := format.Pack(t.Context(), &body, io.Discard, Options{Pool: NewPool(2)}, func(p Packer) error {
		if _, err := p.Add(t.Context(), Entry{Name: "a"}, bytes.NewReader(bytes.Repeat([]byte("a"), 2*4096))); err != nil {
			return err
		}
		_, err := p.Add(t.Context(), Entry{Name: "b"}, readerFunc(func([]byte) (int, error) {
			close(next)
			return 0, io.EOF
		}))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if body.Len() != 2*4096+2*tarBlock {
		t.Errorf("the body has %d bytes", body.Len())
	}
}

// TestFilesThatWait packs files that fit into memory while they wait, and longer ones, of
// which some fail: the part has those that are whole, and all places are given back.
func TestFilesThatWait(t *testing.T) {
	pool := NewPool(1) // 4 segments wait in memory
	format := NewTar(newTestCodec(func([]byte) error { return nil }))
	var body bytes.Buffer
	var want bytes.Buffer
	err := format.Pack(t.Context(), &body, io.Discard, Options{Pool: pool, Scratch: t.TempDir()}, func(p Packer) error {
		for segments := range 12 {
			for _, fails := range []bool{false, true} {
				content := bytes.Repeat([]byte{byte('a' + segments)}, segments*4096+7)
				var r io.Reader = bytes.NewReader(content)
				if fails {
					r = io.MultiReader(r, readerFunc(func([]byte) (int, error) { return 0, errTest }))
				} else {
					header, err := appendTarHeader(nil, Entry{Name: fmt.Sprint(segments), ModTime: time.Unix(0, 0)}, int64(len(content)))
					if err != nil {
						return err
					}
					want.Write(header)
					want.Write(content)
					want.Write(zeros[:-len(content)&(tarBlock-1)])
				}
				_, err := p.Add(t.Context(), Entry{Name: fmt.Sprint(segments), ModTime: time.Unix(0, 0)}, r)
				if fails != errors.Is(err, errTest) {
					return fmt.Errorf("%d segments: %w", segments, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(body.Bytes(), want.Bytes()) {
		t.Errorf("the body has %d bytes, want %d", body.Len(), want.Len())
	}
	if n, m := pool.waiting.Load(), len(pool.flight); n != 0 || m != 0 {
		t.Errorf("%d segments still wait in memory, and %d are in flight", n, m)
	}
}

// TestPartOfWaitingFilesFails ends parts while files wait.
func TestPartOfWaitingFilesFails(t *testing.T) {
	for _, c := range []struct {
		name string
		w    io.Writer
		fn   error
		want error
	}{
		{"fn", io.Discard, errTest, errTest},
		{"writer", writerFunc(func([]byte) (int, error) { return 0, errTest }), nil, errTest},
	} {
		pool := NewPool(2)
		format := NewTar(newTestCodec(func([]byte) error { return nil }))
		err := format.Pack(t.Context(), c.w, io.Discard, Options{Pool: pool, Scratch: t.TempDir()}, func(p Packer) error {
			for n := range 50 {
				_, _ = p.Add(t.Context(), Entry{Name: fmt.Sprint(n)}, bytes.NewReader(make([]byte, n*1000)))
			}
			return c.fn
		})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n, m := pool.waiting.Load(), len(pool.flight); n != 0 || m != 0 {
			t.Errorf("%s: %d segments still wait in memory, and %d are in flight", c.name, n, m)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestBacklog packs large files for a destination that does not take them: few wait in scratch,
// and the next one is not begun.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn, begun := make(chan struct{}), 0
		slow := writerFunc(func(p []byte) (int, error) {
			<-goOn
			return len(p), nil
		})
		format := NewTar(newTestCodec(func([]byte) error { return nil }))
		err := format.Pack(t.Context(), slow, io.Discard, Options{Pool: NewPool(1), Scratch: t.TempDir()}, func(p Packer) error {
			var adding sync.WaitGroup
			adding.Go(func() {
				for n := range 10 {
					begun++
					content := bytes.NewReader(make([]byte, 40*4096)) // more than fits in memory
					if _, err := p.Add(t.Context(), Entry{Name: fmt.Sprint(n)}, content); err != nil {
						t.Error(err)
					}
				}
			})
			synctest.Wait()
			if files := p.(*packer).backlog.files; files != mostInScratch || begun > mostInScratch+2 {
				t.Errorf("%d files wait in scratch, and %d were begun", files, begun)
			}
			impatient, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := p.Add(impatient, Entry{Name: "later"}, bytes.NewReader(make([]byte, 40*4096)))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a file whose context ends while it waits: %v", err)
			}
			close(goOn)
			adding.Wait()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
