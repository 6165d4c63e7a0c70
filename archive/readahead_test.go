package archive

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
	"testing/synctest"
)

// TestReadAheadOrder: bytes and the error behind them come in order, however
// the stream cuts them.
func TestReadAheadOrder(t *testing.T) {
	boom := errors.New("boom")
	want := bytes.Repeat([]byte("0123456789"), aheadSize)
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"as it is":  func(r io.Reader) io.Reader { return r },
		"halves":    iotest.HalfReader,
		"with data": iotest.DataErrReader,
	} {
		for _, end := range []error{io.EOF, boom} {
			src := &source{r: io.MultiReader(bytes.NewReader(want), iotest.ErrReader(end))}
			a := newReadAhead(cut(src), src, newChunks(aheadSize))
			got := make([]byte, len(want)+1)
			n, err := io.ReadFull(readerFunc(a.Read), got)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				err = io.EOF // which ReadFull has made of it
			}
			if !bytes.Equal(got[:n], want) || !errors.Is(err, end) {
				t.Errorf("%s: %d bytes of %d, %v, want %v", name, n, len(want), err, end)
			}
			if s := a.source(); s.n != int64(len(want)) || errors.Is(end, boom) != errors.Is(s.err, boom) {
				t.Errorf("%s: %d bytes of the source, %v", name, s.n, s.err)
			}
			if _, again := a.Read(got); !errors.Is(again, end) {
				t.Errorf("%s: then %v, want %v", name, again, end)
			}
			a.Close()

			a = newReadAhead(cut(io.MultiReader(bytes.NewReader(want), iotest.ErrReader(end))), &source{}, newChunks(aheadSize))
			var all bytes.Buffer
			written, err := a.WriteTo(&all)
			if errors.Is(end, io.EOF) != (err == nil) || err != nil && !errors.Is(err, end) || written != int64(len(want)) || !bytes.Equal(all.Bytes(), want) {
				t.Errorf("%s: %d bytes written, %v, want %v", name, written, err, end)
			}
			a.Close()
		}
	}
	a := newReadAhead(bytes.NewReader(want), &source{}, newChunks(aheadSize))
	defer a.Close()
	if n, err := a.WriteTo(writerFunc(func([]byte) (int, error) { return 3, boom })); n != 3 || !errors.Is(err, boom) {
		t.Errorf("a writer that fails: %d, %v", n, err)
	}
}

// TestReadAheadBound: no more is read than there are buffers for.
func TestReadAheadBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &source{r: endless{}}
		a := newReadAhead(src, src, newChunks(aheadSize))
		for used := range 3 {
			synctest.Wait()
			if want := int64(aheadBuffers+max(0, used-1)) * aheadSize; src.n != want {
				t.Errorf("%d bytes are read after %d pieces, want %d", src.n, used, want)
			}
			if _, err := io.CopyN(io.Discard, readerFunc(a.Read), aheadSize); err != nil {
				t.Fatal(err)
			}
		}
		a.Close() // the bubble waits for the goroutine
	})
}

// endless gives zeros for ever.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestReadAheadClose waits for a read that is under way.
func TestReadAheadClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := io.Pipe()
		a := newReadAhead(out, &source{}, newChunks(aheadSize))
		synctest.Wait() // until it reads
		closed := false
		go func() {
			a.Close()
			closed = true
		}()
		synctest.Wait()
		if closed {
			t.Error("Close does not wait")
		}
		if _, err := in.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if _, err := a.Read(make([]byte, 1)); !closed || !errors.Is(err, errReaderClosed) {
			t.Errorf("closed is %v, then Read returns %v", closed, err)
		}
	})
}

// TestReadAheadGone has a source that ends the goroutine which reads it, as
// t.FailNow does.
func TestReadAheadGone(t *testing.T) {
	a := newReadAhead(readerFunc(func([]byte) (int, error) {
		runtime.Goexit()
		return 0, nil
	}), &source{}, newChunks(aheadSize))
	defer a.Close()
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, errNoReturn) {
		t.Errorf("Read returned %v", err)
	}
}
